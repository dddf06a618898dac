//! The log of a conversation: everything that changes it, under numbers that are dense from 1. The
//! numbers are the order of a conversation, for all nodes and clients; times are only the clock's.
//! What only concerns single users (receipts, hidden messages) is no change, nor is presence.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{ChangeNumber, ConversationId, Description, Message, MessageId, Reaction, Role};
use crate::model::UserId;

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ChangedBy {
    /// A user.
    User(UserId),
    /// An administrator of the server.
    Admin,
    /// Another program, in the database.
    Application,
}

impl ChangedBy {
    /// The user, if it was one.
    pub(crate) const fn user(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Admin | Self::Application => None,
        }
    }
}

/// A change of a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Its number.
    pub(crate) number: ChangeNumber,
    /// When, in milliseconds since the epoch.
    pub(crate) at: u64,
    /// By whom.
    pub(crate) by: ChangedBy,
    /// What it is.
    pub(crate) what: Changed,
}

/// What was changed. Read from the log later, a message is as it is then: content that was replaced or
/// deleted meanwhile is not kept.
#[derive(Debug, Clone)]
pub(crate) enum Changed {
    /// The conversation was created.
    Created {
        /// Its first participants.
        participants: Vec<(UserId, Role)>,
        /// Those of them who have blocked who created it: only others take them for participants.
        ignored: Vec<UserId>,
        /// Those of them who are only invited.
        invited: Vec<UserId>,
        /// The number of the first content key that was given.
        key_number: Option<i64>,
    },
    /// A message was sent.
    Sent(Message),
    /// The content of a message was replaced.
    Edited(Message),
    /// The content of a message was deleted.
    Deleted(Message),
    /// A reaction was added.
    Reacted(Reaction),
    /// A reaction was removed.
    Unreacted(Reaction),
    /// A user became a participant.
    Added {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
        /// The number of the content key that they were given.
        key_number: Option<i64>,
        /// The pending participant whose place they took, who is none any more.
        in_place_of: Option<UserId>,
        /// They have blocked who added them: only others take them for a participant.
        is_ignored: bool,
    },
    /// The role or the content key of a participant was changed.
    Updated {
        /// Who.
        user: UserId,
        /// What they are now.
        role: Role,
        /// The number of their content key now.
        key_number: Option<i64>,
    },
    /// Participants were given a new content key.
    KeyRotated {
        /// Its number.
        key_number: i64,
    },
    /// The title or the picture was changed.
    Described(Description),
    /// A participant left.
    Left(UserId),
    /// A participant was removed.
    Removed(UserId),
    /// The same of one whom only others took for a participant.
    Dismissed(UserId),
    /// A user was invited.
    Invited {
        /// Who.
        user: UserId,
        /// As what.
        role: Role,
        /// The number of the content key that they were given.
        key_number: Option<i64>,
        /// The pending participant in whose place they are, who was invited by a name.
        in_place_of: Option<UserId>,
    },
    /// An invitation was declined or withdrawn.
    Uninvited(UserId),
    /// What it was is not kept any more.
    Forgotten,
}

/// What a store did, and the change that it logged. `None`: nothing was changed.
#[derive(Debug)]
#[must_use = "a change has to be published"]
pub(crate) struct Logged<T> {
    /// As it is stored now.
    pub(crate) value: T,
    /// The change.
    pub(crate) change: Option<Change>,
    /// What follows from it, and was done in the same step under the next number.
    pub(crate) consequence: Option<Change>,
}

impl<T> Logged<T> {
    /// Something was changed.
    pub(crate) const fn new(value: T, change: Change) -> Self {
        Self {
            value,
            change: Some(change),
            consequence: None,
        }
    }

    /// Nothing was changed: it had been done before.
    pub(crate) const fn unchanged(value: T) -> Self {
        Self {
            value,
            change: None,
            consequence: None,
        }
    }

    /// The change, and what follows from it.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.change.into_iter().chain(self.consequence).collect()
    }

    /// The same with what follows from the change.
    pub(crate) fn with_consequence(self, consequence: Option<Change>) -> Self {
        Self {
            consequence,
            ..self
        }
    }
}

impl Changed {
    /// Makes of the participants after it those before it. Of one who was removed the role is not
    /// known, which is the lesser one then.
    pub(crate) fn revert(&self, participants: &mut HashMap<UserId, Role>) {
        match self {
            Self::Created { .. } => participants.clear(),
            Self::Added {
                user,
                in_place_of,
                is_ignored,
                ..
            } => {
                if !is_ignored {
                    participants.remove(user);
                }
                participants.extend(in_place_of.clone().map(|pending| (pending, Role::Member)));
            }
            Self::Left(user) | Self::Removed(user) => {
                participants.insert(user.clone(), Role::Member);
            }
            _ => {}
        }
    }
}

impl Change {
    /// Changes behind one up to another, with stand-ins for those that are not kept any more.
    pub(crate) fn without_gaps(
        found: Vec<Self>,
        after: ChangeNumber,
        end: ChangeNumber,
    ) -> Vec<Self> {
        let mut found = found.into_iter().peekable();
        let numbers = after.next().get()..=end.get();
        let each = numbers.map(|number| {
            let number = ChangeNumber::new(number);
            let known = found.next_if(|change| change.number == number);
            known.unwrap_or_else(|| Self::forgotten(number))
        });
        each.collect()
    }

    /// What stands for a change that is not kept any more. Nobody is told of it.
    pub(crate) fn forgotten(number: ChangeNumber) -> Self {
        Self {
            number,
            at: 0,
            by: ChangedBy::Application,
            what: Changed::Forgotten,
        }
    }

    /// Whether it is not kept any more.
    pub(crate) const fn is_forgotten(&self) -> bool {
        matches!(self.what, Changed::Forgotten)
    }

    /// The message that it is about, or that was reacted to.
    pub(crate) fn message_id(&self) -> Option<MessageId> {
        match &self.what {
            Changed::Reacted(reaction) | Changed::Unreacted(reaction) => Some(reaction.message),
            _ => self.message().map(|message| message.id),
        }
    }

    /// The message that it is about, with its content.
    pub(crate) fn message(&self) -> Option<&Message> {
        match &self.what {
            Changed::Sent(message) | Changed::Edited(message) | Changed::Deleted(message) => {
                Some(message)
            }
            _ => None,
        }
    }
}

/// A part of a log.
#[derive(Debug)]
pub(crate) struct ChangePage {
    /// In the order of their numbers, which are those behind the requested one.
    pub(crate) changes: Vec<Change>,
    /// The number of the last change of the conversation.
    pub(crate) last: ChangeNumber,
}

/// Which part of a log a user reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogWindow {
    /// Behind this change.
    pub(crate) after: ChangeNumber,
    /// Up to this one, which must have been made.
    pub(crate) until: ChangeNumber,
    /// Whether with the messages that were sent, or only with what else happened.
    pub(crate) with_sent: bool,
}

/// What a user reads of a log.
#[derive(Debug)]
pub(crate) struct VisibleChanges {
    /// In the order of their numbers.
    pub(crate) changes: Vec<Change>,
    /// How far this reaches: less than what was requested if it is much.
    pub(crate) end: ChangeNumber,
}

/// What a present or former participant may read of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Participation {
    /// Of which conversation.
    pub(crate) conversation: ConversationId,
    /// The change by which they were added last.
    pub(crate) added: ChangeNumber,
    /// The change with which their participation ended. `None`: they are an active participant.
    pub(crate) ended: Option<ChangeNumber>,
    /// The last change of the conversation.
    pub(crate) last: ChangeNumber,
    /// Up to this change something of the log may be gone.
    pub(crate) forgotten: ChangeNumber,
}

/// The active participants of a conversation after a change.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// The last change that they include.
    pub(crate) number: ChangeNumber,
    /// Who they are, and as what.
    pub(crate) participants: HashMap<UserId, Role>,
}
