//! The store of what is kept for a while only: messages by their retention, and what the log and receipts
//! need for clients that come back. Nobody is told that something went.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::conversation::{Conversation, ConversationId};

/// Removes what is old. Each pass goes on in small steps until all is gone that is due, so that others are
/// not kept waiting; ending half-way is no harm, and several nodes may do it at once. What is old is decided
/// by the time of each message and record alone: one that was made while a clock was ahead stays for so
/// much longer, and keeps no other.
#[async_trait]
pub(crate) trait RetentionStore: Debug + Send + Sync {
    /// Sets how long messages of a conversation are kept: zero is for ever, `None` as long as in others.
    /// The conversation; `None` if there is none.
    async fn set_message_retention(
        &self,
        conversation: &ConversationId,
        retention: Option<Duration>,
    ) -> Result<Option<Conversation>, StoreError>;

    /// Removes messages that are older, with their receipts, their reactions, and what the log says of
    /// them; `kept` is for conversations without a retention of their own, and zero is for ever. They are
    /// unread for nobody then. How many.
    async fn remove_old_messages(&self, kept: Duration) -> Result<u64, StoreError>;

    /// Removes from the logs what is older, but for messages, and likewise from the order of receipts.
    async fn remove_old_changes(&self, kept: Duration) -> Result<(), StoreError>;
}

/// The time before which what is kept so long is old; both times in milliseconds since the epoch.
pub(super) fn time_before(now: u64, kept: Duration) -> u64 {
    let kept = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
    now.saturating_sub(kept)
}
