//! The connection to MongoDB that the stores share.
//!
//! Owns its options beyond the URI, its timeouts, and what stands before the names of collections. It must not
//! know which collections there are.

mod adopt;
mod error;
mod shape;

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use mongodb::options::{
    ClientOptions, DatabaseOptions, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection, Database};

pub(crate) use adopt::adopt;
pub(crate) use error::MongoError;
pub(crate) use shape::{Shape, prepare};

use crate::config::{MongoPrefix, MongoUri};

/// The database, if the URI names none.
const DEFAULT_DATABASE: &str = "sealed_relay";
/// Defaults for what the URI does not set. The driver's own 30 s would block clients for as long.
const SERVER_SELECTION_TIMEOUT: Duration = Duration::from_secs(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The error code of a document that violates a unique index.
pub(crate) const DUPLICATE: i32 = 11_000;

/// The collections of the relay in one database. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Mongo {
    database: Database,
    prefix: MongoPrefix,
}

impl Mongo {
    /// Creates a client, which connects when it is first used, and reconnects when it has to. Pool,
    /// timeouts, TLS, credentials and the database come from the URI. Writes are confirmed by the
    /// majority unless it says otherwise. The name of each collection begins with `prefix`.
    ///
    /// # Errors
    /// When the name in a `mongodb+srv` URI cannot be resolved.
    pub(crate) async fn open(uri: &MongoUri, prefix: &MongoPrefix) -> Result<Self, MongoError> {
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
        Ok(Self {
            database,
            prefix: prefix.clone(),
        })
    }

    /// A collection of the relay's.
    pub(crate) fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(&self.prefix.before(name))
    }

    /// A collection of another program, in the same database.
    pub(crate) fn foreign<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }

    /// The relay's own, read from the primary of its replica set whatever the URI says, so that the last write is
    /// visible.
    pub(crate) fn primary<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.primary_database()
            .collection(&self.prefix.before(name))
    }

    fn primary_database(&self) -> Database {
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
            .field("prefix", &self.prefix)
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
        Err(_) => Err(MongoError::timed_out(limit)),
    }
}
