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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{Config, MongoPrefix, MongoUri};
    use crate::stores::drivers::mongo::Mongo;

    /// More than one read may take, and less than two.
    const ONE_READ: Duration = Duration::from_millis(1_900);

    async fn names_at(uri: &str) -> Names {
        let config = Config {
            users_collection: Some("people".to_owned()),
            ..Config::default()
        };
        let uri = MongoUri::parse(uri).unwrap();
        let mongo = Mongo::open(&uri, &MongoPrefix::default()).await.unwrap();
        Names::of(Arc::new(ApplicationUsers::of(&config, &mongo).unwrap()))
    }

    /// Looks for so many users at once, and then for as many one after the other; how long it took.
    async fn look_for(names: &Names, count: usize) -> Duration {
        let began = Instant::now();
        let user = |index: usize| UserId::parse(&format!("user-{index}")).unwrap();
        let at_once = (0..count).map(|index| async move { names.find(&user(index)).await });
        let found = futures_util::future::join_all(at_once).await;
        assert!(found.iter().all(Option::is_none));
        for index in 0..count {
            assert!(names.find(&user(count + index)).await.is_none());
        }
        began.elapsed()
    }

    #[tokio::test]
    async fn who_is_looked_for_in_vain_waits_once_however_many_there_are() {
        // It takes connections, and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let names = names_at(&format!("mongodb://127.0.0.1:{port}/x")).await;
        assert!(look_for(&names, 500).await < ONE_READ);
        // Nobody is there at all.
        drop(silent);
        let names = names_at(&format!("mongodb://127.0.0.1:{port}/x")).await;
        assert!(look_for(&names, 500).await < ONE_READ);
    }

    #[tokio::test]
    async fn a_name_that_was_known_is_kept_while_none_can_be_read() {
        let names = names_at("mongodb://127.0.0.1:1/x").await;
        let user = UserId::parse("ann").unwrap();
        let since = Instant::now().checked_sub(FRESH * 2).unwrap();
        let name = Some(Arc::from("Ann"));
        let known = Known { since, name };
        names.known.lock().put(user.clone(), known);
        assert_eq!(names.find(&user).await.as_deref(), Some("Ann"));
        assert!(names.is_paused());
        assert_eq!(names.find(&user).await.as_deref(), Some("Ann"));
    }
}
