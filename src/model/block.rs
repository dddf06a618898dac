//! That a user has blocked another one, who is not told so.

use super::UserId;

/// The most users whom one has blocked.
pub(crate) const MAX_BLOCKED: usize = 1_000;

/// An entry of the list of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Whom they have blocked.
    pub(crate) blocked: UserId,
    /// Since when, in milliseconds since the epoch.
    pub(crate) since: u64,
}
