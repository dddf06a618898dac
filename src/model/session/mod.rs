//! The records of ad-hoc sessions. They do not depend on one connection or one server.
//!
//! Each change of a session has a number, its revision: one more than that of the change before.

mod ids;
mod member;
mod members;
mod message;

pub(crate) use ids::{AuthKey, ChatMode, SessionId};
pub(crate) use member::{Member, MemberConnection};
pub(crate) use members::{
    Departed, Departure, Join, JoinError, JoinSlot, Joined, KeySaved, Maker, Members, Returning,
};
pub(crate) use message::{ALL_MEMBERS, Appended, Fingerprint, Kind, Message};

/// Why a session is not reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReserveError {
    /// It exists.
    Exists,
    /// There are as many sessions as there may be, or the store is full or unavailable.
    Busy,
}

/// Why session keys are not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysError {
    /// The session is not in group mode, or over.
    NotGroup,
    /// The store is full or unavailable.
    Busy,
}

/// The store of sessions is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store of sessions is away")]
pub(crate) struct Unavailable;

/// What is counted of one session.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Its id.
    pub(crate) id: SessionId,
    /// Members in it.
    pub(crate) members: usize,
    /// Messages in its history.
    pub(crate) messages: usize,
    /// Members with a public key.
    pub(crate) public_keys: usize,
}
