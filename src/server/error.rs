//! Why a server does not run, or its audit cannot be read: precise inside, one opaque type outside.

use std::io;

use crate::audit::{AuditError, AuditStoreError, ReadError};
use crate::auth::KeyError;
use crate::config::TlsError;
use crate::config::client_files::{NoFile, PROGRAM};
use crate::stores::conversations::StoreError;
use crate::stores::drivers::mongo::MongoError;
use crate::stores::drivers::redis::RedisError;
use crate::stores::drivers::sqlite::OpenError;
use crate::webhooks::WebhooksError;

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
    /// What of revoked tokens is not in the store yet cannot be read.
    #[error("cannot read revocations.unstored in the data folder: {0}")]
    Revocations(io::Error),
    /// The client for browsers cannot be served.
    #[error("client_files: {PROGRAM} {0}")]
    ClientFiles(NoFile),
    /// Recording cannot begin.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// MongoDB cannot be used as it is configured.
    #[error("mongodb_uri: {0}")]
    Mongo(#[from] MongoError),
    /// The collections in MongoDB cannot be used as they are.
    #[error("mongodb_prefix: {0}")]
    Collections(MongoError),
    /// Redis cannot be used as it is configured.
    #[error("redis_url: {0}")]
    Redis(#[from] RedisError),
    /// No endpoint of a backend could be told anything.
    #[error("cannot begin with webhooks: {0}")]
    Webhooks(#[from] WebhooksError),
    /// TLS could not be spoken.
    #[error("{}: {}", .0.setting(), .0)]
    Tls(#[from] TlsError),
    /// Tokens could not be verified.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl StartError {
    /// Why a server does not start after this failure of MongoDB: what is wrong with a collection is for an
    /// operator. Anything else may be over soon.
    pub(super) fn of_collection(error: &MongoError) -> Result<(), Self> {
        match error.is_of_collection() {
            true => Err(Self::Collections(error.clone())),
            false => Ok(()),
        }
    }

    /// The same for a failure of the store.
    pub(super) fn of_store(error: &StoreError) -> Result<(), Self> {
        let StoreError::Failed(cause) = error else {
            return Ok(());
        };
        let error = cause.downcast_ref::<MongoError>();
        error.map_or(Ok(()), Self::of_collection)
    }
}
