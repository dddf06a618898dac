//! Logs that Redis fails once when that begins, not for each operation: clients can make any number of
//! these.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::stores::drivers::redis::RedisError;

#[derive(Debug, Default)]
pub(super) struct ErrorThrottle {
    /// It was full at the last write.
    is_full: AtomicBool,
    /// The last operation failed.
    is_failing: AtomicBool,
}

impl ErrorThrottle {
    /// Notes the result of an operation. A missing connection is logged where it is made.
    pub(super) fn note<T>(&self, outcome: Result<T, RedisError>) -> Result<T, RedisError> {
        match &outcome {
            Ok(_) => self.is_failing.store(false, Ordering::Relaxed),
            Err(RedisError::Away) => {}
            Err(error) if error.is_out_of_memory() => {}
            Err(error) => {
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "sessions cannot be used in Redis");
                }
            }
        }
        outcome
    }

    /// Notes whether an operation that needs memory found some.
    pub(super) fn note_memory<T>(&self, outcome: &Result<T, RedisError>) {
        let is_full = matches!(outcome, Err(error) if error.is_out_of_memory());
        if !is_full && outcome.is_err() {
            return;
        }
        match (self.is_full.swap(is_full, Ordering::Relaxed), is_full) {
            (false, true) => tracing::error!("Redis is full: sessions are not kept"),
            (true, false) => tracing::info!("Redis has room for sessions again"),
            _ => {}
        }
    }
}
