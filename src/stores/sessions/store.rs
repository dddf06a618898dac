//! What a store of sessions does. Each operation is whole: others see all of it or nothing. It must
//! not know connections beyond the name of the one a member joined on, so that several servers can
//! share a store.
//!
//! Each change of a session has a number, its revision: 1 for the first and for each further one the
//! next. Servers that share a store tell each other what they changed. With the revision they know
//! what a member was told already in the answer to its join, and which of two lists is newer.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use crate::model::UserId;
use crate::model::session::{
    Appended, AuthKey, ChatMode, Departed, Departure, Join, JoinError, Joined, KeysError, Member,
    Message, ReserveError, Saved, Seat, SessionId, Summary, Unavailable,
};
use crate::payload::OwnedValue;

/// Keeps sessions.
#[async_trait]
pub trait SessionStore: Debug + Send + Sync {
    /// Makes a session that waits for its first member.
    async fn reserve(
        &self,
        id: &SessionId,
        key: AuthKey<'_>,
        mode: ChatMode,
    ) -> Result<(), ReserveError>;

    /// Lets a member in, makes the session if a creator asks, or says why not.
    async fn join(&self, id: &SessionId, join: Join<'_>, seat: Seat) -> Result<Joined, JoinError>;

    /// Sets a member's public key, and its name if one is given; all members then. `None`: it is no
    /// member, or there is no memory for it, or the store is away.
    async fn save_key(
        &self,
        id: &SessionId,
        user: &UserId,
        key: OwnedValue,
        display_name: Option<Arc<str>>,
    ) -> Option<Saved>;

    /// All members, the longest first. None of a session that does not exist, or when the store is away.
    async fn members(&self, id: &SessionId) -> Vec<Member>;

    /// Keeps a message in the history. `None`: there is no such session.
    async fn append(&self, id: &SessionId, message: Arc<Message>) -> Option<Appended>;

    /// Keeps the session keys of a session in group mode; the revision.
    async fn set_session_keys(&self, id: &SessionId, keys: OwnedValue) -> Result<u64, KeysError>;

    /// Takes a member out, if it joined on this connection last. `None`: it did not.
    async fn depart(
        &self,
        id: &SessionId,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
    ) -> Result<Option<Departed>, Unavailable>;

    /// Sessions that were not used for too long. A store that ends them by itself looks only at
    /// those that have members on this server, `here`, and not at all of them in each call.
    async fn expired(&self, here: &[SessionId]) -> Vec<SessionId>;

    /// Ends a session if it still is [`expired`](Self::expired); whether it was.
    async fn end_expired(&self, id: &SessionId) -> bool;

    /// How many sessions there are; while the store is away, how many there were.
    async fn count(&self) -> usize;

    /// Counts of all sessions; of none while the store is away.
    async fn summaries(&self) -> Vec<Summary>;
}
