//! What a session is made of. Nothing here belongs to one connection or one server.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::model::UserId;
use crate::payload::OwnedValue;

/// Whom a message is for when it is for all.
pub const EVERYONE: &str = "all";

/// A session's id: 1 to 128 bytes without control characters and without `:`. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// Parses `id` or `id:rest`; the rest, which is a key, is returned beside it.
    pub fn parse(text: &str) -> Option<(Self, Option<AuthKey<'_>>)> {
        let (id, rest) = match text.split_once(':') {
            Some((id, rest)) => (id, AuthKey::new(rest)),
            None => (text, None),
        };
        // The same bounds as for a user's id.
        let id = UserId::parse(id)?;
        Some((Self(id.shared().clone()), rest))
    }

    /// The id as shared text.
    pub fn shared(&self) -> &Arc<str> {
        &self.0
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a client shows to be let in. `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct AuthKey<'a>(&'a str);

impl<'a> AuthKey<'a> {
    /// A key; none when the text is empty.
    pub fn new(text: &'a str) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }

    /// The key as text.
    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }

    /// The password in `password:…`, as the links of password mode have it.
    pub(crate) fn as_password(self) -> Option<&'a str> {
        self.0.strip_prefix("password:")
    }

    /// The password in `key:password`, as a session in password mode is reserved.
    pub(crate) fn password_part(self) -> Option<&'a str> {
        self.0.split_once(':').map(|(_, password)| password)
    }
}

impl fmt::Debug for AuthKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthKey")
    }
}

/// How many may be in a session, and how they are let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChatMode {
    /// Many members.
    #[default]
    Group,
    /// Two members.
    Private,
    /// Two members, let in by a password.
    Password,
}

impl ChatMode {
    /// The name in the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Private => "private",
            Self::Password => "password",
        }
    }
}

/// A name that is no mode's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid chatMode")]
pub struct UnknownMode;

impl FromStr for ChatMode {
    type Err = UnknownMode;

    fn from_str(name: &str) -> Result<Self, UnknownMode> {
        [Self::Group, Self::Private, Self::Password]
            .into_iter()
            .find(|mode| mode.as_str() == name)
            .ok_or(UnknownMode)
    }
}

/// A member of a session, as others are told of it.
#[derive(Debug, Clone)]
pub struct Member {
    /// The id that the member joined under.
    pub user: UserId,
    /// The name shown to others.
    pub display_name: Arc<str>,
    /// The public key, when the member has sent one.
    pub public_key: Option<OwnedValue>,
    /// When it joined, in milliseconds since the epoch.
    pub joined_at: u64,
    /// Which connection it joined on: a connection's id.
    pub connection: Uuid,
}

/// A message of a session, as it is kept.
#[derive(Debug)]
pub struct Message {
    /// The sender's id for it, or one made here; JSON as it came in.
    pub id: OwnedValue,
    /// The member who sent it.
    pub from: UserId,
    /// The member it is for, or [`EVERYONE`], or nothing, which means the same.
    pub to: Option<UserId>,
    /// What is relayed.
    pub encrypted: OwnedValue,
    /// Milliseconds since the epoch.
    pub timestamp: u64,
    /// What kind of message the sender says it is.
    pub kind: Arc<str>,
    /// The sender's name at that time.
    pub sender_display_name: Arc<str>,
}

impl Message {
    /// The one member it is for; `None` when it is for all.
    pub fn recipient(&self) -> Option<&UserId> {
        self.to.as_ref().filter(|to| to.as_str() != EVERYONE)
    }

    /// Whether a member may see it: it is for all, for that member, or from it.
    pub fn is_for(&self, user: &UserId) -> bool {
        self.from == *user || self.recipient().is_none_or(|to| to == user)
    }

    /// What a message takes beside its values, in bytes.
    pub(crate) const FIELDS: usize = 256;

    /// About how many bytes it takes, kept or written.
    pub fn size(&self) -> usize {
        let names = self.from.as_str().len() + self.kind.len() + self.sender_display_name.len();
        let to = self.to.as_ref().map_or(0, |to| to.as_str().len());
        Self::FIELDS
            + names
            + to
            + self.id.as_opaque().written_size()
            + self.encrypted.as_opaque().total_size()
    }
}

/// Someone asks to be let in.
#[derive(Debug, Clone)]
pub struct Join<'a> {
    /// Under which id.
    pub user: UserId,
    /// With which name; `None` keeps the one that is known, or else shows the id.
    pub display_name: Option<Arc<str>>,
    /// The public key; `None` keeps the one that is known.
    pub public_key: Option<OwnedValue>,
    /// Whether it says that the session is its own.
    pub is_creator: bool,
    /// The key or password.
    pub key: Option<AuthKey<'a>>,
}

/// The connection that someone asks on.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    /// Its name: a connection's id.
    pub connection: Uuid,
    /// Whether it may be in this session beside those that it is in.
    pub is_free: bool,
}

/// Someone was let in.
#[derive(Debug)]
pub struct Joined {
    /// It was not a member before. Else it came on another connection, or again on the same.
    pub is_new: bool,
    /// The mode of the session.
    pub mode: ChatMode,
    /// The member.
    pub member: Member,
    /// The messages it may see, oldest first.
    pub history: Vec<Arc<Message>>,
    /// The session keys that were set last, for all members.
    pub session_keys: Option<OwnedValue>,
    /// All members, the longest first.
    pub members: Vec<Member>,
    /// The number of this change. What was changed up to it is in the rest of this.
    pub revision: u64,
}

/// Why someone is not let in, in the order in which it is checked (protocol, session, "Joining").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinError {
    /// There is no such session, and who asks does not make one.
    NotFound,
    /// The session of this creator has another key.
    NotTheCreator,
    /// The password is wrong.
    WrongPassword,
    /// The key is wrong or missing.
    WrongKey,
    /// There are as many members as there may be.
    Full {
        /// How many.
        most: usize,
    },
    /// There are as many sessions as there may be, here or on this connection, or no memory, or the
    /// store is away.
    Busy,
}

/// Why a session is not reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReserveError {
    /// It exists.
    Exists,
    /// There are as many sessions as there may be, or no memory, or the store is away.
    Busy,
}

/// How a member goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It left. The last one ends the session.
    Left,
    /// Its connection is over. The session goes on without members for a while, and its key is
    /// kept for when it comes back.
    Disconnected,
}

/// A member who is gone.
#[derive(Debug)]
pub struct Departed {
    /// The member.
    pub member: Member,
    /// Those who are left.
    pub members: Vec<Member>,
    /// The number of this change.
    pub revision: u64,
}

/// A member's key is kept.
#[derive(Debug)]
pub struct Saved {
    /// All members, the longest first.
    pub members: Vec<Member>,
    /// The number of this change.
    pub revision: u64,
}

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is the first with this id from this member.
    First {
        /// The number of this change.
        revision: u64,
    },
    /// It was sent before. It changes nothing, and has a number because it is relayed again.
    Repeated {
        /// The number.
        revision: u64,
    },
    /// The store is away or has no memory: it is not in the history, and whether it was sent before
    /// is not known. It is relayed all the same.
    NotKept,
}

impl Appended {
    /// The number of the change, if it is known.
    pub fn revision(self) -> Option<u64> {
        match self {
            Self::First { revision } | Self::Repeated { revision } => Some(revision),
            Self::NotKept => None,
        }
    }
}

/// Why session keys are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysError {
    /// The session is not in group mode, or over.
    NotGroup,
    /// There is no memory, or the store is away.
    Busy,
}

/// The store of sessions is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store of sessions is away")]
pub struct Unavailable;

/// What is counted of one session.
#[derive(Debug)]
pub struct Summary {
    /// Its id.
    pub id: SessionId,
    /// Members in it.
    pub members: usize,
    /// Messages in its history.
    pub messages: usize,
    /// Members with a public key.
    pub public_keys: usize,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
