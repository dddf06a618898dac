//! The names of users whose tokens have none, as an application's own collection has them. They are cached, and nobody
//! waits for them for long, nor is refused for want of one.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;

use crate::model::UserId;
use crate::stores::ApplicationUsers;

/// How many users are remembered, with or without a name.
const MAX_KNOWN: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);
/// How long a name is used without asking again.
const FRESH: Duration = Duration::from_secs(60);
/// How long nobody asks after the collection could not be read.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks names up.
#[derive(Debug)]
pub(super) struct Names {
    users: Arc<ApplicationUsers>,
    known: Mutex<LruCache<UserId, Known>>,
    paused_until: Mutex<Option<Instant>>,
}

/// What was found of a user, and when.
#[derive(Debug, Clone)]
struct Known {
    since: Instant,
    name: Option<Arc<str>>,
}

impl Names {
    /// Names from this collection.
    pub(super) fn of(users: Arc<ApplicationUsers>) -> Self {
        Self {
            users,
            known: Mutex::new(LruCache::new(MAX_KNOWN)),
            paused_until: Mutex::default(),
        }
    }

    /// The name of a user; while the collection cannot be read, the one that they had before.
    pub(super) async fn find(&self, user: &UserId) -> Option<Arc<str>> {
        let known = self.known.lock().get(user).cloned();
        let before = match known {
            Some(known) if known.since.elapsed() < FRESH => return known.name,
            known => known.and_then(|known| known.name),
        };
        if self.is_paused() {
            return before;
        }
        match self.users.name_of(user).await {
            Ok(name) => {
                let since = Instant::now();
                let known = Known {
                    since,
                    name: name.clone(),
                };
                self.known.lock().put(user.clone(), known);
                name
            }
            Err(error) => {
                tracing::warn!(%error, "names could not be read from users_collection");
                *self.paused_until.lock() = Some(Instant::now() + PAUSE);
                before
            }
        }
    }

    fn is_paused(&self) -> bool {
        let until = *self.paused_until.lock();
        until.is_some_and(|until| Instant::now() < until)
    }
}
