//! Why records could not be stored or read. No error holds anything of a record.

use tokio::task;

use crate::stores::drivers::mongo::MongoError;
use crate::stores::drivers::sqlite::{FileError, OpenError, UnusableError};

/// Why the embedded store could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum AuditStoreError {
    /// The file could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be used now.
    #[error(transparent)]
    Unusable(#[from] UnusableError),
    /// A restart would not open it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database refused.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The details of a record could not be written as JSON.
    #[error("details: {0}")]
    Details(#[from] serde_json::Error),
}

/// Why records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The embedded database failed.
    #[error(transparent)]
    Embedded(#[from] AuditStoreError),
    /// MongoDB failed.
    #[error(transparent)]
    Mongo(#[from] MongoError),
    /// A stored record cannot be decoded.
    #[error("a record is damaged")]
    Damaged,
    /// The thread that read did not finish.
    #[error("reading did not come to an end")]
    Ended(#[from] task::JoinError),
}
