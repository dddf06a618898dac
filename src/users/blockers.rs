//! By whom a user is blocked: read from the store when they connect, and kept up to date by what nodes tell each
//! other, so that no event waits for the store. It must not know what follows from it.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::blocker_set::{MAX_KEPT, Reading};
use super::{User, Users};
use crate::model::UserId;

/// How often they are read again because they were changed meanwhile.
const ATTEMPTS: usize = 8;
/// Of how many users they are read at the same time.
const BATCH: usize = 64;

impl Users {
    /// Whether a user is blocked by another one. The store is asked only of one who is blocked by very many.
    pub(crate) async fn is_blocked(&self, user: &UserId, by: &UserId) -> bool {
        match self.get(user.as_str()) {
            Some(user) => self.is_known_blocked(&user, by).await,
            None => false,
        }
    }

    /// The same of one who is known here.
    pub(super) async fn is_known_blocked(&self, user: &User, by: &UserId) -> bool {
        match self.knows_blocked(user, by) {
            Some(is_blocked) => is_blocked,
            None => {
                let found = self.blocks.find(by, &user.id).await;
                found.is_ok_and(|block| block.is_some())
            }
        }
    }

    /// The same without asking the store. `None`: only that knows.
    pub(super) fn knows_blocked(&self, user: &User, by: &UserId) -> Option<bool> {
        user.blockers.lock().contains(|| self.hash(by))
    }

    /// Those of these users who have blocked another one.
    pub(crate) async fn blockers_among(
        &self,
        user: &UserId,
        others: impl IntoIterator<Item = UserId>,
    ) -> Vec<UserId> {
        let mut blockers = Vec::new();
        for other in others {
            if self.is_blocked(user, &other).await {
                blockers.push(other);
            }
        }
        blockers
    }

    /// Takes note that a user is blocked by another one, or is not any more. Whether that may be news.
    pub(super) fn set_blocked(&self, user: &User, by: &UserId, is_blocked: bool) -> bool {
        let by = self.hash(by);
        user.blockers.lock().set(by, is_blocked, &self.memory)
    }

    /// Reads who blocks a user who connects, unless that is known. Relaying must not depend on the store: while it
    /// fails, those count who were known before.
    pub(super) async fn read_blockers(&self, user: &User) {
        let reading = user.blockers.lock().begin_reading();
        if let Some(reading) = reading {
            // In a box: most users who connect need none of it.
            Box::pin(self.read_blockers_from(user, reading)).await;
        }
    }

    async fn read_blockers_from(&self, user: &User, mut reading: Reading) {
        for _ in 0..ATTEMPTS {
            let read = match self.blocks.blockers_of(&user.id, MAX_KEPT + 1).await {
                Ok(read) => read,
                Err(error) => {
                    // It is tried again, for all together.
                    if !self.lacks_blockers.swap(true, Ordering::Relaxed) {
                        tracing::warn!(%error, "who blocks users could not be read");
                    }
                    return;
                }
            };
            let read = read.iter().map(|by| self.hash(by));
            if user.blockers.lock().read(reading, read, &self.memory) {
                return;
            }
            let Some(again) = user.blockers.lock().begin_reading() else {
                return;
            };
            reading = again;
        }
        self.lacks_blockers.store(true, Ordering::Relaxed);
    }

    /// Reads again who blocks those who are connected here: this node may have missed what others said.
    pub(crate) async fn read_all_blockers(&self) {
        let connected = || self.all().into_iter().filter(|user| user.is_connected());
        connected().for_each(|user| user.blockers.lock().expire());
        self.lacks_blockers.store(true, Ordering::Relaxed);
        self.read_missing_blockers().await;
    }

    /// Reads who blocks those who are connected here, where that failed before. To be called from time to time.
    pub(crate) async fn read_missing_blockers(&self) {
        if !self.lacks_blockers.swap(false, Ordering::Relaxed) {
            return;
        }
        let connected = self.all().into_iter().filter(|user| user.is_connected());
        let connected: Vec<_> = connected.collect();
        for batch in connected.chunks(BATCH) {
            join_all(batch.iter().map(|user| self.read_blockers(user))).await;
            if self.lacks_blockers.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn hash(&self, user: &UserId) -> u64 {
        self.hasher.hash_one(user.as_str())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::blocker_set::BYTES;
    use super::*;
    use std::sync::Arc;

    use async_trait::async_trait;
    use parking_lot::Mutex;

    use crate::config::Config;
    use crate::limits::Memory;
    use crate::model::Block;
    use crate::stores::conversations::{BlockStore, StoreError};

    /// Who blocks whoever asks; `None`: the store fails.
    #[derive(Debug)]
    pub(crate) struct Stub(Mutex<Option<Vec<UserId>>>);

    #[async_trait]
    impl BlockStore for Stub {
        async fn block(
            &self,
            _: &UserId,
            _: &UserId,
            _: usize,
        ) -> Result<(Block, bool), StoreError> {
            Err(StoreError::Closed)
        }

        async fn unblock(&self, _: &UserId, _: &UserId) -> Result<Option<Block>, StoreError> {
            Err(StoreError::Closed)
        }

        async fn find(&self, user: &UserId, other: &UserId) -> Result<Option<Block>, StoreError> {
            let blockers = self.blockers_of(other, usize::MAX).await?;
            let found = blockers.contains(user).then(|| Block {
                blocked: other.clone(),
                since: 0,
            });
            Ok(found)
        }

        async fn list(
            &self,
            _: &UserId,
            _: Option<&UserId>,
            _: usize,
        ) -> Result<Vec<Block>, StoreError> {
            Err(StoreError::Closed)
        }

        async fn blockers_of(&self, _: &UserId, limit: usize) -> Result<Vec<UserId>, StoreError> {
            let blockers = self.0.lock();
            let blockers = blockers.as_ref().ok_or(StoreError::Closed)?;
            Ok(blockers.iter().take(limit).cloned().collect())
        }
    }

    /// Users whom nobody blocks.
    pub(crate) fn unblocked(config: Config) -> Users {
        blocked_by(config, Some(Vec::new())).0
    }

    fn blocked_by(config: Config, blockers: Option<Vec<UserId>>) -> (Users, Arc<Stub>) {
        let stub = Arc::new(Stub(Mutex::new(blockers)));
        let memory = Memory::new(1 << 30);
        let users = Users::new(config.into(), memory, stub.clone(), None);
        (users, stub)
    }

    fn id(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    #[tokio::test]
    async fn a_change_after_the_first_reading_counts() {
        let (users, _) = blocked_by(Config::default(), Some(vec![id("bo")]));
        let ann = users.get_or_create(&id("ann"));
        assert!(!users.is_blocked(&ann.id, &id("bo")).await, "not read yet");
        users.read_blockers(&ann).await;
        assert!(users.is_blocked(&ann.id, &id("bo")).await);
        assert!(!users.is_blocked(&ann.id, &id("cy")).await);
        assert_eq!(users.memory.held(), BYTES);
        users.set_blocked(&ann, &id("cy"), true);
        users.set_blocked(&ann, &id("bo"), false);
        users.read_blockers(&ann).await;
        assert!(!users.is_blocked(&ann.id, &id("bo")).await);
        assert!(users.is_blocked(&ann.id, &id("cy")).await);
        assert!(!users.is_blocked(&id("cy"), &ann.id).await);
    }

    #[tokio::test]
    async fn while_the_store_fails_what_was_known_counts() {
        let (users, stub) = blocked_by(Config::default(), Some(vec![id("bo")]));
        let ann = users.get_or_create(&id("ann"));
        users.read_blockers(&ann).await;
        ann.blockers.lock().expire();
        *stub.0.lock() = None;
        users.read_blockers(&ann).await;
        assert!(users.is_blocked(&ann.id, &id("bo")).await);
        assert!(!users.is_blocked(&ann.id, &id("cy")).await);
        *stub.0.lock() = Some(vec![id("cy")]);
        users.read_blockers(&ann).await;
        assert!(!users.is_blocked(&ann.id, &id("bo")).await);
        assert!(users.is_blocked(&ann.id, &id("cy")).await);
    }

    #[tokio::test]
    async fn of_who_is_blocked_by_very_many_the_store_knows_more() {
        let many: Vec<_> = (0..=MAX_KEPT).map(|n| id(&n.to_string())).collect();
        let (users, stub) = blocked_by(Config::default(), Some(many));
        let ann = users.get_or_create(&id("ann"));
        users.read_blockers(&ann).await;
        assert_eq!(users.memory.held(), MAX_KEPT * BYTES);
        let last = id(&MAX_KEPT.to_string());
        for (by, is_blocked) in [(id("0"), true), (last, true), (id("bo"), false)] {
            assert_eq!(users.is_blocked(&ann.id, &by).await, is_blocked, "{by:?}");
        }
        users.set_blocked(&ann, &id("bo"), true);
        assert_eq!(users.memory.held(), MAX_KEPT * BYTES);
        *stub.0.lock() = None;
        assert!(users.is_blocked(&ann.id, &id("0")).await);
        assert!(!users.is_blocked(&ann.id, &id("bo")).await, "relayed");
        ann.blockers.lock().forget();
        assert_eq!(users.memory.held(), 0);
    }
}
