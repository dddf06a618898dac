//! Reading records back: the query, and a record in the form in which it is returned.
//!
//! Owns the contract's field names in JSON and how many reads run at once. It must not know who may
//! read, and must not delay the writer thread.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::{sync::Semaphore, task};
use uuid::Uuid;

use super::error::ReadError;
use super::event_type::EventType;

/// The most reads at one time; others wait for a permit.
const MAX_READS: usize = 2;

/// Which records to read. A filter that is `None` lets all pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// The user of the record.
    pub user: Option<String>,
    /// The type of the record.
    pub event: Option<EventType>,
    /// The earliest creation time, in milliseconds since 1970.
    pub from: Option<i64>,
    /// The latest creation time.
    pub to: Option<i64>,
    /// The order; the default is newest first.
    pub order: Order,
    /// The last record of the page before: records behind it in this order. It may have been deleted
    /// since.
    pub after: Option<Uuid>,
    /// How many; the default is 100.
    pub limit: ReadLimit,
}

/// The order in which records are read: that of their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Order {
    /// The latest first.
    #[default]
    NewestFirst,
    /// The earliest first.
    OldestFirst,
}

/// How many records to read: 1 to 1000; the default is 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadLimit(u16);

impl ReadLimit {
    /// The most records of one read.
    pub(crate) const MAX: u16 = 1_000;

    /// The largest limit.
    pub(crate) const LARGEST: Self = Self(Self::MAX);

    /// `None`: the number is not from 1 to 1000.
    pub(crate) fn new(limit: u64) -> Option<Self> {
        let limit = u16::try_from(limit).ok()?;
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }

    /// The number.
    pub(crate) fn get(self) -> usize {
        self.0.into()
    }
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self(100)
    }
}

/// A record as it is stored. Its JSON has the contract's fields; absent ones are left out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are the contract's")]
pub struct StoredRecord {
    #[serde(rename = "_id", serialize_with = "as_text")]
    pub id: Uuid,
    pub event_type: String,
    pub level: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    pub node: String,
    /// The JSON object as it is stored.
    pub details: Box<RawValue>,
    pub success: bool,
    pub message: String,
    /// ISO 8601 with milliseconds.
    pub created_at: String,
}

fn as_text<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// One page of the records that a query matches.
#[derive(Debug)]
pub(crate) struct RecordPage {
    /// In the order of the query.
    pub records: Vec<StoredRecord>,
    /// Whether more follow.
    pub more: bool,
}

/// Reads the records of a store, beside the thread that writes it.
pub(crate) trait Reader: Send + Sync + 'static {
    /// Reads one page. May block.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, query: &Query) -> Result<RecordPage, ReadError>;
}

/// A reader, and the permits that bound its use.
pub(super) struct ReadPool {
    reader: Arc<dyn Reader>,
    permits: Arc<Semaphore>,
}

impl ReadPool {
    pub(super) fn new(reader: Arc<dyn Reader>) -> Self {
        Self {
            reader,
            permits: Arc::new(Semaphore::new(MAX_READS)),
        }
    }

    /// Reads on a thread that may block.
    pub(super) async fn read(&self, query: Query) -> Result<RecordPage, ReadError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let reader = Arc::clone(&self.reader);
        let read = task::spawn_blocking(move || {
            // Held until the read ends, also if the caller no longer waits for it.
            let _permit = permit;
            reader.read(&query)
        });
        read.await?
    }
}
