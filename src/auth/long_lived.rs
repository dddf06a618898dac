//! The log of good tokens that may outlive their revocation, since they are good for longer than that is kept: a line a
//! minute. It must not know a token.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::LiveConfig;
use crate::model::{TokenFacts, UserId, clock};

/// Those of this minute.
#[derive(Debug)]
pub(super) struct LongLived {
    config: LiveConfig,
    count: AtomicU64,
}

impl LongLived {
    /// Those that are good for longer than a revocation is kept that says nothing else.
    pub(super) fn new(config: LiveConfig) -> Self {
        Self {
            config,
            count: AtomicU64::new(0),
        }
    }

    /// Looks at a good token of a user.
    pub(super) fn look(&self, user: &UserId, token: &TokenFacts) {
        let left = token.expires_at.saturating_sub(clock::now_seconds());
        let ttl = self.config.now().revocation_ttl;
        if left <= ttl.as_secs() || self.count.fetch_add(1, Ordering::Relaxed) > 0 {
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
