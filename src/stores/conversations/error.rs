//! Why a store of conversations did not do something.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use crate::metrics::stores::{self, Work};
use crate::model::{Refusal, Why};

/// Why something was not done. No variant holds anything of what users write.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum StoreError {
    /// A conversation with this id exists.
    #[error("the conversation exists")]
    ConversationExists,
    /// There is no such conversation to add someone to.
    #[error("no such conversation")]
    NoConversation,
    /// There is no such conversation, or the user is not an active participant of it.
    #[error("not a participant of the conversation")]
    NotParticipant,
    /// The user is a participant of the conversation, but no admin of it.
    #[error("not an admin of the conversation")]
    NotAdmin,
    /// There would be no admin of the conversation any more.
    #[error("the last admin of the conversation")]
    LastAdmin,
    /// The conversation has as many active participants as it may have.
    #[error("the conversation is full")]
    ConversationFull,
    /// The conversation has a content key with this number, or a higher one.
    #[error("there is such a content key already")]
    KeyExists,
    /// The user has blocked as many others as they may.
    #[error("too many are blocked")]
    BlockListFull,
    /// There is no such message or reaction in the conversation, or this user may not change it.
    #[error("not found, or not allowed")]
    NotFoundOrForbidden,
    /// A message would be larger than it may be, or not be what its author means.
    #[error("the message is too large, or not clear")]
    TooLarge,
    /// A message would have neither a content nor anything attached.
    #[error("nothing would be left of the message")]
    NothingSaid,
    /// The log does not reach back to this change, or has never come to it.
    #[error("the log does not have what is behind this change")]
    CursorExpired,
    /// The store was closed.
    #[error("the store of conversations is closed")]
    Closed,
    /// The database failed. Nothing was changed; or, if it failed while committing, perhaps
    /// everything.
    #[error("the store of conversations failed: {0}")]
    Failed(Arc<dyn Error + Send + Sync>),
}

/// Counts an operation that began then, and whether the store failed; what it rejects is no failure.
pub(super) fn note_done<T>(work: Work, begun: Instant, outcome: &Result<T, StoreError>) {
    let has_failed = matches!(outcome, Err(StoreError::Failed(_)));
    stores::done(work, begun, has_failed);
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotParticipant => Self::not_participant(),
            StoreError::NotAdmin => Self::new(Why::NotAdmin),
            StoreError::LastAdmin => Self::new(Why::LastAdmin),
            StoreError::NotFoundOrForbidden => Self::message_not_found(),
            StoreError::NoConversation => Self::new(Why::ConversationNotFound),
            StoreError::ConversationExists => Self::new(Why::ConversationExists),
            StoreError::ConversationFull => Self::new(Why::ConversationFull),
            StoreError::TooLarge | StoreError::KeyExists => Self::new(Why::Unusable),
            StoreError::NothingSaid => Self::unusable("content"),
            StoreError::BlockListFull => Self::new(Why::BlockListFull),
            StoreError::CursorExpired => Self::new(Why::CursorExpired),
            StoreError::Closed | StoreError::Failed(_) => Self::failed(error),
        }
    }
}
