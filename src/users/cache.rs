//! What the store said of a user lately, so that a client which reconnects all the time does not cost
//! a read of the store each time, and whether the user is suspended.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Users;
use crate::model::{Identity, TokenUser, UserId};

/// How long an identity is used without asking the store; as long as a conversation's participants.
const CACHE_TTL: Duration = Duration::from_secs(5);

/// An identity, and the claims of the token that it was found for.
#[derive(Debug)]
pub(super) struct CachedIdentity {
    since: Instant,
    token: TokenUser,
    identity: Identity,
}

impl CachedIdentity {
    fn new(token: TokenUser, identity: Identity) -> Self {
        Self {
            since: Instant::now(),
            token,
            identity,
        }
    }

    /// The identity, while it is fresh, for a token with the same claims.
    fn get(&self, token: &TokenUser) -> Option<Identity> {
        let is_fresh = self.since.elapsed() < CACHE_TTL && self.token == *token;
        is_fresh.then(|| self.identity.clone())
    }
}

impl Users {
    /// The identity that the store gave lately to an active user with the same claims.
    pub(crate) fn cached_identity(&self, token: &TokenUser) -> Option<Identity> {
        let user = self.get(token.id.as_str())?;
        let identity = user.cached_identity.lock().as_ref()?.get(token);
        identity.filter(|_| !user.suspended.load(Ordering::SeqCst))
    }

    /// Caches what the store said of an active user.
    pub(crate) fn cache_identity(&self, token: TokenUser, identity: &Identity) {
        let user = self.get_or_create(&token.id);
        let cached = CachedIdentity::new(token, identity.clone());
        *user.cached_identity.lock() = Some(Box::new(cached));
    }

    /// Takes note that a user was changed in the store, and of whether they are suspended: from then
    /// on, no connection is added to one who is.
    pub(crate) fn set_suspended(&self, id: &UserId, suspended: bool) {
        let user = self.get_or_create(id);
        user.suspended.store(suspended, Ordering::SeqCst);
        *user.cached_identity.lock() = None;
    }

    /// Whether a user is known on this node to be suspended.
    pub(crate) fn is_suspended(&self, id: &UserId) -> bool {
        self.get(id.as_str())
            .is_some_and(|user| user.suspended.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::users::blockers::tests::unblocked;

    fn token(name: &str) -> TokenUser {
        TokenUser {
            id: UserId::parse("ann").unwrap(),
            id_type: crate::model::IdType::Text,
            name: Some(name.into()),
            username: None,
            avatar_url: None,
        }
    }

    fn identity() -> Identity {
        Identity {
            user: UserId::parse("ann").unwrap(),
            name: "Ann".into(),
            avatar_url: None,
        }
    }

    #[test]
    fn an_identity_is_cached_for_the_same_claims_only() {
        let users = unblocked(Config::default());
        assert!(users.cached_identity(&token("Ann")).is_none());
        users.cache_identity(token("Ann"), &identity());
        let cached = users.cached_identity(&token("Ann"));
        assert_eq!(cached.map(|cached| cached.name), Some("Ann".into()));
        assert!(users.cached_identity(&token("Anna")).is_none());
    }

    #[test]
    fn a_change_of_the_user_drops_the_cached_identity() {
        let users = unblocked(Config::default());
        let ann = UserId::parse("ann").unwrap();
        users.cache_identity(token("Ann"), &identity());
        users.set_suspended(&ann, true);
        assert!(users.is_suspended(&ann));
        users.cache_identity(token("Ann"), &identity());
        assert!(users.cached_identity(&token("Ann")).is_none(), "suspended");
        users.set_suspended(&ann, false);
        assert!(users.cached_identity(&token("Ann")).is_none(), "dropped");
        assert!(!users.is_suspended(&ann));
    }
}
