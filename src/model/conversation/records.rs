//! Users, conversations and their participants: the stored records, and the requests to a store. Times
//! are milliseconds since the epoch. Keys are [`OwnedValue`]: opaque, and not in any `Debug`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConversationId, Description, IdType};
use crate::model::{Identity, TokenUser, UserId};
use crate::payload::OwnedValue;

/// A closed set of names.
macro_rules! names {
    ($(#[$docs:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub(crate) enum $name { $($(#[$item])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// The name in the protocol.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Parses a name. `None`: it is none of these.
            pub(crate) fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

names! {
    /// The role of a participant.
    Role {
        /// Manages participants, deletes messages of others.
        Admin = "admin",
        /// Reads and writes.
        Member = "member",
    }
}

names! {
    /// Whether someone is an active participant.
    ParticipantStatus {
        /// They are.
        Active = "active",
        /// They have left.
        Left = "left",
        /// They were removed.
        Removed = "removed",
        /// They have blocked who added them: they are none, and are not told, but to others they look active.
        Ignored = "ignored",
        /// They were asked to become one, and are none until they join or post.
        Invited = "invited",
    }
}

impl ParticipantStatus {
    /// Of one who is added, and has perhaps blocked who does so.
    pub(crate) const fn of_added(is_ignored: bool) -> Self {
        match is_ignored {
            true => Self::Ignored,
            false => Self::Active,
        }
    }

    /// As others see it.
    pub(crate) const fn shown(self) -> Self {
        match self {
            Self::Ignored => Self::Active,
            other => other,
        }
    }
}

names! {
    /// Which messages those see who are added to a conversation.
    History {
        /// All.
        All = "all",
        /// Those that were sent since they joined.
        Joined = "joined",
    }
}

names! {
    /// Whether a user may connect.
    UserStatus {
        /// They may.
        Active = "active",
        /// They may not.
        Suspended = "suspended",
    }
}

/// A user, as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserRecord {
    /// Their id.
    pub(crate) id: UserId,
    /// The name to show: that of the last token that had one; by default the id.
    pub(crate) name: Arc<str>,
    /// The name by which others may address the user, as an administrator or another program has given it.
    pub(crate) given_name: Option<Arc<str>>,
    /// The same, as the last token that had one says.
    pub(crate) username: Option<Arc<str>>,
    /// A picture.
    pub(crate) avatar_url: Option<Arc<str>>,
    /// Whether they may connect.
    pub(crate) status: UserStatus,
    /// When they were online last. `None`: never since they are known.
    pub(crate) last_seen_at: Option<u64>,
    /// The JSON type of the id in the last token, where one was seen and it may have been either.
    pub(crate) id_type: Option<IdType>,
}

impl UserRecord {
    /// Takes note of the JSON type that a store has of the user's id.
    pub(crate) fn with_id_type(self, is_number: Option<bool>) -> Self {
        let id_type = is_number.map(IdType::of_number);
        if let Some(id_type) = id_type {
            self.id.has_type(id_type);
        }
        Self { id_type, ..self }
    }

    /// Whether it has everything that a token says of the user.
    pub(crate) fn covers(&self, token: &TokenUser) -> bool {
        token.name.as_ref().is_none_or(|name| *name == self.name)
            && (token.username.is_none() || token.username == self.username)
            && (token.avatar_url.is_none() || token.avatar_url == self.avatar_url)
            && (!token.id.looks_like_number() || self.id_type == Some(token.id_type))
    }
}

impl From<UserRecord> for Identity {
    fn from(user: UserRecord) -> Self {
        Self {
            user: user.id,
            name: user.name,
            avatar_url: user.avatar_url,
        }
    }
}

/// What an administrator changes of a user. `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserChange {
    /// The name.
    pub(crate) name: Option<Arc<str>>,
    /// The picture; `Some(None)` removes it.
    pub(crate) avatar_url: Option<Option<Arc<str>>>,
    /// Whether they may connect.
    pub(crate) status: Option<UserStatus>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conversation {
    /// Its id.
    pub(crate) id: ConversationId,
    /// The JSON type of its id, as who made it wrote it.
    pub(crate) id_type: IdType,
    /// How it is called and shown.
    pub(crate) description: Description,
    /// Who created it.
    pub(crate) created_by: UserId,
    /// When it was created.
    pub(crate) created_at: u64,
    /// How long its messages are kept: zero is for ever. `None`: as long as those of others.
    pub(crate) message_retention: Option<Duration>,
    /// What those see who are added from now on.
    pub(crate) history: History,
    /// When its last message was sent; before the first, when it was created.
    pub(crate) last_message_at: u64,
}

/// A conversation, as a participant sees it in a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// The conversation.
    pub(crate) conversation: Conversation,
    /// The participant's role.
    pub(crate) role: Role,
    /// The number of messages of others since they were added last that they have not read, without
    /// those that were deleted or that they have hidden.
    pub(crate) unread: u64,
    /// Their own content key, if one was given.
    pub(crate) key: Option<ContentKey>,
}

/// The key of a conversation's content, encrypted for one participant (protocol, `feed`).
#[derive(Debug, Clone)]
pub(crate) struct ContentKey {
    /// Which of the conversation's keys it is.
    pub(crate) number: i64,
    /// The key.
    pub(crate) encrypted: OwnedValue,
}

impl ContentKey {
    /// Whether it is the same key under the same number.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.number == other.number && self.encrypted.reads_as(&other.encrypted)
    }
}

/// A content key that a participant was given.
#[derive(Debug, Clone)]
pub(crate) struct GivenKey {
    /// The key.
    pub(crate) key: ContentKey,
    /// When, in milliseconds since the epoch.
    pub(crate) at: u64,
}

impl GivenKey {
    /// About its size in bytes, in an answer.
    pub(crate) fn size(&self) -> usize {
        const NAMES: usize = 96;
        NAMES + self.key.encrypted.as_opaque().total_size()
    }
}

/// A new content key of a conversation, encrypted for some of its participants.
#[derive(Debug, Clone)]
pub(crate) struct KeyRotation {
    /// Its number.
    pub(crate) number: i64,
    /// For whom; of several for one user the last counts.
    pub(crate) encrypted: Vec<(UserId, OwnedValue)>,
}

impl KeyRotation {
    /// Those who are given it.
    pub(crate) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.encrypted.iter().map(|(user, _)| user)
    }

    /// The key of each.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (UserId, ContentKey)> {
        let number = self.number;
        let keys = self.encrypted.iter().cloned();
        keys.map(move |(user, encrypted)| (user, ContentKey { number, encrypted }))
    }
}

/// A present or former participant of a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Participant {
    /// The user.
    pub(crate) user: UserId,
    /// Their role.
    pub(crate) role: Role,
    /// Whether they are an active participant.
    pub(crate) status: ParticipantStatus,
    /// When they were added last.
    pub(crate) joined_at: u64,
    /// Whether the user is a name that nobody had when they were added: whoever is known by it later
    /// takes their place.
    pub(crate) pending: bool,
    /// The user who ended their participation, or an invitation of theirs, last. `None`: an administrator, or it is not
    /// known.
    pub(crate) ended_by: Option<UserId>,
}

impl Participant {
    /// Whether they are a former participant, and this user may have made them one; `None` is an administrator.
    pub(crate) fn was_ended_by(&self, by: Option<&UserId>) -> bool {
        let is_over = !self.looks_active() && !self.is_invited();
        is_over && self.ended_by.as_ref() == by
    }

    /// Whether they are an active participant.
    pub(crate) fn is_active(&self) -> bool {
        self.status == ParticipantStatus::Active
    }

    /// Whether they are one for others.
    pub(crate) fn looks_active(&self) -> bool {
        self.status.shown() == ParticipantStatus::Active
    }

    /// Whether they were asked to become one.
    pub(crate) fn is_invited(&self) -> bool {
        self.status == ParticipantStatus::Invited
    }
}

/// An invitation: what somebody knows of a conversation before they join it.
#[derive(Debug, Clone)]
pub(crate) struct Invitation {
    /// To which conversation.
    pub(crate) conversation: ConversationId,
    /// The JSON type of its id.
    pub(crate) id_type: IdType,
    /// Who invited them.
    pub(crate) by: UserId,
    /// When.
    pub(crate) at: u64,
    /// What they will be.
    pub(crate) role: Role,
    /// Their own content key, if one was given.
    pub(crate) key: Option<ContentKey>,
}

impl Invitation {
    /// Who is invited, as a participant.
    pub(crate) fn own(&self, user: &UserId) -> Participant {
        Participant {
            user: user.clone(),
            role: self.role,
            status: ParticipantStatus::Invited,
            joined_at: self.at,
            pending: false,
            ended_by: None,
        }
    }
}

/// A participant to add.
#[derive(Debug, Clone)]
pub(crate) struct NewParticipant {
    /// The user.
    pub(crate) user: UserId,
    /// Their role.
    pub(crate) role: Role,
    /// Their content key. `None` keeps the previous one.
    pub(crate) key: Option<ContentKey>,
    /// Those before it, for what was sent before.
    pub(crate) earlier_keys: Vec<ContentKey>,
    /// Whether the user is a name that nobody has yet.
    pub(crate) pending: bool,
    /// Whether they are only asked.
    pub(crate) is_invited: bool,
    /// Since when they are one, in milliseconds since the epoch. `None`: since they are added.
    pub(crate) joined_at: Option<u64>,
}

impl NewParticipant {
    /// All their content keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &ContentKey> {
        self.earlier_keys.iter().chain(&self.key)
    }
}

/// A conversation to create.
#[derive(Debug, Clone)]
pub(crate) struct NewConversation {
    /// Its id.
    pub(crate) id: ConversationId,
    /// The JSON type of its id.
    pub(crate) id_type: IdType,
    /// How it is called and shown.
    pub(crate) description: Description,
    /// Who creates it. They become a participant only if they are among those below.
    pub(crate) created_by: UserId,
    /// When it was created, in milliseconds since the epoch. `None`: now.
    pub(crate) created_at: Option<u64>,
    /// What those see who are added later.
    pub(crate) history: History,
    /// Its first participants. Of several entries for one user the first counts.
    pub(crate) participants: Vec<NewParticipant>,
}

impl NewConversation {
    /// Its first participants, each once.
    pub(crate) fn first(&self) -> Vec<&NewParticipant> {
        let mut known = HashSet::new();
        let each = self.participants.iter();
        each.filter(|one| known.insert(&one.user)).collect()
    }

    /// The number of the content key that is told with its creation: that of who creates it, or else
    /// of the first participant who is given one.
    pub(crate) fn key_number(&self, creator: Option<&UserId>) -> Option<i64> {
        let own = self.participants.iter();
        let own = own.filter(|one| Some(&one.user) == creator);
        let key = own
            .chain(&self.participants)
            .find_map(|one| one.key.as_ref());
        key.map(|key| key.number)
    }
}

/// A conversation that was created.
#[derive(Debug)]
pub(crate) struct Created {
    /// The conversation.
    pub(crate) conversation: Conversation,
    /// Its participants, by id.
    pub(crate) participants: Vec<Participant>,
}
