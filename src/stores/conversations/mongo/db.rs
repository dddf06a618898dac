//! What operations work with: the collections, the clock, and the makers of ids and numbers. It must
//! not know which operations there are.

use std::ops::Deref;
use std::sync::Arc;

use super::collections::Collections;
use super::heads::{HeadCache, Ids};
use crate::model::clock::Clock;
use crate::stores::conversations::error::StoreError;
use crate::stores::drivers::mongo::Mongo;

/// One database.
#[derive(Debug)]
pub(super) struct Db {
    collections: Collections,
    /// Where they are.
    pub(super) mongo: Mongo,
    clock: Arc<dyn Clock>,
    pub(super) heads: HeadCache,
    pub(super) ids: Ids,
}

impl Deref for Db {
    type Target = Collections;

    fn deref(&self) -> &Collections {
        &self.collections
    }
}

impl Db {
    pub(super) fn of(mongo: &Mongo, clock: Arc<dyn Clock>) -> Self {
        Self {
            collections: Collections::of(mongo),
            mongo: mongo.clone(),
            clock,
            heads: HeadCache::new(),
            ids: Ids::default(),
        }
    }

    /// Milliseconds since the epoch.
    pub(super) fn now(&self) -> u64 {
        self.clock.now_ms()
    }
}

/// A document is not in the state in which it was left: another program has removed it, or
/// changes it all the time.
#[derive(Debug, thiserror::Error)]
#[error("a document of {0} was removed, or changes all the time")]
struct Gone(&'static str);

pub(super) fn gone(collection: &'static str) -> StoreError {
    StoreError::Failed(Arc::new(Gone(collection)))
}
