//! Users, conversations and who takes part in them: the records that are kept, and what is asked of a
//! store. Times are milliseconds since the epoch. Keys are [`OwnedValue`]: never looked into, and not in any
//! `Debug`.

use std::sync::Arc;

use super::ConversationId;
use crate::model::{TokenUser, UserId};
use crate::payload::OwnedValue;

/// A closed set of names.
macro_rules! names {
    ($(#[$docs:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$docs])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$item])* $variant),+ }

        impl $name {
            /// The name in the protocol.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Parses a name. `None`: it is none of these.
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

names! {
    /// What a participant may do.
    Role {
        /// Manages participants, deletes messages of others.
        Admin = "admin",
        /// Takes part.
        Member = "member",
    }
}

names! {
    /// Whether someone takes part.
    ParticipantStatus {
        /// They do.
        Active = "active",
        /// They went.
        Left = "left",
        /// They were sent away.
        Removed = "removed",
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

/// A user, as others are shown them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Who it is.
    pub id: UserId,
    /// The name that was told last; the id when none was.
    pub name: Arc<str>,
    /// A picture.
    pub avatar_url: Option<Arc<str>>,
    /// Whether they may connect.
    pub status: UserStatus,
    /// When they were connected last. `None`: not since they are known here.
    pub last_seen_at: Option<u64>,
}

impl UserRecord {
    /// Whether it says already what a token tells.
    pub(crate) fn says(&self, token: &TokenUser) -> bool {
        token.name.as_ref().is_none_or(|name| *name == self.name)
            && (token.avatar_url.is_none() || token.avatar_url == self.avatar_url)
    }
}

/// What an administrator changes of a user. `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// The name.
    pub name: Option<Arc<str>>,
    /// The picture; `Some(None)` takes it away.
    pub avatar_url: Option<Option<Arc<str>>>,
    /// Whether they may connect.
    pub status: Option<UserStatus>,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its title.
    pub title: Option<Arc<str>>,
    /// Who made it.
    pub created_by: UserId,
    /// When it was made.
    pub created_at: u64,
    /// When its last message came; before the first, when it was made.
    pub last_message_at: u64,
}

/// A conversation, as one who takes part in it sees it in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The conversation.
    pub conversation: Conversation,
    /// What they may do in it.
    pub role: Role,
    /// Messages of others since they were added last that they have not read, without those that
    /// were deleted or that they have hidden.
    pub unread: u64,
    /// Their own content key, if one was given.
    pub key: Option<ContentKey>,
}

/// The key of a conversation's content, encrypted for one participant (protocol, `feed`).
#[derive(Debug, Clone)]
pub struct ContentKey {
    /// Which of the conversation's keys it is.
    pub number: i64,
    /// The key.
    pub encrypted: OwnedValue,
}

/// Someone who takes or took part in a conversation.
#[derive(Debug, Clone)]
pub struct Participant {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// Whether they still take part.
    pub status: ParticipantStatus,
    /// When they were added last.
    pub joined_at: u64,
    /// Their content key, if one was given.
    pub key: Option<ContentKey>,
}

impl Participant {
    /// Whether they take part.
    pub fn is_active(&self) -> bool {
        self.status == ParticipantStatus::Active
    }
}

/// Someone who is to take part.
#[derive(Debug, Clone)]
pub struct NewParticipant {
    /// Who.
    pub user: UserId,
    /// What they may do.
    pub role: Role,
    /// Their content key. `None` keeps the one they had.
    pub key: Option<ContentKey>,
}

/// A conversation to make.
#[derive(Debug, Clone)]
pub struct NewConversation {
    /// The id that it is to have.
    pub id: ConversationId,
    /// Its title.
    pub title: Option<Arc<str>>,
    /// Who makes it. They take part only if they are among the participants.
    pub created_by: UserId,
    /// Who is to take part. Of several entries for one user the first counts.
    pub participants: Vec<NewParticipant>,
}

/// A conversation that was made.
#[derive(Debug)]
pub struct Created {
    /// The conversation.
    pub conversation: Conversation,
    /// Those who take part, by id.
    pub participants: Vec<Participant>,
}

/// Someone was added.
#[derive(Debug)]
pub struct Added {
    /// As they are now.
    pub participant: Participant,
    /// They took part already, and nothing was changed.
    pub repeated: bool,
}

/// How someone ceases to take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// They go.
    Left,
    /// They are sent away.
    Removed,
}

impl From<Ending> for ParticipantStatus {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Left => Self::Left,
            Ending::Removed => Self::Removed,
        }
    }
}
