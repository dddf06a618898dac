//! Why the embedded store fails.

use crate::stores::drivers::sqlite::OpenError;

/// Why the embedded store could not be opened or used. No variant holds anything of a record.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database refused.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The details of a record could not be written as JSON.
    #[error("details: {0}")]
    Details(#[from] serde_json::Error),
}
