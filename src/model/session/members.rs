//! What members of a session ask for and are answered: joining, changing, leaving.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{AuthKey, ChatMode, Member, Message};
use crate::model::UserId;
use crate::payload::OwnedValue;

/// A request to join.
#[derive(Debug, Clone)]
pub(crate) struct Join<'a> {
    /// The id to join under.
    pub(crate) user: UserId,
    /// The name to show; `None` keeps the one that is known, or else shows the id.
    pub(crate) display_name: Option<Arc<str>>,
    /// The public key; `None` keeps the one that is known.
    pub(crate) public_key: Option<OwnedValue>,
    /// Whether the user claims to be the creator of the session.
    pub(crate) is_creator: bool,
    /// The key or password.
    pub(crate) key: Option<AuthKey<'a>>,
    /// Who is authenticated on the connection.
    pub(crate) account: Option<UserId>,
}

/// Who was disconnected or left, or is connected again: the user, and whoever has the address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Returning<'a> {
    /// As which member, where that matters.
    pub(crate) member: Option<&'a UserId>,
    /// The user of the connection, if it has one.
    pub(crate) user: Option<&'a UserId>,
    /// The first address of those that count as one.
    pub(crate) address: IpAddr,
    /// For how long the connection has been there.
    pub(crate) connected_for: Duration,
}

/// How much later than the new connection the end of the old one may be noticed.
const NOTICE: Duration = Duration::from_secs(2);

impl<'a> Returning<'a> {
    /// The same, as this member only.
    pub(crate) fn as_member(self, member: &'a UserId) -> Self {
        Self {
            member: Some(member),
            ..self
        }
    }

    /// Whether the connection was made after somebody was disconnected so long ago, or about then. Where it matters as
    /// which member, that says enough.
    pub(crate) fn came_after(&self, disconnected_for: Duration) -> bool {
        self.member.is_some() || self.connected_for <= disconnected_for + NOTICE
    }

    /// The texts by which they are known again.
    pub(crate) fn marks(&self) -> impl Iterator<Item = String> {
        let user = self.user.map(|user| format!("user {}", user.as_str()));
        let marks = user.into_iter();
        let marks = marks.chain([format!("address {}", self.address)]);
        marks.map(|mark| match self.member {
            Some(member) => format!("{mark} member {}", member.as_str()),
            None => mark,
        })
    }
}

/// The connection of a request to join.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JoinSlot<'a> {
    /// Its id.
    pub(crate) connection: Uuid,
    /// Whether the connection may be in this session beside those that it is in.
    pub(crate) is_free: bool,
    /// Who makes the session if there is none.
    pub(crate) maker: Maker<'a>,
}

/// Who makes a session: whoever has an address.
#[derive(Clone, Copy)]
pub(crate) struct Maker<'a> {
    /// The first address of those that count as one.
    pub(crate) address: IpAddr,
    /// Counts a session that is made; whether it may be.
    pub(crate) may_make: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Maker<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Maker").field(&self.address).finish()
    }
}

/// The answer to a request that was accepted.
#[derive(Debug)]
pub(crate) struct Joined {
    /// It was not a member before; else it joined again, on this or another connection.
    pub(crate) is_new: bool,
    /// The connections that the member was on until now.
    pub(crate) displaced: Vec<Uuid>,
    /// The mode of the session.
    pub(crate) mode: ChatMode,
    /// The member.
    pub(crate) member: Member,
    /// The messages that the member may read, oldest first.
    pub(crate) history: Vec<Arc<Message>>,
    /// The session keys that were set last, for all members.
    pub(crate) session_keys: Option<OwnedValue>,
    /// All members, in the order in which they joined.
    pub(crate) members: Vec<Member>,
    /// The revision. All changes up to it are contained in this answer.
    pub(crate) revision: u64,
}

/// Why a request to join is rejected, in the order of the checks (protocol, session, "Joining").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// There is no such session, and the user does not claim to create it.
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
        max: usize,
    },
    /// There are as many sessions as there may be, in all or on this connection, or the store is
    /// full or unavailable.
    Busy,
}

/// How a member departs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Departure {
    /// It left. The last one to leave ends the session.
    Left,
    /// Its connection ended. The session continues without members for a while, and the member's key
    /// is stored for its return.
    Disconnected,
}

/// A member departed from a connection.
#[derive(Debug)]
pub(crate) struct Departed {
    /// The member.
    pub(crate) member: Member,
    /// It was on no other connection, and is a member no more.
    pub(crate) is_gone: bool,
    /// The members that remain.
    pub(crate) members: Vec<Member>,
    /// The revision.
    pub(crate) revision: u64,
}

/// A public key was saved.
#[derive(Debug)]
pub(crate) struct KeySaved {
    /// All members, in the order in which they joined.
    pub(crate) members: Vec<Member>,
    /// The connections that the member was on until now.
    pub(crate) displaced: Vec<Uuid>,
    /// The revision.
    pub(crate) revision: u64,
}

/// The members of a session at one moment.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// All members, in the order in which they joined.
    pub(crate) members: Vec<Member>,
    /// The revision.
    pub(crate) revision: u64,
}
