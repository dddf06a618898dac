//! The connection to MongoDB that the stores share.
//!
//! Owns its options beyond the URI, its timeouts, and which part of an error may be shown: codes, and
//! never the content of documents or the URI. It must not know collections.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::{
    ClientOptions, DatabaseOptions, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Database};

use crate::config::MongoUri;

/// The database, if the URI names none.
const DEFAULT_DATABASE: &str = "sealed_relay";
/// Defaults for what the URI does not set. The driver's own 30 s would block clients for as long.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The error code of a document that violates a unique index.
pub(crate) const DUPLICATE: i32 = 11_000;

/// One database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mongo {
    database: Database,
}

impl Mongo {
    /// Creates a client, which connects when it is first used, and reconnects when it has to. Pool,
    /// timeouts, TLS, credentials and the database come from the URI. Writes are confirmed by the
    /// majority unless it says otherwise.
    ///
    /// # Errors
    /// When the name in a `mongodb+srv` URI cannot be resolved.
    pub(crate) async fn open(uri: &MongoUri) -> Result<Self, MongoError> {
        let mut options = ClientOptions::parse(uri.connection_string().clone()).await?;
        options
            .app_name
            .get_or_insert_with(|| "sealed-relay".to_owned());
        options
            .server_selection_timeout
            .get_or_insert(SERVER_SELECTION_TIMEOUT);
        options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        options
            .write_concern
            .get_or_insert_with(WriteConcern::majority);
        let name = options.default_database.clone();
        let client = Client::with_options(options)?;
        let database = client.database(name.as_deref().unwrap_or(DEFAULT_DATABASE));
        Ok(Self { database })
    }

    /// The database.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The database, read from the primary of its replica set whatever the URI says, so that the
    /// last write is visible.
    pub(crate) fn primary(&self) -> Database {
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        let options = DatabaseOptions::builder()
            .selection_criteria(primary)
            .build();
        let client = self.database.client();
        client.database_with_options(self.database.name(), options)
    }
}

impl fmt::Debug for Mongo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mongo")
            .field("database", &self.database.name())
            .finish_non_exhaustive()
    }
}

/// Performs an operation with a timeout: the driver itself waits without end for the answer of a
/// server that hangs.
///
/// # Errors
/// When it fails or times out. It may have been performed nevertheless.
pub(crate) async fn within<T>(
    limit: Duration,
    operation: impl IntoFuture<Output = mongodb::error::Result<T>>,
) -> Result<T, MongoError> {
    match tokio::time::timeout(limit, operation.into_future()).await {
        Ok(done) => Ok(done?),
        Err(_) => Err(MongoError(Why::TimedOut(limit))),
    }
}

/// Why an operation failed. Shows nothing of documents or of the URI.
#[derive(Clone)]
pub struct MongoError(Why);

#[derive(Clone)]
enum Why {
    TimedOut(Duration),
    Driver(Error),
}

impl MongoError {
    #[cfg(test)]
    pub(crate) fn timed_out(limit: Duration) -> Self {
        Self(Why::TimedOut(limit))
    }

    /// Whether no server has answered.
    pub fn is_away(&self) -> bool {
        match &self.0 {
            Why::TimedOut(_) => true,
            Why::Driver(error) => matches!(
                &*error.kind,
                ErrorKind::Io(_)
                    | ErrorKind::ServerSelection { .. }
                    | ErrorKind::ConnectionPoolCleared { .. }
            ),
        }
    }

    /// The code of the server, if it answered with one.
    pub fn code(&self) -> Option<i32> {
        let Why::Driver(error) = &self.0 else {
            return None;
        };
        match &*error.kind {
            ErrorKind::Command(error) => Some(error.code),
            ErrorKind::Write(WriteFailure::WriteError(error)) => Some(error.code),
            ErrorKind::Write(WriteFailure::WriteConcernError(error)) => Some(error.code),
            ErrorKind::InsertMany(error) => {
                let write = error.write_errors.iter().flatten().map(|error| error.code);
                let concern = error.write_concern_error.iter().map(|error| error.code);
                write.chain(concern).find(|code| *code != DUPLICATE)
            }
            _ => None,
        }
    }

    /// Whether a unique index has such a document already.
    pub fn is_duplicate(&self) -> bool {
        self.code() == Some(DUPLICATE)
    }
}

impl MongoError {
    /// The collection, without the database, and the unique index that have such a document already, as far as
    /// the server names them. The key itself is not for the log.
    fn duplicate(&self) -> Option<(&str, &str)> {
        let Why::Driver(error) = &self.0 else {
            return None;
        };
        let message = match &*error.kind {
            ErrorKind::Command(error) if error.code == DUPLICATE => &error.message,
            ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == DUPLICATE => {
                &error.message
            }
            _ => return None,
        };
        let word = |before: &str| message.split_once(before)?.1.split_whitespace().next();
        let (_, collection) = word("collection: ")?.split_once('.')?;
        Some((collection, word("index: ")?))
    }
}

impl From<Error> for MongoError {
    fn from(error: Error) -> Self {
        Self(Why::Driver(error))
    }
}

impl fmt::Display for MongoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match &self.0 {
            Why::TimedOut(limit) => {
                return write!(f, "MongoDB did not answer within {} s", limit.as_secs());
            }
            Why::Driver(error) => error,
        };
        if let Some((collection, index)) = self.duplicate() {
            return write!(
                f,
                "MongoDB has another document in `{collection}` with the same key in the index `{index}`"
            );
        }
        if let Some(code) = self.code() {
            return write!(f, "MongoDB refused with code {code}");
        }
        match &*error.kind {
            // These describe servers, and not what is sent to them.
            ErrorKind::ServerSelection { message, .. }
            | ErrorKind::ConnectionPoolCleared { message, .. }
            | ErrorKind::DnsResolve { message, .. }
            | ErrorKind::InvalidTlsConfig { message, .. }
            | ErrorKind::IncompatibleServer { message, .. } => f.write_str(message),
            ErrorKind::Io(error) => write!(f, "MongoDB: {error}"),
            ErrorKind::Authentication { .. } => {
                f.write_str("MongoDB does not take the credentials")
            }
            ErrorKind::InvalidArgument { .. } => f.write_str("MongoDB: an invalid option"),
            _ => f.write_str("MongoDB: an unexpected answer"),
        }
    }
}

impl fmt::Debug for MongoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoError({self})")
    }
}

impl std::error::Error for MongoError {}
