//! Whether a store works, and how it ends.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;

/// The health and the end of the database that all stores of conversations share.
#[async_trait]
pub(crate) trait StoreHealth: Debug + Send + Sync {
    /// What the readiness check reports while [`Self::check`] fails with this error.
    fn failing(&self, error: &StoreError) -> &'static str;

    /// Whether the database can be read and written.
    async fn check(&self) -> Result<(), StoreError>;

    /// Finishes the writes that wait, and rejects later operations with [`StoreError::Closed`].
    async fn close(&self) -> Result<(), StoreError>;
}
