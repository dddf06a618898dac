//! Errors of Redis. They show nothing of what was sent to it, nor of the URL.

use std::fmt;

use ::redis::{ErrorKind, ServerErrorKind};

/// Why Redis did not do something.
#[derive(Debug, Clone)]
pub(crate) enum RedisError {
    /// There is no connection.
    Away,
    /// It failed or refused.
    Failed(::redis::RedisError),
}

impl RedisError {
    /// Whether the connection is broken, or leads to the wrong server.
    pub(super) fn is_broken(&self) -> bool {
        let Self::Failed(error) = self else {
            return false;
        };
        let wrong_server = matches!(
            error.kind(),
            ErrorKind::Server(
                ServerErrorKind::ReadOnly
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::Moved
                    | ServerErrorKind::Ask
                    | ServerErrorKind::TryAgain
            ) | ErrorKind::ClusterConnectionNotFound
        );
        wrong_server || error.is_io_error() || error.is_unrecoverable_error()
    }

    /// Whether there is no memory left in Redis.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        matches!(self, Self::Failed(error) if error.code() == Some("OOM"))
    }
}

impl From<redis::RedisError> for RedisError {
    fn from(error: redis::RedisError) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => f.write_str("Redis is away"),
            Self::Failed(error) => match (error.code(), error.kind()) {
                (Some(code), _) => write!(f, "Redis refused with {code}"),
                (None, ErrorKind::AuthenticationFailed) => {
                    f.write_str("Redis does not take the credentials")
                }
                (None, ErrorKind::RESP3NotSupported) => {
                    f.write_str("Redis is too old; version 7 or newer is needed")
                }
                _ if error.is_timeout() => f.write_str("Redis did not answer in time"),
                _ if error.is_io_error() => write!(f, "no connection to Redis: {error}"),
                (None, kind) => write!(f, "Redis: {kind:?}"),
            },
        }
    }
}

impl std::error::Error for RedisError {}
