//! Reading the audit in MongoDB.
//!
//! Owns the queries. It must not write.

use mongodb::{
    Collection,
    bson::{Bson, DateTime, Document, RawDocument, RawDocumentBuf, doc},
};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{LOGS, TIMEOUT, binary};
use crate::audit::document::read;
use crate::audit::error::ReadError;
use crate::audit::read::{Order, Query, Reader, RecordPage, StoredRecord};
use crate::audit::record::time_of;
use crate::stores::drivers::mongo::{Mongo, within};

pub(super) struct MongoReader {
    logs: Collection<RawDocumentBuf>,
    /// The same, as it is now.
    primary: Collection<RawDocumentBuf>,
    runtime: Handle,
}

impl MongoReader {
    pub(super) fn new(mongo: &Mongo, runtime: Handle) -> Self {
        Self {
            logs: mongo.collection(LOGS),
            primary: mongo.primary(LOGS),
            runtime,
        }
    }
}

impl Reader for MongoReader {
    fn read(&self, query: &Query) -> Result<RecordPage, ReadError> {
        let one_more = query.limit.get() + 1;
        let documents = async {
            // Who reads on would miss for good what a secondary does not have yet.
            let logs = match query.is_current {
                true => &self.primary,
                false => &self.logs,
            };
            let mut found = logs
                .find(filter(query))
                .sort(sort(query))
                .limit(one_more as i64)
                .await?;
            let mut documents = Vec::new();
            while found.advance().await? {
                documents.push(found.current().to_owned());
            }
            Ok(documents)
        };
        let documents = self.runtime.block_on(within(TIMEOUT, documents))?;
        let more = documents.len() == one_more;
        let page = documents.iter().take(query.limit.get());
        let records = page.map(|document| record(document)).collect::<Option<_>>();
        let records = records.ok_or(ReadError::Damaged)?;
        Ok(RecordPage { records, more })
    }
}

/// Whether times are filtered by the time in ids: without a filter that has an index of its own.
fn goes_by_id(query: &Query) -> bool {
    query.user.is_none() && query.event.is_none()
}

fn sort(query: &Query) -> Document {
    let direction = match query.order {
        Order::NewestFirst => -1,
        Order::OldestFirst => 1,
    };
    match goes_by_id(query) {
        true => doc! { "_id": direction },
        false => doc! { "createdAt": direction, "_id": direction },
    }
}

fn filter(query: &Query) -> Document {
    let mut filter = Document::new();
    if let Some(user) = &query.user {
        filter.insert("user", user);
    }
    if let Some(event) = query.event {
        filter.insert("eventType", event.as_str());
    }
    if let Some(node) = &query.node {
        filter.insert("node", node);
    }
    let mut ids = Document::new();
    if let Some(after) = query.after {
        let beyond = match query.order {
            Order::NewestFirst => "$lt",
            Order::OldestFirst => "$gt",
        };
        ids.insert(beyond, binary(after));
    }
    if goes_by_id(query) {
        let mut also = Document::new();
        also.extend(
            query
                .from
                .map(|from| ("$gte".to_owned(), binary(first_of(from)))),
        );
        also.extend(
            query
                .to
                .map(|to| ("$lt".to_owned(), binary(first_of(to.saturating_add(1))))),
        );
        let both = [ids, also].into_iter().filter(|range| !range.is_empty());
        let both: Vec<Bson> = both.map(|range| doc! { "_id": range }.into()).collect();
        if !both.is_empty() {
            filter.insert("$and", both);
        }
        return filter;
    }
    if !ids.is_empty() {
        filter.insert("_id", ids);
    }
    let (from, to) = times(query);
    filter.insert(
        "createdAt",
        doc! { "$gte": DateTime::from_millis(from), "$lte": DateTime::from_millis(to) },
    );
    filter
}

/// The bounds of `createdAt`. The time of the record before the page, which is in its id, narrows
/// them, so that the index on times finds the page.
fn times(query: &Query) -> (i64, i64) {
    let mut from = query.from.unwrap_or(0);
    let mut to = query.to.unwrap_or(i64::MAX);
    if let Some(after) = query.after {
        let at = time_of(after);
        match query.order {
            Order::NewestFirst => to = to.min(at),
            Order::OldestFirst => from = from.max(at),
        }
    }
    (from, to)
}

/// The smallest id with this time.
fn first_of(ms: i64) -> Uuid {
    const LAST: i64 = (1 << 48) - 1;
    Uuid::from_u128((ms.clamp(0, LAST) as u128) << 80)
}

/// `None`: the document is not a record.
fn record(document: &RawDocument) -> Option<StoredRecord> {
    let (fields, texts) = read(document)?;
    fields.into_record(texts)
}
