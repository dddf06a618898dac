//! The progress of endpoints in MongoDB, where several servers keep theirs: one cursor for each endpoint and node, which
//! one server at a time owns.
//!
//! Owns who owns a cursor: the node itself, or, while that is away, an heir. There are no transactions: what a step says
//! of facts is written before the position, so that a step that was not taken to its end tells something again at most.

mod dead;
mod facts;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, doc};
use mongodb::options::{IndexOptions, ReturnDocument};
use mongodb::{Collection, IndexModel};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::progress::{Progress, ProgressError, Step, recent_from};
use crate::model::clock::{Clock as _, SystemClock};
use crate::stores::drivers::mongo::{Mongo, Shape, prepare, within};

const CURSORS: &str = "webhookCursors";
const FACTS: &str = "webhookFacts";
const DEAD: &str = "webhookDead";

/// Timeout of one command.
const TIMEOUT: Duration = Duration::from_secs(5);
/// For how long a cursor is owned unless it is written again.
const LEASE: Duration = Duration::from_secs(15);

/// How often a cursor is written at least, so that it stays owned.
pub(super) const RENEWAL: Duration = Duration::from_secs(5);

/// The collections.
fn shapes() -> [Shape; 3] {
    let shape = |name, indexes| Shape {
        name,
        has: doc! { "endpoint": { "$type": "string" } },
        fields: &[],
        indexes,
    };
    let index = |keys: Document, unique: bool| {
        let options = IndexOptions::builder().unique(unique).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    let by_node = doc! { "endpoint": 1, "node": 1 };
    let told = doc! { "endpoint": 1, "node": 1, "told": 1, "record": 1 };
    let listed = doc! { "endpoint": 1, "record": 1, "part": 1 };
    [
        shape(CURSORS, vec![index(by_node, true)]),
        shape(FACTS, vec![index(told, false)]),
        shape(DEAD, vec![index(listed, false)]),
    ]
}

/// The cursors of one node. Cheap to clone.
#[derive(Clone)]
pub(super) struct Cursors {
    mongo: Mongo,
    cursors: Collection<Document>,
    facts: Collection<Document>,
    dead: Collection<Document>,
    is_prepared: Arc<OnceCell<()>>,
    /// This process.
    owner: Arc<str>,
    /// The node that it is.
    own_node: Arc<str>,
    /// Whose facts are told.
    node: Arc<str>,
    /// It was owned before: then another process of this node has a right to it.
    was_owned: Arc<AtomicBool>,
}

impl Cursors {
    /// Those of this node.
    pub(super) fn new(mongo: &Mongo, node: &str) -> Self {
        let node: Arc<str> = node.into();
        Self {
            cursors: mongo.primary(CURSORS),
            facts: mongo.primary(FACTS),
            dead: mongo.primary(DEAD),
            mongo: mongo.clone(),
            is_prepared: Arc::default(),
            owner: Uuid::now_v7().to_string().into(),
            own_node: node.clone(),
            node,
            was_owned: Arc::default(),
        }
    }

    /// Those of another node, as its heir.
    pub(super) fn of_node(&self, node: &str) -> Self {
        Self {
            node: node.into(),
            was_owned: Arc::default(),
            ..self.clone()
        }
    }

    /// The same for another endpoint.
    pub(super) fn for_endpoint(&self) -> Self {
        self.of_node(&self.node)
    }

    fn is_heir(&self) -> bool {
        self.node != self.own_node
    }

    async fn prepared(&self) -> Result<(), ProgressError> {
        let prepared = self.is_prepared.get_or_try_init(async || {
            for shape in &shapes() {
                prepare(&self.mongo, shape).await?;
            }
            Ok::<_, ProgressError>(())
        });
        prepared.await.copied()
    }

    fn cursor(&self, endpoint: &str) -> Document {
        doc! { "endpoint": endpoint, "node": &*self.node }
    }

    /// How far an endpoint was told of what happened on this node; of one that was never known, nothing up to `now`.
    ///
    /// # Errors
    /// Another server owns it, or it cannot be read.
    pub(super) async fn load(&self, endpoint: &str, now: Uuid) -> Result<Progress, ProgressError> {
        self.prepared().await?;
        let cursor = self.claim(endpoint, now).await?;
        self.was_owned.store(true, Ordering::Relaxed);
        let mut progress = Progress {
            began: uuid_of(&cursor, "began")?,
            position: uuid_of(&cursor, "position")?,
            ..Progress::default()
        };
        self.load_facts(endpoint, &mut progress).await?;
        progress.dead = self.count_dead(endpoint).await?;
        Ok(progress)
    }

    async fn claim(&self, endpoint: &str, now: Uuid) -> Result<Document, ProgressError> {
        let clock = SystemClock.now_ms();
        let until = date(clock + LEASE.as_millis() as u64);
        let over = doc! { "until": { "$lt": date(clock) } };
        let mut rights = vec![doc! { "owner": &*self.owner }, over];
        if !self.is_heir() && !self.was_owned.load(Ordering::Relaxed) {
            // A process of this node before this one, which was killed.
            rights.push(doc! { "ownerNode": &*self.own_node });
        }
        let mut mine = self.cursor(endpoint);
        mine.insert("$or", rights);
        if self.is_heir() {
            mine.insert("isFinished", doc! { "$ne": true });
        }
        let owned = doc! {
            "owner": &*self.owner, "ownerNode": &*self.own_node, "until": until, "isFinished": false
        };
        let update = doc! { "$set": owned.clone(), "$unset": { "wantedBy": "" } };
        let claim = self.cursors.find_one_and_update(mine, update);
        let claim = claim.return_document(ReturnDocument::After);
        if let Some(claimed) = within(TIMEOUT, claim).await? {
            return Ok(claimed);
        }
        if self.is_heir() {
            return Err(ProgressError::Taken);
        }
        let wanted = doc! { "$set": { "wantedBy": &*self.owner } };
        let known = self.cursors.update_one(self.cursor(endpoint), wanted);
        if within(TIMEOUT, known).await?.matched_count > 0 {
            return Err(ProgressError::Taken);
        }
        let mut new = self.cursor(endpoint);
        new.extend(owned);
        new.insert("began", binary(now));
        new.insert("position", binary(now));
        match within(TIMEOUT, self.cursors.insert_one(&new)).await {
            Ok(_) => Ok(new),
            // Another process of this node began at the same time.
            Err(error) if error.is_duplicate() => Err(ProgressError::Taken),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a step. Returns how many facts are dead, if that has changed.
    ///
    /// # Errors
    /// It was not taken to its end, or another server owns the cursor now, or, of an heir, its node wants it back.
    pub(super) async fn take(
        &self,
        endpoint: &str,
        step: &Step,
    ) -> Result<Option<u64>, ProgressError> {
        if !step.dead.is_empty() {
            self.add_dead(endpoint, &step.dead).await?;
        }
        self.note(endpoint, step).await?;
        self.forget(endpoint, recent_from(step.position)).await?;
        let mut mine = self.cursor(endpoint);
        mine.insert("owner", &*self.owner);
        let until = date(SystemClock.now_ms() + LEASE.as_millis() as u64);
        let update = doc! {
            "$max": { "position": binary(step.position) }, "$set": { "until": until }
        };
        let taken = self.cursors.find_one_and_update(mine, update);
        let taken = within(TIMEOUT, taken).await?.ok_or(ProgressError::Taken)?;
        if taken.contains_key("wantedBy") {
            self.release(endpoint, false).await?;
            return Err(ProgressError::Taken);
        }
        match step.dead.is_empty() {
            true => Ok(None),
            false => Ok(Some(self.count_dead(endpoint).await?)),
        }
    }

    /// Owns the cursor no more; `is_finished`: nothing is left to be told.
    ///
    /// # Errors
    /// It is owned until the lease ends.
    pub(super) async fn release(
        &self,
        endpoint: &str,
        is_finished: bool,
    ) -> Result<(), ProgressError> {
        let mut mine = self.cursor(endpoint);
        mine.insert("owner", &*self.owner);
        let free = doc! { "until": date(0), "isFinished": is_finished };
        let update =
            doc! { "$set": free, "$unset": { "owner": "", "ownerNode": "", "wantedBy": "" } };
        within(TIMEOUT, self.cursors.update_one(mine, update)).await?;
        Ok(())
    }

    /// The nodes of which nobody tells an endpoint though there is something left.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) async fn abandoned(&self, endpoint: &str) -> Result<Vec<String>, ProgressError> {
        self.prepared().await?;
        let filter = doc! {
            "endpoint": endpoint,
            "node": { "$ne": &*self.own_node },
            "until": { "$lt": date(SystemClock.now_ms()) },
            "isFinished": { "$ne": true },
        };
        let found = all(self.cursors.find(filter)).await?;
        let nodes = found.iter().map(|cursor| cursor.get_str("node"));
        nodes
            .map(|node| node.map(str::to_owned).map_err(|_| ProgressError::Damaged))
            .collect()
    }
}

/// All documents that are found.
async fn all(find: mongodb::action::Find<'_, Document>) -> Result<Vec<Document>, ProgressError> {
    let found = async {
        let mut cursor = find.await?;
        let mut found = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    };
    Ok(within(TIMEOUT, found).await?)
}

fn date(ms: u64) -> DateTime {
    DateTime::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn binary(id: Uuid) -> Bson {
    Bson::Binary(Binary {
        subtype: BinarySubtype::Uuid,
        bytes: id.as_bytes().to_vec(),
    })
}

fn uuid_of(document: &Document, name: &str) -> Result<Uuid, ProgressError> {
    let id = match document.get(name) {
        Some(Bson::Binary(binary)) => Uuid::from_slice(&binary.bytes).ok(),
        _ => None,
    };
    id.ok_or(ProgressError::Damaged)
}

#[cfg(test)]
mod tests;
