//! What the store said of a user a moment ago: clients that connect anew all the time must not cost a
//! read of the store each time.

use std::time::{Duration, Instant};

use crate::model::{Identity, TokenUser};

/// How long it is believed; as who takes part in a conversation.
const CACHE_TTL: Duration = Duration::from_secs(5);

/// What was said, of whom their token told this.
#[derive(Debug)]
pub(super) struct CachedIdentity {
    since: Instant,
    token: TokenUser,
    identity: Identity,
}

impl CachedIdentity {
    pub(super) fn new(token: TokenUser, identity: Identity) -> Self {
        Self {
            since: Instant::now(),
            token,
            identity,
        }
    }

    /// The user as the store has them, if it was asked lately for a token that told the same.
    pub(super) fn of(&self, token: &TokenUser) -> Option<Identity> {
        let is_fresh = self.since.elapsed() < CACHE_TTL && self.token == *token;
        is_fresh.then(|| self.identity.clone())
    }
}
