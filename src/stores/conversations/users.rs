//! The store of users.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::error::StoreError;
use crate::model::conversation::{UserChange, UserRecord};
use crate::model::{TokenUser, UserId};

/// Stores what is known of users: their names, pictures and status, and when they were online last.
#[async_trait]
pub(crate) trait UserStore: Debug + Send + Sync {
    /// Stores what a user's token says of them, and returns their record.
    async fn upsert(&self, user: &TokenUser) -> Result<UserRecord, StoreError>;

    /// The record of a user.
    async fn find(&self, user: &UserId) -> Result<Option<UserRecord>, StoreError>;

    /// The records of these users, in no order; unknown ones are left out.
    async fn find_all(&self, users: &[UserId]) -> Result<Vec<UserRecord>, StoreError>;

    /// All users whom one of these names may mean, each once, in no order: those who have it as their id,
    /// as the name that they were given, or as the username of their token.
    async fn addressed(&self, names: &[Arc<str>]) -> Result<Vec<UserRecord>, StoreError>;

    /// Changes a user for an administrator, who may do so before the user connects for the first
    /// time.
    async fn change(&self, user: &UserId, change: &UserChange) -> Result<UserRecord, StoreError>;

    /// Takes note of the JSON types of the ids of all users of whom one is stored.
    async fn read_id_types(&self) -> Result<(), StoreError>;

    /// Records that a user was online at this time (milliseconds since the epoch). A time earlier
    /// than the stored one changes nothing.
    async fn record_last_seen(&self, user: &UserId, at: u64) -> Result<(), StoreError>;
}
