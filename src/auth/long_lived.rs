//! The log of good tokens that may outlive their revocation, since they are good for longer than that is kept: a line a
//! minute. It must not know a token.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::{TokenFacts, UserId, clock};

/// Those of this minute.
#[derive(Debug)]
pub(super) struct LongLived {
    /// How long a revocation is kept that says nothing else.
    ttl: Duration,
    count: AtomicU64,
}

impl LongLived {
    /// Those that are good for longer than this.
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            count: AtomicU64::new(0),
        }
    }

    /// Looks at a good token of a user.
    pub(super) fn look(&self, user: &UserId, token: &TokenFacts) {
        let left = token.expires_at.saturating_sub(clock::now_seconds());
        if left <= self.ttl.as_secs() || self.count.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        tracing::warn!(
            user = user.as_str(),
            seconds = left,
            "a token is good for longer than revocation_ttl: it could outlive its revocation"
        );
    }

    /// Logs how many more there were, and begins anew.
    pub(super) fn end_minute(&self) {
        let count = self.count.swap(0, Ordering::Relaxed);
        if count > 1 {
            let count = count - 1;
            tracing::warn!(count, "more tokens are good for longer than revocation_ttl");
        }
    }
}
