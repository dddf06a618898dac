//! The audit in MongoDB: collection `logs`.
//!
//! Owns its indexes, writing records and removing them; which go first is in `removal`, reading in `reader`.

mod reader;
mod removal;

use std::{collections::HashSet, sync::Arc, time::Duration};

use mongodb::{
    Collection, IndexModel,
    bson::{
        Binary, Bson, DateTime, Document, RawDocument, RawDocumentBuf, doc, spec::BinarySubtype,
    },
    error::{ErrorKind, InsertManyError},
    options::IndexOptions,
};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::document::document;
use super::event_type::Removal;
use super::line::{Fields, Line};
use super::read::Reader;
use super::record::time_of;
use super::size_limit::slice;
use super::store::{Rejected, Store, Trimmed};
use crate::stores::drivers::mongo::{DUPLICATE, Mongo, MongoError, Shape, adopt, prepare, within};
use reader::MongoReader;
use removal::removed_at;

const LOGS: &str = "logs";
/// The longest one operation may take. A batch that takes longer is written again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The collection, with `_id` in indexes where records are read in its order. Retention goes by `createdAt`.
fn shape() -> Shape {
    let index = |name: &str, keys: Document| {
        let options = IndexOptions::builder().name(name.to_owned()).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    Shape {
        name: LOGS,
        has: doc! { "_id": { "$type": "binData" }, "createdAt": { "$type": "date" } },
        fields: &[],
        indexes: vec![
            index("logs_time", doc! { "createdAt": 1 }),
            index("logs_user", doc! { "user": 1, "createdAt": 1, "_id": 1 }),
            index(
                "logs_event",
                doc! { "eventType": 1, "createdAt": 1, "_id": 1 },
            ),
        ],
    }
}

/// The collection of one database.
pub(crate) struct MongoStore {
    mongo: Mongo,
    logs: Collection<RawDocumentBuf>,
    runtime: Handle,
    is_prepared: bool,
}

impl MongoStore {
    /// Needs no server yet: records wait until one is reachable. To be called in a runtime, which must
    /// outlive the store.
    pub(crate) fn new(mongo: &Mongo) -> Self {
        Self {
            mongo: mongo.clone(),
            logs: mongo.collection(LOGS),
            runtime: Handle::current(),
            is_prepared: false,
        }
    }

    /// Takes over what an earlier version has made, and makes the indexes.
    ///
    /// # Errors
    /// The collection has documents of other programs, or MongoDB is away.
    pub(crate) async fn prepare(&mut self) -> Result<(), MongoError> {
        if self.is_prepared {
            return Ok(());
        }
        let shape = shape();
        match adopt(&self.mongo, std::slice::from_ref(&shape)).await {
            Err(error) if error.is_of_collection() => {
                tracing::warn!(%error, "audit records of an earlier version stay where they are");
            }
            adopted => adopted?,
        }
        match prepare(&self.mongo, &shape).await {
            Err(error) if error.code().is_some() => {
                // Records are stored without them, and only found more slowly.
                tracing::error!(%error, "MongoDB does not make the indexes of the audit");
            }
            prepared => prepared?,
        }
        self.is_prepared = true;
        Ok(())
    }

    async fn insert(&mut self, lines: &[Line<'_>]) -> Result<Rejected, MongoError> {
        self.prepare().await?;
        let fields = lines.iter().map(|line| Fields::read(line.bytes()));
        let documents = fields.map(|fields| fields.and_then(|fields| document(&fields)));
        // Each has one: it was made from a record, or read as one.
        let documents: Vec<_> = documents.flatten().collect();
        let insert = async { Ok(self.logs.insert_many(documents).ordered(false).await) };
        match within(TIMEOUT, insert).await? {
            Ok(_) => Ok(Rejected::default()),
            Err(error) => match &*error.kind {
                ErrorKind::InsertMany(failure) if failure.write_concern_error.is_none() => {
                    let rejected = self.rejected(lines, failure).await?;
                    // When it takes none at all, the reason is probably not in the documents.
                    match rejected.positions.len() == lines.len() {
                        true => Err(error.into()),
                        false => Ok(rejected),
                    }
                }
                _ => Err(error.into()),
            },
        }
    }

    /// The records that are not in the collection after this failure.
    async fn rejected(
        &self,
        lines: &[Line<'_>],
        failure: &InsertManyError,
    ) -> Result<Rejected, MongoError> {
        let errors = failure.write_errors.as_deref().unwrap_or_default();
        let mut rejected = Rejected::default();
        let mut duplicates = Vec::new();
        for error in errors {
            match lines.get(error.index).and_then(|line| line.id()) {
                Some(id) if error.code == DUPLICATE => duplicates.push((error.index, binary(id))),
                _ => rejected.add(error.index, error.code),
            }
        }
        // Most are there from an earlier attempt, but another unique index can be the cause too.
        let ids = duplicates.iter().map(|(_, id)| id.clone());
        let these = doc! { "_id": { "$in": ids.collect::<Vec<_>>() } };
        let stored: HashSet<_> = self.ids(these, 0).await?.iter().map(key).collect();
        for (position, id) in duplicates {
            if !stored.contains(&key(&id)) {
                rejected.add(position, DUPLICATE);
            }
        }
        Ok(rejected)
    }

    /// The ids of the oldest records that match, at most `limit`; 0 returns all.
    async fn ids(&self, filter: Document, limit: u32) -> Result<Vec<Bson>, MongoError> {
        let find = async {
            let mut found = self
                .logs
                .find(filter)
                .sort(doc! { "createdAt": 1 })
                .limit(limit.into())
                .projection(doc! { "_id": 1 })
                .await?;
            let mut ids = Vec::new();
            while found.advance().await? {
                ids.extend(id_of(found.current()));
            }
            Ok(ids)
        };
        within(TIMEOUT, find).await
    }

    async fn delete(&mut self, before: DateTime, limit: u32) -> Result<usize, MongoError> {
        self.prepare().await?;
        let old = doc! { "createdAt": { "$lt": before } };
        let ids = self.ids(old, limit).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let delete = self.logs.delete_many(doc! { "_id": { "$in": ids } });
        Ok(within(TIMEOUT, delete).await?.deleted_count as usize)
    }
}

impl MongoStore {
    /// Bytes of all records, uncompressed and without indexes: the one size that falls as soon as
    /// records are deleted. What they take on the disk is mostly less, and no measure for this.
    async fn bytes(&self) -> Result<u64, MongoError> {
        let (database, name) = (self.logs.client(), self.logs.namespace());
        let database = database.database(&name.db);
        let stats = database.run_command(doc! { "collStats": &name.coll });
        let stats = within(TIMEOUT, stats).await?;
        let size = match stats.get("size") {
            Some(Bson::Int32(size)) => i64::from(*size),
            Some(Bson::Int64(size)) => *size,
            Some(Bson::Double(size)) => *size as i64,
            _ => 0,
        };
        Ok(size.max(0) as u64)
    }

    /// The ids of the records that are removed next, at most `limit`.
    async fn next_to_go(&self, limit: u32) -> Result<Vec<Bson>, MongoError> {
        let mut ids = Vec::new();
        for when in Removal::ORDER {
            let left = limit.saturating_sub(ids.len() as u32);
            if left == 0 {
                break;
            }
            let mut oldest = Vec::new();
            for these in removed_at(when) {
                oldest.extend(self.ids(these, left).await?);
            }
            oldest.sort_by_key(created_at_ms);
            oldest.truncate(left as usize);
            ids.extend(oldest);
        }
        Ok(ids)
    }

    /// The size is looked at again once it is known which go: what another server has deleted by then
    /// counts, and what it deletes from then on is the same.
    async fn delete_excess(&mut self, max_bytes: u64) -> Result<Option<Trimmed>, MongoError> {
        let Some(limit) = slice(self.bytes().await?, max_bytes) else {
            return Ok(None);
        };
        self.prepare().await?;
        let mut ids = self.next_to_go(limit).await?;
        let Some(limit) = slice(self.bytes().await?, max_bytes) else {
            return Ok(None);
        };
        ids.truncate(limit as usize);
        if ids.is_empty() {
            return Ok(None);
        }
        let up_to_ms = ids.iter().filter_map(created_at_ms).max().unwrap_or(0);
        let delete = self.logs.delete_many(doc! { "_id": { "$in": ids } });
        let records = within(TIMEOUT, delete).await?.deleted_count as usize;
        Ok(Some(Trimmed { records, up_to_ms }))
    }
}

/// The time in the id of a record.
fn created_at_ms(id: &Bson) -> Option<i64> {
    Uuid::from_slice(&key(id)).ok().map(time_of)
}

/// The form of an id in documents.
fn binary(id: Uuid) -> Bson {
    Bson::Binary(Binary {
        subtype: BinarySubtype::Uuid,
        bytes: id.as_bytes().to_vec(),
    })
}

fn id_of(record: &RawDocument) -> Option<Bson> {
    record.get("_id").ok()??.try_into().ok()
}

/// An id in a form that can be hashed.
fn key(id: &Bson) -> Vec<u8> {
    match id {
        Bson::Binary(binary) => binary.bytes.clone(),
        _ => Vec::new(),
    }
}

impl Store for MongoStore {
    type Error = MongoError;

    const FAILING: &'static str = "MongoDB does not take audit records; they wait in the spool";

    fn write(&mut self, lines: &[Line<'_>]) -> Result<Rejected, MongoError> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.insert(lines))
    }

    fn expire(&mut self, before_ms: i64, limit: u32) -> Result<usize, MongoError> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.delete(DateTime::from_millis(before_ms), limit))
    }

    fn trim(&mut self, max_bytes: u64) -> Result<Option<Trimmed>, MongoError> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.delete_excess(max_bytes))
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(MongoReader::new(&self.mongo, self.runtime.clone()))
    }
}

#[cfg(test)]
mod tests;
