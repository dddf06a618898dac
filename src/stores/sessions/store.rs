//! The contract of a store of sessions. Each operation is atomic: others see all of it or nothing. A
//! store knows connections only by the ids of those that a member joined on, so that several servers
//! can share it.
//!
//! Each change of a session has a number, its revision; the next change has the next number. Servers
//! that share a store send each other what they changed. By the revision they know which changes the
//! answer to a join contained, and which of two lists is newer.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use crate::model::UserId;
use crate::model::session::{
    Appended, AuthKey, ChatMode, Departed, Departure, Join, JoinError, JoinSlot, Joined, KeySaved,
    KeysError, Maker, Members, Message, ReserveError, Returning, SessionId, Summary, Unavailable,
};
use crate::payload::OwnedValue;

/// Stores sessions.
#[async_trait]
pub(crate) trait SessionStore: Debug + Send + Sync {
    /// Creates a session that waits for its first member. One that has this key and mode is taken for
    /// reserved by the same request.
    async fn reserve(
        &self,
        id: &SessionId,
        key: AuthKey<'_>,
        mode: ChatMode,
        maker: Maker<'_>,
    ) -> Result<(), ReserveError>;

    /// Admits a member; creates the session if a creator asks.
    async fn join(
        &self,
        id: &SessionId,
        join: Join<'_>,
        slot: JoinSlot<'_>,
    ) -> Result<Joined, JoinError>;

    /// Sets a member's public key on a connection of its, and its name if one is given. `None`: it is no member on that
    /// one, or the store is full or unavailable.
    async fn save_key(
        &self,
        id: &SessionId,
        user: &UserId,
        connection: Uuid,
        saved: (OwnedValue, Option<Arc<str>>),
    ) -> Option<KeySaved>;

    /// All members, in the order in which they joined. None when the session does not exist or the
    /// store is unavailable.
    async fn members(&self, id: &SessionId) -> Members;

    /// Adds a message to the history. `None`: there is no such session.
    async fn append(&self, id: &SessionId, message: Arc<Message>) -> Option<Appended>;

    /// Sets the session keys of a session in group mode; the revision.
    async fn set_session_keys(&self, id: &SessionId, keys: OwnedValue) -> Result<u64, KeysError>;

    /// Removes a connection of a member, and the member with its last one. `None`: it is no member on that one.
    async fn depart(
        &self,
        id: &SessionId,
        user: &UserId,
        connection: Uuid,
        departure: Departure,
    ) -> Result<Option<Departed>, Unavailable>;

    /// Notes that a member was disconnected, or left, for as long as the key of who was disconnected is kept.
    async fn note_left(&self, id: &SessionId, who: Returning<'_>);

    /// Whether a member of this session was noted to be gone that long ago at most, and before this one was connected, who
    /// may be the same.
    async fn left_lately(&self, id: &SessionId, who: Returning<'_>) -> bool;

    /// Sessions that were not used for too long. A store that ends them by itself checks only those
    /// that have members on this server, `local`, and a part of these in each call.
    async fn expired(&self, local: &[SessionId]) -> Vec<SessionId>;

    /// Ends a session if it is still [`expired`](Self::expired); whether it was.
    async fn end_expired(&self, id: &SessionId) -> bool;

    /// How many sessions there are; while the store is unavailable, how many there were.
    async fn count(&self) -> usize;

    /// How many there are of each mode, where servers share them; while the store is unavailable, how many there were.
    async fn count_shared(&self) -> Option<[u64; ChatMode::ALL.len()]>;

    /// Counts of all sessions; of none while the store is unavailable.
    async fn summaries(&self) -> Vec<Summary>;
}
