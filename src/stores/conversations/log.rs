//! The store of the log: which changes a conversation has seen, and who participated after each.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{
    ChangeNumber, ChangePage, ConversationId, LogWindow, MessageId, Participation, Snapshot,
    VisibleChanges,
};

/// Reads the logs of conversations. The other stores write them, in the step in which they store a
/// change: a number that is there is that of a change that is stored, and none is missing below it.
#[async_trait]
pub(crate) trait LogStore: Debug + Send + Sync {
    /// The conversations of which a user is an active participant, each with a change after which they
    /// are.
    async fn memberships(
        &self,
        user: &UserId,
    ) -> Result<Vec<(ConversationId, ChangeNumber)>, StoreError>;

    /// The changes behind one, in their order, at most `limit`, and less when their messages have more
    /// than [`PageLimit::MAX_BYTES`](crate::model::conversation::PageLimit::MAX_BYTES). Whoever asks.
    async fn changes(
        &self,
        conversation: &ConversationId,
        after: ChangeNumber,
        limit: usize,
    ) -> Result<ChangePage, StoreError>;

    /// What a user may read of the logs of all conversations of which they are or were a participant, or
    /// of only one.
    async fn participations(
        &self,
        user: &UserId,
        only: Option<&ConversationId>,
    ) -> Result<Vec<Participation>, StoreError>;

    /// The changes in a window, whoever asks, but for those about messages that this user has hidden or does
    /// not see, and for those before the part of the history that they see.
    /// They end early at `limit` numbers, or when their messages have more than
    /// [`PageLimit::MAX_BYTES`](crate::model::conversation::PageLimit::MAX_BYTES).
    async fn visible_changes(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: LogWindow,
        limit: usize,
    ) -> Result<VisibleChanges, StoreError>;

    /// The active participants who do not see the whole history, each with the change behind which they see
    /// it. Whoever asks.
    async fn newcomers(
        &self,
        conversation: &ConversationId,
    ) -> Result<Vec<(UserId, ChangeNumber)>, StoreError>;

    /// The change by which a message was sent. `None`: there is no such message in this conversation.
    async fn sent_by(
        &self,
        conversation: &ConversationId,
        message: MessageId,
    ) -> Result<Option<ChangeNumber>, StoreError>;

    /// The active participants after the last change, whoever asks. There are none, and no change,
    /// where there is no conversation.
    async fn snapshot(&self, conversation: &ConversationId) -> Result<Snapshot, StoreError>;
}
