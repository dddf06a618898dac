//! The log where others write it, too: other nodes, and applications in the same database. Only a store
//! that others can reach has it.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::UserId;
use crate::model::conversation::{Change, ChangeNumber, ConversationId, NumberedEvent};

/// A place in the sequence of all changes of participants, of whatever conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(pub(super) i64);

/// A change of the participants of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParticipantsChanged {
    /// Of which.
    pub(crate) conversation: ConversationId,
    /// By which change.
    pub(crate) number: ChangeNumber,
    /// Its present and former participants.
    pub(crate) users: Vec<UserId>,
}

/// What others have done.
#[async_trait]
pub(crate) trait SharedLog: Debug + Send + Sync {
    /// Another node says that it has logged this change, and done what it means. Only a hint: the next
    /// change here need not be tried in vain first.
    fn heard(&self, conversation: &ConversationId, change: &NumberedEvent);

    /// The number of the last change of each of these conversations; none for unknown ones.
    async fn last(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, ChangeNumber)>, StoreError>;

    /// The changes of participants behind a position, whoever made them, in one order that all nodes
    /// see, and the position behind them. `None` is the end. None is missing that was stored more than
    /// a moment ago and less than a day.
    async fn participants_changed(
        &self,
        after: Option<Position>,
    ) -> Result<(Position, Vec<ParticipantsChanged>), StoreError>;

    /// Logs what applications have changed of participants: in these conversations, and in those of
    /// these users. The changes that nobody else has logged.
    async fn log_applications(
        &self,
        users: &[UserId],
        conversations: &[ConversationId],
    ) -> Result<Vec<(ConversationId, Change)>, StoreError>;
}
