//! What a store holds and no operation returns, for what the contract says of it.

use async_trait::async_trait;

use crate::model::conversation::{MessageId, Reaction, Receipt};

/// Reads a store past its operations.
#[async_trait]
pub(crate) trait Stored: Send + Sync {
    /// The reactions to a message, the oldest first.
    async fn reactions(&self, message: MessageId) -> Vec<Reaction>;

    /// The receipts of a message, in no order.
    async fn receipts(&self, message: MessageId) -> Vec<Receipt>;
}
