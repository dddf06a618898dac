//! Reading records back: what can be asked, and a record as it is told.
//!
//! Owns the contract's field names in JSON and how many reads run at once. It must not know who may
//! ask, and must not hold up the writer.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::{sync::Semaphore, task};
use uuid::Uuid;

use super::event::EventType;
use super::sqlite::StoreError;
use crate::stores::drivers::mongo::MongoError;

/// Most reads at one time; others wait for a place.
const READS: usize = 2;

/// Why records could not be read. No variant holds anything of a record.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The embedded database failed.
    #[error(transparent)]
    Embedded(#[from] StoreError),
    /// MongoDB failed.
    #[error(transparent)]
    Mongo(#[from] MongoError),
    /// A record is not what was written.
    #[error("a record is damaged")]
    Damaged,
    /// Reading did not come to an end.
    #[error("reading did not come to an end")]
    Ended(#[from] task::JoinError),
}

/// Which records to read. What is `None` leaves them all.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of this user.
    pub user: Option<String>,
    /// Of this type.
    pub event: Option<EventType>,
    /// Created then or later, in milliseconds since 1970.
    pub from: Option<i64>,
    /// Created then or earlier.
    pub to: Option<i64>,
    /// In which order.
    pub order: Order,
    /// Behind this one in that order, which need not be kept any more: the last of the records
    /// found before.
    pub after: Option<Uuid>,
    /// How many.
    pub limit: ReadLimit,
}

/// In which order records are read: that of their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// For a person.
    #[default]
    NewestFirst,
    /// For an archive.
    OldestFirst,
}

/// How many records to read: 1 to 1000, 100 when nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit(u16);

impl ReadLimit {
    /// The most records that are read at once.
    pub const MAX: u16 = 1_000;

    /// As many.
    pub const LARGEST: Self = Self(Self::MAX);

    /// `None`: it is not 1 to 1000.
    pub fn new(limit: u64) -> Option<Self> {
        let limit = u16::try_from(limit).ok()?;
        (1..=Self::MAX).contains(&limit).then_some(Self(limit))
    }

    /// The number.
    pub fn get(self) -> usize {
        self.0.into()
    }
}

impl Default for ReadLimit {
    fn default() -> Self {
        Self(100)
    }
}

/// A record, as it was kept. Its JSON has the contract's fields; absent ones are left out.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are the contract's")]
pub struct Logged {
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
    /// The object as it is stored.
    pub details: Box<RawValue>,
    pub success: bool,
    pub message: String,
    /// ISO 8601 with milliseconds.
    pub created_at: String,
}

fn as_text<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Records that were found.
#[derive(Debug)]
pub struct Found {
    /// In the order of the query.
    pub records: Vec<Logged>,
    /// There are more, behind the last of these.
    pub more: bool,
}

/// Reads what a [`Store`](super::Store) keeps, beside the thread that writes it.
pub trait Reader: Send + Sync + 'static {
    /// Finds records. May block.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, query: &Query) -> Result<Found, ReadError>;
}

/// A reader, and the places for those who use it.
pub(super) struct Reads {
    reader: Arc<dyn Reader>,
    places: Arc<Semaphore>,
}

impl Reads {
    pub(super) fn new(reader: Arc<dyn Reader>) -> Self {
        Self {
            reader,
            places: Arc::new(Semaphore::new(READS)),
        }
    }

    /// Reads on a thread where that may block.
    pub(super) async fn read(&self, query: Query) -> Result<Found, ReadError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let reader = Arc::clone(&self.reader);
        let read = task::spawn_blocking(move || {
            // Given back when the read is over, also if nobody waits for it any more.
            let _place = place;
            reader.read(&query)
        });
        read.await?
    }
}
