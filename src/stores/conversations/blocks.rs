//! The store of whom users have blocked.

use std::fmt::Debug;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::{Block, UserId};

/// Stores whom users have blocked. Neither of the two need be known.
#[async_trait]
pub(crate) trait BlockStore: Debug + Send + Sync {
    /// A user blocks another one; since when, and whether they had not before.
    ///
    /// # Errors
    /// [`StoreError::BlockListFull`]: they have blocked so many already.
    async fn block(
        &self,
        user: &UserId,
        other: &UserId,
        max: usize,
    ) -> Result<(Block, bool), StoreError>;

    /// A user blocks another one no longer; since when they did. `None`: they did not.
    async fn unblock(&self, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError>;

    /// Since when a user blocks another one. `None`: they do not.
    async fn find(&self, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError>;

    /// At most `limit` of those whom a user blocks, by id, behind this one.
    async fn list(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Block>, StoreError>;

    /// At most `limit` of those who block a user, in no order.
    async fn blockers_of(&self, user: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError>;
}
