//! The store of tokens that are taken back.

use std::fmt::Debug;

use async_trait::async_trait;
use uuid::Uuid;

use super::error::StoreError;
use crate::model::{Revocation, RevocationKind};

/// What was done to a revocation, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevocationChange {
    /// What is stored of it.
    pub(crate) revocation: Revocation,
    /// It was taken back.
    pub(crate) is_taken_back: bool,
    /// When, by the clock of the database, in milliseconds since the epoch.
    pub(crate) changed_at: u64,
}

/// Stores tokens that are taken back. Whatever has expired is not there.
#[async_trait]
pub(crate) trait RevocationStore: Debug + Send + Sync {
    /// Takes back tokens, and returns what holds then: one of the same kind and subject that is there keeps its id, and
    /// is widened as far as the new one goes.
    async fn revoke(&self, new: &Revocation) -> Result<Revocation, StoreError>;

    /// Takes a revocation back. `None`: there is no such.
    async fn take_back(&self, id: Uuid) -> Result<Option<Revocation>, StoreError>;

    /// At most `limit` of them by id, behind this one; of one kind, or of all.
    async fn list(
        &self,
        kind: Option<RevocationKind>,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Revocation>, StoreError>;

    /// Removes what has expired, and what was taken back long ago.
    async fn remove_expired(&self) -> Result<(), StoreError>;

    /// When the last change was made that is still known. `None`: none is, or nobody else makes any.
    async fn last_change(&self) -> Result<Option<u64>, StoreError>;

    /// At most `limit` changes in the order of their times, from this one on. None where nobody else makes any.
    async fn changes(&self, since: u64, limit: usize) -> Result<Vec<RevocationChange>, StoreError>;
}
