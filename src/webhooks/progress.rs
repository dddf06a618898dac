//! How far an endpoint has been told, in a form that outlives the process.
//!
//! Owns which facts count as told: those up to the position, but for those that wait. It must not know how they are sent.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::fact::FactId;
use crate::model::FactType;
use crate::stores::drivers::mongo::MongoError;
use crate::stores::drivers::sqlite::UnusableError;

/// For how long before the position it is remembered one by one what was told: records of that time may still be stored.
const RECENT_MS: u64 = 10_000;

/// The most dead facts of an endpoint that are remembered, the latest.
pub(super) const MOST_DEAD: u64 = 100_000;

/// The id before all records of a time.
pub(super) const fn id_at(ms: u64) -> Uuid {
    Uuid::from_u128((ms as u128) << 80)
}

/// The last id that is before this one.
pub(super) const fn before(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(1))
}

/// From when on told facts are remembered one by one.
pub(super) fn recent_from(position: Uuid) -> Uuid {
    let at = (position.as_u128() >> 80) as u64;
    id_at(at.saturating_sub(RECENT_MS))
}

/// How far an endpoint was told when the process began.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Where it began: nothing up to here is told.
    pub(super) began: Uuid,
    /// The last record that was read.
    pub(super) position: Uuid,
    /// Up to there, facts that were not told yet.
    pub(super) waiting: HashSet<FactId>,
    /// Facts that were told, of those that may be met again.
    pub(super) recent: HashSet<FactId>,
    /// Of those that wait, those that were dead, and when they were made to be told again.
    pub(super) replayed: HashMap<FactId, u64>,
    /// How many facts are dead.
    pub(super) dead: u64,
}

/// What has become of facts since the last step.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub(super) position: Uuid,
    /// Those that are held now and were not.
    pub(super) waiting: Vec<FactId>,
    /// Those that need not be told any more.
    pub(super) done: Vec<FactId>,
    /// Of these, those that were given up.
    pub(super) dead: Vec<Dead>,
}

/// A fact that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dead {
    pub(super) id: FactId,
    pub(super) kind: FactType,
    pub(super) subject: Box<str>,
    /// What became of the last attempt, a fixed word; none if there was none.
    pub(super) outcome: Option<&'static str>,
}

/// A fact that was given up, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeadFact {
    /// Which it is.
    pub(crate) id: FactId,
    /// Its type, as it was named then.
    pub(crate) kind: String,
    /// What it was about.
    pub(crate) subject: String,
    /// What became of the last attempt; none if there was none.
    pub(crate) outcome: Option<String>,
}

/// Which of the dead facts are meant.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// These.
    Ids(Vec<FactId>),
    /// Those that happened within these times, the second excluded, in milliseconds since 1970.
    Times {
        /// From when on.
        from: Option<u64>,
        /// Until when.
        to: Option<u64>,
    },
}

/// Why progress could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProgressError {
    #[error(transparent)]
    Unusable(#[from] UnusableError),
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("it cannot be written: {0}")]
    Written(#[from] serde_json::Error),
    #[error(transparent)]
    Mongo(#[from] MongoError),
    #[error("what is kept of it is damaged")]
    Damaged,
    /// It must not be told here.
    #[error("another server tells it")]
    Taken,
    #[error("it did not come to an end")]
    Ended(#[from] tokio::task::JoinError),
}

/// A user came online, or went offline.
#[derive(Clone, Debug)]
pub(super) struct OnlineChange {
    pub(super) user: String,
    pub(super) record: Uuid,
    pub(super) is_online: bool,
}
