//! Why a server does not run, or its audit cannot be read: precise inside, one opaque type outside.

use std::io;

use crate::audit::{AuditError, AuditStoreError, ReadError};
use crate::auth::KeyError;
use crate::stores::drivers::mongo::MongoError;
use crate::stores::drivers::redis::RedisError;
use crate::stores::drivers::sqlite::OpenError;

/// Why a server could not run, or its audit could not be read. Its text says what is wrong, and names
/// the setting whose value is at fault.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(#[from] Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Start(#[from] StartError),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(#[from] io::Error),
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It was not to end gracefully.
    #[error("stopped at once by a second signal")]
    Interrupted,
}

impl Error {
    pub(super) fn interrupted() -> Self {
        Self(Cause::Interrupted)
    }
}

impl From<StartError> for Error {
    fn from(error: StartError) -> Self {
        Self(error.into())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self(error.into())
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        Self(error.into())
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}, port {1}: {2}")]
    Listen(String, u16, io::Error),
    /// The audit's embedded database cannot be opened.
    #[error("cannot open the audit: {0}")]
    Store(#[from] AuditStoreError),
    /// The embedded database of conversations cannot be opened.
    #[error("cannot open the conversations: {0}")]
    Conversations(#[from] OpenError),
    /// Recording cannot begin.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// MongoDB cannot be used as it is configured.
    #[error("mongodb_uri: {0}")]
    Mongo(#[from] MongoError),
    /// Redis cannot be used as it is configured.
    #[error("redis_url: {0}")]
    Redis(#[from] RedisError),
    /// Tokens could not be verified.
    #[error(transparent)]
    Keys(#[from] KeyError),
}
