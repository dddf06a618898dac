//! The store of receipts: which message was delivered to whom, and who has read it.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, Delivered, MessageId, PageLimit, Read, Receipt, ReceiptCursor, ReceiptPage,
};

/// Stores receipts.
#[async_trait]
pub(crate) trait ReceiptStore: Debug + Send + Sync {
    /// Marks messages of others as read by a user, and so as delivered. Those that they had read before, and ids that
    /// are not of another user's message in this conversation, are left out. The caller bounds how
    /// many there are.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn mark_read(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Read, StoreError>;

    /// The messages that count as unread for a user, the newest `limit`, in the order of the history.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn unread(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: usize,
    ) -> Result<Vec<MessageId>, StoreError>;

    /// Marks the oldest `limit` undelivered messages of others since the user was added as
    /// delivered to them, and returns these. Deleted messages and those that the user has hidden
    /// are left out.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`]
    async fn mark_delivered(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        limit: PageLimit,
    ) -> Result<Delivered, StoreError>;

    /// Marks a message of this sender as delivered to these users, and returns those to whom it was not
    /// before. Its sender and those who are not active participants are left out.
    ///
    /// # Errors
    /// [`StoreError::NotFoundOrForbidden`]: there is no such message in this conversation.
    async fn mark_delivered_to(
        &self,
        conversation: &ConversationId,
        message: MessageId,
        sender: &UserId,
        users: &[UserId],
    ) -> Result<Vec<UserId>, StoreError>;

    /// Of these messages of a conversation the receipts that concern a user: of their own messages, and their own
    /// of messages of others. By message, and of one by user. At most [`MAX_MARKS`](super::reactions::MAX_MARKS).
    async fn of_messages(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        messages: &[MessageId],
    ) -> Result<Vec<Receipt>, StoreError>;

    /// The receipts that were noted since, of those that concern a user: of their own messages, and their
    /// own of messages of others. About `limit` of the conversation are looked at. Without a cursor none,
    /// but where they end.
    ///
    /// # Errors
    /// [`StoreError::NotParticipant`], [`StoreError::CursorExpired`]
    async fn noted_since(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        after: Option<ReceiptCursor>,
        limit: usize,
    ) -> Result<ReceiptPage, StoreError>;
}
