//! What a store holds and no operation returns, for what the contract says of it.

use async_trait::async_trait;

use crate::model::UserId;
use crate::model::conversation::{MessageId, Reaction};

/// Reads a store past its operations.
#[async_trait]
pub(crate) trait Stored: Send + Sync {
    /// The reactions to a message, the oldest first.
    async fn reactions(&self, message: MessageId) -> Vec<Reaction>;

    /// The receipts of a message, in no order.
    async fn receipts(&self, message: MessageId) -> Vec<Receipt>;
}

/// The receipt of one message by one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The message.
    pub(crate) message: MessageId,
    /// Who received it.
    pub(crate) user: UserId,
    /// When it was delivered to them.
    pub(crate) delivered_at: u64,
    /// When they read it.
    pub(crate) read_at: Option<u64>,
}
