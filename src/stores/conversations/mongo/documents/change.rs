//! Documents of `changes`: what is logged of a conversation, without content. They are only for the
//! store. That a message was sent is logged by the message itself.

use mongodb::bson::DateTime;
use serde::{Deserialize, Serialize};

use super::fields::{damaged, date, ms};
use crate::model::UserId;
use crate::model::conversation::{
    Change, ChangeNumber, Changed, ChangedBy, ConversationId, Description, Emoji, Message,
    MessageId, ParticipantStatus, Reaction, ReactionId, Role,
};
use crate::stores::conversations::error::StoreError;

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Kind {
    Created,
    Sent,
    Edited,
    Deleted,
    Reacted,
    Unreacted,
    Added,
    Changed,
    Left,
    Removed,
    KeyRotated,
    /// The title or the picture of the conversation was changed.
    Described,
}

impl Kind {
    /// Whether all participants are told of it, or are others after it.
    pub(crate) const fn is_of_participants(self) -> bool {
        matches!(
            self,
            Self::Created
                | Self::Added
                | Self::Changed
                | Self::Left
                | Self::Removed
                | Self::KeyRotated
                | Self::Described
        )
    }
}

/// Who made a change, if it was not an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum By {
    UserId(String),
    Application(bool),
}

impl By {
    fn of(by: &ChangedBy) -> Option<Self> {
        match by {
            ChangedBy::User(user) => Some(Self::UserId(user.as_str().to_owned())),
            ChangedBy::Admin => None,
            ChangedBy::Application => Some(Self::Application(true)),
        }
    }
}

/// A first participant of a conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FirstParticipant {
    pub(crate) user_id: String,
    pub(crate) role: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ignored: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) invited: bool,
}

impl FirstParticipant {
    pub(crate) fn of(user: &UserId, role: Role, status: ParticipantStatus) -> Self {
        Self {
            user_id: user.as_str().to_owned(),
            role: role.as_str().to_owned(),
            ignored: status == ParticipantStatus::Ignored,
            invited: status == ParticipantStatus::Invited,
        }
    }

    fn users<'a>(all: impl Iterator<Item = &'a Self>) -> Vec<UserId> {
        all.filter_map(|one| UserId::parse(&one.user_id)).collect()
    }

    fn read(&self) -> Option<(UserId, Role)> {
        Some((UserId::parse(&self.user_id)?, Role::parse(&self.role)?))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeDocument {
    pub(crate) conversation_id: String,
    pub(crate) number: i64,
    pub(crate) kind: Kind,
    pub(crate) at: DateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<By>,
    /// The message that was sent, edited, deleted, or reacted to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
    /// The participant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) emoji: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reaction_id: Option<String>,
    /// When the reaction was added that was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reacted_at: Option<DateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_number: Option<i64>,
    /// The pending participant whose place the added one took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) in_place_of: Option<String>,
    /// The one who was added or removed is ignored: only others take them for a participant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ignored: bool,
    /// The one who was added is only invited, or the one who left or was removed was only that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) invited: bool,
    /// The title of the conversation now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// Its picture now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) avatar_url: Option<String>,
    /// Those of a conversation that was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) participants: Option<Vec<FirstParticipant>>,
}

/// A document of `participantChanges`: the place of a change in the sequence of all conversations.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantChangeDocument {
    /// Its place there, from 1 and without gaps.
    #[serde(rename = "_id")]
    pub(crate) id: i64,
    pub(crate) conversation_id: String,
    /// The number of the change in its conversation.
    pub(crate) number: i64,
    pub(crate) at: DateTime,
}

impl ChangeDocument {
    /// A change of which nothing is said yet but by whom it was made, and when.
    pub(crate) fn new(
        conversation: &ConversationId,
        number: i64,
        kind: Kind,
        by: &ChangedBy,
        at: u64,
    ) -> Self {
        Self {
            conversation_id: conversation.as_str().to_owned(),
            number,
            kind,
            at: date(at),
            by: By::of(by),
            message_id: None,
            user_id: None,
            emoji: None,
            reaction_id: None,
            reacted_at: None,
            role: None,
            key_number: None,
            in_place_of: None,
            ignored: false,
            invited: false,
            title: None,
            avatar_url: None,
            participants: None,
        }
    }

    /// The user who made it.
    pub(crate) fn user(&self) -> Option<&str> {
        match &self.by {
            Some(By::UserId(user)) => Some(user),
            Some(By::Application(_)) | None => None,
        }
    }

    /// Whether another program made it, in the documents that it concerns.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self.by, Some(By::Application(_)))
    }

    /// The message without whose content it cannot be told.
    pub(crate) fn needs_message(&self) -> Option<&str> {
        let needs = matches!(self.kind, Kind::Sent | Kind::Edited | Kind::Deleted);
        self.message_id.as_deref().filter(|_| needs)
    }

    /// The change, given the message that it needs.
    pub(crate) fn change(&self, message: Option<Message>) -> Result<Change, StoreError> {
        self.parts(message).ok_or_else(damaged("changes"))
    }

    fn parts(&self, message: Option<Message>) -> Option<Change> {
        let by = match &self.by {
            Some(By::UserId(user)) => ChangedBy::User(UserId::parse(user)?),
            Some(By::Application(_)) => ChangedBy::Application,
            None => ChangedBy::Admin,
        };
        Some(Change {
            number: ChangeNumber::new(u64::try_from(self.number).ok()?),
            at: ms(self.at),
            by,
            what: self.what(message)?,
        })
    }

    fn what(&self, message: Option<Message>) -> Option<Changed> {
        let key_number = self.key_number;
        Some(match self.kind {
            Kind::Created => {
                let first = self.participants.iter().flatten();
                let ignored = FirstParticipant::users(first.clone().filter(|one| one.ignored));
                let invited = FirstParticipant::users(first.clone().filter(|one| one.invited));
                let participants = first.map(FirstParticipant::read).collect::<Option<_>>()?;
                Changed::Created {
                    participants,
                    ignored,
                    invited,
                    key_number,
                }
            }
            Kind::Sent => Changed::Sent(message?),
            Kind::Edited => Changed::Edited(message?),
            Kind::Deleted => Changed::Deleted(message?),
            Kind::Reacted => Changed::Reacted(self.reaction()?),
            Kind::Unreacted => Changed::Unreacted(self.reaction()?),
            Kind::Added if self.invited => Changed::Invited {
                user: self.participant()?,
                role: self.role()?,
                key_number,
                in_place_of: self.in_place_of.as_deref().and_then(UserId::parse),
            },
            Kind::Added => Changed::Added {
                user: self.participant()?,
                role: self.role()?,
                key_number,
                in_place_of: self.in_place_of.as_deref().and_then(UserId::parse),
                is_ignored: self.ignored,
            },
            Kind::Changed => Changed::Updated {
                user: self.participant()?,
                role: self.role()?,
                key_number,
            },
            Kind::KeyRotated => Changed::KeyRotated {
                key_number: key_number?,
            },
            Kind::Described => Changed::Described(self.description()),
            Kind::Left | Kind::Removed if self.invited => Changed::Uninvited(self.participant()?),
            Kind::Left => Changed::Left(self.participant()?),
            Kind::Removed if self.ignored => Changed::Dismissed(self.participant()?),
            Kind::Removed => Changed::Removed(self.participant()?),
        })
    }

    fn description(&self) -> Description {
        Description {
            title: self.title.as_deref().map(Into::into),
            avatar_url: self.avatar_url.as_deref().map(Into::into),
        }
    }

    fn participant(&self) -> Option<UserId> {
        UserId::parse(self.user_id.as_deref()?)
    }

    fn role(&self) -> Option<Role> {
        Role::parse(self.role.as_deref()?)
    }

    fn reaction(&self) -> Option<Reaction> {
        Some(Reaction {
            id: ReactionId::parse(self.reaction_id.as_deref()?)?,
            message: MessageId::parse(self.message_id.as_deref()?)?,
            conversation: ConversationId::parse(&self.conversation_id)?,
            user: UserId::parse(self.user()?)?,
            emoji: Emoji::parse(self.emoji.as_deref()?)?,
            created_at: ms(self.reacted_at.unwrap_or(self.at)),
        })
    }
}
