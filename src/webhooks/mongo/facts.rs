//! Facts that wait, and those that were told lately.

use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::ErrorKind;
use uuid::Uuid;

use super::{Cursors, TIMEOUT, all, binary, uuid_of};
use crate::stores::drivers::mongo::{DUPLICATE, within};
use crate::webhooks::fact::FactId;
use crate::webhooks::progress::{Progress, ProgressError, Step};

/// The key of a fact.
pub(super) fn key(endpoint: &str, id: FactId) -> String {
    format!("{endpoint}/{id}")
}

pub(super) fn keys(endpoint: &str, ids: &[FactId]) -> Vec<String> {
    ids.iter().map(|id| key(endpoint, *id)).collect()
}

/// The fact that a document is about.
pub(super) fn id_of(document: &Document) -> Result<FactId, ProgressError> {
    let part = document.get_i32("part").ok();
    let part = part.and_then(|part| u16::try_from(part).ok());
    Ok(FactId {
        record: uuid_of(document, "record")?,
        part: part.ok_or(ProgressError::Damaged)?,
    })
}

/// What documents of facts begin with.
pub(super) fn begun(endpoint: &str, node: &str, id: FactId) -> Document {
    doc! {
        "_id": key(endpoint, id), "endpoint": endpoint, "node": node,
        "record": binary(id.record), "part": i32::from(id.part),
    }
}

/// Inserts documents but for those that are there.
pub(super) async fn insert(
    collection: &Collection<Document>,
    documents: Vec<Document>,
) -> Result<(), ProgressError> {
    if documents.is_empty() {
        return Ok(());
    }
    let insert = async { Ok(collection.insert_many(documents).ordered(false).await) };
    match within(TIMEOUT, insert).await? {
        Ok(_) => Ok(()),
        Err(error) => match &*error.kind {
            ErrorKind::InsertMany(failure)
                if failure.write_concern_error.is_none()
                    && failure
                        .write_errors
                        .iter()
                        .flatten()
                        .all(|error| error.code == DUPLICATE) =>
            {
                Ok(())
            }
            _ => Err(crate::stores::drivers::mongo::MongoError::from(error).into()),
        },
    }
}

impl Cursors {
    pub(super) async fn load_facts(
        &self,
        endpoint: &str,
        progress: &mut Progress,
    ) -> Result<(), ProgressError> {
        for document in all(self.facts.find(self.cursor(endpoint))).await? {
            let id = id_of(&document)?;
            if document.get_bool("told").unwrap_or_default() {
                progress.recent.insert(id);
                continue;
            }
            progress.waiting.insert(id);
            if let Some(at) = document.get("replayed").and_then(Bson::as_i64) {
                progress.replayed.insert(id, at as u64);
            }
        }
        Ok(())
    }

    /// Notes which facts wait, and which do no more.
    pub(super) async fn note(&self, endpoint: &str, step: &Step) -> Result<(), ProgressError> {
        let document = |id: &FactId, told: bool| {
            let mut document = begun(endpoint, &self.node, *id);
            document.insert("told", told);
            document
        };
        let waiting = step.waiting.iter().map(|id| document(id, false));
        let done = step.done.iter().map(|id| document(id, true));
        insert(&self.facts, waiting.chain(done).collect()).await?;
        if !step.done.is_empty() {
            let these = doc! { "_id": { "$in": keys(endpoint, &step.done) } };
            let told = doc! { "$set": { "told": true } };
            within(TIMEOUT, self.facts.update_many(these, told)).await?;
        }
        Ok(())
    }

    /// Forgets what was told before this record.
    pub(super) async fn forget(&self, endpoint: &str, before: Uuid) -> Result<(), ProgressError> {
        let mut told = self.cursor(endpoint);
        told.insert("told", true);
        told.insert("record", doc! { "$lt": binary(before) });
        within(TIMEOUT, self.facts.delete_many(told)).await?;
        Ok(())
    }
}
