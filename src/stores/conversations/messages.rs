//! The store of messages and of the history that they make.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, Edit, Logged, Message, MessageId, NewMessage, Page, PageLimit, Slice, Window,
};

/// Stores messages.
#[async_trait]
pub(crate) trait MessageStore: Debug + Send + Sync {
    /// Appends a message to the history. Ids ascend with the numbers of the changes, whatever the clock
    /// does. If its sender has sent the same under the same `temp_id` lately
    /// ([`Message::is_repeated_by`]), that message is returned as it is stored now, and nothing is
    /// changed.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn append(&self, new: &NewMessage) -> Result<Logged<Message>, StoreError>;

    /// A message, whoever asks.
    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// Edits a message of its author that was not deleted. One that was edited like this before is not changed.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`]
    async fn edit(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        author: &UserId,
        edit: &Edit,
    ) -> Result<Logged<Message>, StoreError>;

    /// Deletes the content of a message, for its author or an admin of the conversation. One that was
    /// deleted before is not changed.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`]
    async fn delete(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<Logged<Message>, StoreError>;

    /// Hides a message from the history of one user. `false`: it was hidden already.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::NotFoundOrForbidden`]
    async fn hide(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        user: &UserId,
    ) -> Result<bool, StoreError>;

    /// A part of the history, without what the user has hidden. It ends, with more to come, before
    /// the message with which it would exceed [`PageLimit::MAX_BYTES`], unless that is its first. A
    /// store reads at most one message more than it returns.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::CursorExpired`]
    async fn page(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: Window,
        limit: PageLimit,
    ) -> Result<Page, StoreError>;

    /// The same by position: at most `limit` messages of the history after the first `offset`. It
    /// ends early as a page does, which does not affect the total.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn slice(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        offset: u64,
        limit: PageLimit,
    ) -> Result<Slice, StoreError>;
}
