//! Reading records back: the query, and a record in the form in which it is returned.
//!
//! Owns the contract's field names in JSON and how many reads run at once. It must not know who may
//! read, and must not delay the writer thread.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::{sync::Semaphore, task};
use uuid::Uuid;

use super::error::ReadError;
use super::event_type::EventType;
use crate::metrics::stores::{self, Work};
use crate::model::name::neutral;

/// The most reads at one time; others wait for a permit.
const MAX_READS: usize = 2;

/// Which records to read. A filter that is `None` lets all pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// The user of the record.
    pub(crate) user: Option<String>,
    /// The type of the record.
    pub(crate) event: Option<EventType>,
    /// The server that recorded it. A store that is of one server only does not look at it.
    pub(crate) node: Option<String>,
    /// As it is now, also where copies of the store may be behind.
    pub(crate) is_current: bool,
    /// The earliest creation time, in milliseconds since 1970.
    pub(crate) from: Option<i64>,
    /// The latest creation time.
    pub(crate) to: Option<i64>,
    /// The order; the default is newest first.
    pub(crate) order: Order,
    /// The last record of the page before: records behind it in this order. It may have been deleted
    /// since.
    pub(crate) after: Option<Uuid>,
    /// How many.
    pub(crate) limit: ReadLimit,
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

/// How many records to read: 1 to 1000, the default is 100; or those of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadLimit(u16);

impl ReadLimit {
    /// The most records of one read.
    pub(crate) const MAX: u16 = 1_000;

    /// The largest limit of a query.
    pub(crate) const LARGEST: Self = Self(Self::MAX);

    /// How many an export reads at a time: so many that what is stored together is seldom read twice.
    pub(crate) const EXPORT: Self = Self(8_192);

    /// `None`: the number is not from 1 to [`Self::MAX`].
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

/// A record of the audit as it is stored. Its JSON has the contract's fields; absent ones are left out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredRecord {
    /// A `UUIDv7` of the time of the event, so that records sort by it.
    #[serde(rename = "_id", serialize_with = "as_text")]
    pub id: Uuid,
    /// The type of the event, such as `MESSAGE_SENT`.
    pub event_type: String,
    /// How serious it is: `info`, `warn` or `error`.
    pub level: String,
    /// The dialect of the event, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialect: Option<String>,
    /// The verified user id; absent before authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user's name; absent before authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Random, one for each connection; not the socket's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The client's `User-Agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The name of the server that recorded it.
    pub node: String,
    /// The JSON object as it is stored.
    pub details: Box<RawValue>,
    /// Whether what was wanted was done.
    pub success: bool,
    /// A fixed text for people, one for each type.
    pub message: String,
    /// The time in the id: ISO 8601 with milliseconds.
    pub created_at: String,
}

impl StoredRecord {
    /// The record without characters that are hidden or turn others around, which earlier versions recorded.
    #[must_use]
    pub(crate) fn neutral(mut self) -> Self {
        let chosen = [&mut self.user, &mut self.username, &mut self.user_agent];
        for text in chosen.into_iter().flatten() {
            *text = neutral(text, '?').into_owned();
        }
        if let Cow::Owned(details) = neutral(self.details.get(), '?')
            && let Ok(details) = RawValue::from_string(details)
        {
            self.details = details;
        }
        self
    }
}

fn as_text<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// One page of the records that a query matches.
#[derive(Debug)]
pub(crate) struct RecordPage {
    /// In the order of the query.
    pub(crate) records: Vec<StoredRecord>,
    /// Whether more follow.
    pub(crate) more: bool,
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
        let begun = Instant::now();
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let reader = Arc::clone(&self.reader);
        let read = task::spawn_blocking(move || {
            // Held until the read ends, also if the caller no longer waits for it.
            let _permit = permit;
            reader.read(&query)
        });
        let read = read.await.map_err(ReadError::from).flatten();
        stores::done(Work::ReadAudit, begun, read.is_err());
        read
    }
}
