//! What is wrong with Redis. It is said when it begins and not for each operation, of which clients can
//! make as many as they like.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::stores::drivers::redis::RedisError;

#[derive(Debug, Default)]
pub(super) struct Troubles {
    /// It was full when something was to be kept last.
    is_full: AtomicBool,
    /// It failed when it was asked last.
    fails: AtomicBool,
}

impl Troubles {
    /// Notes what came of an operation. That there is no connection is said by who makes it.
    pub(super) fn note<T>(&self, outcome: Result<T, RedisError>) -> Result<T, RedisError> {
        match &outcome {
            Ok(_) => self.fails.store(false, Ordering::Relaxed),
            Err(RedisError::Away) => {}
            Err(error) if error.is_out_of_memory() => {}
            Err(error) => {
                if !self.fails.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "sessions cannot be used in Redis");
                }
            }
        }
        outcome
    }

    /// The same for one that needs memory.
    pub(super) fn note_room<T>(&self, outcome: &Result<T, RedisError>) {
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
