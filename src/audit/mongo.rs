//! The audit in MongoDB: collection `logs`.
//!
//! Owns its indexes and how records are written. Reading is beside it, in `reader`.

mod reader;

use std::{collections::HashSet, sync::Arc, time::Duration};

use mongodb::{
    Collection, IndexModel,
    bson::{Bson, DateTime, Document, RawDocument, RawDocumentBuf, doc},
    error::{ErrorKind, InsertManyError},
    options::IndexOptions,
};
use tokio::runtime::Handle;

use super::read::Reader;
use super::store::{Refused, Store};
use crate::stores::drivers::mongo::{DUPLICATE, Mongo, MongoError, within};
use reader::MongoReader;

const LOGS: &str = "logs";
/// How long MongoDB has for one operation. A batch that takes longer is written again.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The fields of the indexes, with `_id` where records are read in its order. Retention goes by
/// `createdAt`.
fn indexes() -> [IndexModel; 3] {
    let index = |name: &str, keys: Document| {
        let options = IndexOptions::builder().name(name.to_owned()).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    [
        index("logs_time", doc! { "createdAt": 1 }),
        index("logs_user", doc! { "user": 1, "createdAt": 1, "_id": 1 }),
        index(
            "logs_event",
            doc! { "eventType": 1, "createdAt": 1, "_id": 1 },
        ),
    ]
}

/// The collection of one database.
pub struct MongoStore {
    logs: Collection<RawDocumentBuf>,
    runtime: Handle,
    has_indexes: bool,
}

impl MongoStore {
    /// Needs no server yet: records wait until there is one. To be called in a runtime, which has to
    /// outlive it.
    pub fn new(mongo: &Mongo) -> Self {
        Self {
            logs: mongo.database().collection(LOGS),
            runtime: Handle::current(),
            has_indexes: false,
        }
    }

    async fn make_indexes(&mut self) -> Result<(), MongoError> {
        if self.has_indexes {
            return Ok(());
        }
        match within(TIMEOUT, self.logs.create_indexes(indexes())).await {
            Ok(_) => {}
            Err(error) if error.code().is_some() => {
                // Records are worth more than finding them quickly.
                tracing::error!(%error, "MongoDB does not make the indexes of the audit");
            }
            Err(error) => return Err(error),
        }
        self.has_indexes = true;
        Ok(())
    }

    async fn insert(&mut self, records: &[&RawDocument]) -> Result<Refused, MongoError> {
        self.make_indexes().await?;
        let documents = records.iter().map(|record| (*record).to_owned());
        let insert = async { Ok(self.logs.insert_many(documents).ordered(false).await) };
        match within(TIMEOUT, insert).await? {
            Ok(_) => Ok(Refused::default()),
            Err(error) => match &*error.kind {
                ErrorKind::InsertMany(failure) if failure.write_concern_error.is_none() => {
                    let refused = self.refused(records, failure).await?;
                    // When it takes none at all, the reason is hardly in the documents.
                    match refused.positions.len() == records.len() {
                        true => Err(error.into()),
                        false => Ok(refused),
                    }
                }
                _ => Err(error.into()),
            },
        }
    }

    /// Which of the records are not in the collection after this failure.
    async fn refused(
        &self,
        records: &[&RawDocument],
        failure: &InsertManyError,
    ) -> Result<Refused, MongoError> {
        let errors = failure.write_errors.as_deref().unwrap_or_default();
        let mut refused = Refused::default();
        let mut duplicates = Vec::new();
        for error in errors {
            match records.get(error.index).and_then(|record| id_of(record)) {
                Some(id) if error.code == DUPLICATE => duplicates.push((error.index, id)),
                _ => refused.add(error.index, error.code),
            }
        }
        // Most are there from an earlier attempt, but somebody else's index may want to be unique too.
        let ids = duplicates.iter().map(|(_, id)| id.clone());
        let these = doc! { "_id": { "$in": ids.collect::<Vec<_>>() } };
        let kept: HashSet<_> = self.ids(these, 0).await?.iter().map(key).collect();
        for (position, id) in duplicates {
            if !kept.contains(&key(&id)) {
                refused.add(position, DUPLICATE);
            }
        }
        Ok(refused)
    }

    /// The ids of the oldest records that match, at most so many; 0 is all.
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
        self.make_indexes().await?;
        let old = doc! { "createdAt": { "$lt": before } };
        let ids = self.ids(old, limit).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let delete = self.logs.delete_many(doc! { "_id": { "$in": ids } });
        Ok(within(TIMEOUT, delete).await?.deleted_count as usize)
    }
}

fn id_of(record: &RawDocument) -> Option<Bson> {
    record.get("_id").ok()??.try_into().ok()
}

/// What of an id can be looked up.
fn key(id: &Bson) -> Vec<u8> {
    match id {
        Bson::Binary(binary) => binary.bytes.clone(),
        _ => Vec::new(),
    }
}

impl Store for MongoStore {
    type Error = MongoError;

    const FAILING: &'static str = "MongoDB does not take audit records; they wait in the spool";

    fn write(&mut self, records: &[&RawDocument]) -> Result<Refused, MongoError> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.insert(records))
    }

    fn expire(&mut self, before_ms: i64, limit: u32) -> Result<usize, MongoError> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.delete(DateTime::from_millis(before_ms), limit))
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(MongoReader::new(self.logs.clone(), self.runtime.clone()))
    }
}

#[cfg(test)]
mod tests;
