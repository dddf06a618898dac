//! Why an operation on MongoDB failed: what may be shown of it. Codes, names of collections and indexes, and
//! never the content of documents or the URI.

use std::fmt;
use std::time::Duration;

use mongodb::error::{Error, ErrorKind, WriteFailure};

use super::DUPLICATE;

/// Why an operation failed. Shows nothing of documents or of the URI.
#[derive(Clone)]
pub struct MongoError(Why);

#[derive(Clone)]
enum Why {
    TimedOut(Duration),
    Driver(Error),
    /// The collections are not as the relay needs them.
    Collection(Box<CollectionFault>),
}

/// What is wrong with a collection that is, or was, the relay's.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum CollectionFault {
    /// It has documents of another program.
    #[error(
        "`{collection}` has documents of another program, without what the index `{index}` is of: \
         choose a prefix for collections of the relay's own"
    )]
    Foreign { collection: String, index: String },
    /// An index that is needed cannot be made.
    #[error("the index `{index}` of `{collection}` cannot be made: {source}")]
    Index {
        collection: String,
        index: String,
        source: MongoError,
    },
    /// An application and an earlier version of the relay have both written there.
    #[error(
        "`{collection}`, which an earlier version used without a prefix, has documents of an application: \
         set mongodb_prefix to \"\" to go on sharing it. If the relay has nothing in it, drop the index `{index}` there"
    )]
    Shared { collection: String, index: String },
    /// It cannot be renamed.
    #[error("`{from}`, which an earlier version made, cannot be renamed to `{to}`: {source}")]
    Rename {
        from: String,
        to: String,
        source: MongoError,
    },
}

impl MongoError {
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
            Why::Collection(_) => false,
        }
    }

    /// Whether an operator has to do something about a collection.
    pub(crate) fn is_of_collection(&self) -> bool {
        matches!(self.0, Why::Collection(_))
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
    pub(super) fn duplicate(&self) -> Option<(&str, &str)> {
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

impl From<CollectionFault> for MongoError {
    fn from(fault: CollectionFault) -> Self {
        Self(Why::Collection(Box::new(fault)))
    }
}

impl fmt::Display for MongoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match &self.0 {
            Why::TimedOut(limit) => {
                return write!(f, "MongoDB did not answer within {} s", limit.as_secs());
            }
            Why::Collection(fault) => return fault.fmt(f),
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
