//! A write that waits for the thread: what it does, what its commit needs, and who waits for its answer. It must not know
//! what is written.

use std::io;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::Writing;
use crate::stores::conversations::error::StoreError;

pub(super) fn gone() -> StoreError {
    StoreError::Failed(Arc::new(io::Error::other("the writer has ended")))
}

/// Whether a commit is to be on the disk before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    Needed,
    NotNeeded,
}

impl Flush {
    /// Has the database commit so from now on. To be called outside of a transaction.
    pub(super) fn choose(self, db: &Connection) -> rusqlite::Result<()> {
        let level = match self {
            Self::Needed => "FULL",
            Self::NotNeeded => "NORMAL",
        };
        db.pragma_update(None, "synchronous", level)
    }
}

/// A queued write.
pub(super) trait Job: Send {
    /// What its commit needs.
    fn flush(&self) -> Flush;

    /// Performs it, also again. `false`: it has to be rolled back.
    fn run(&mut self, writing: &mut Writing<'_>) -> bool;

    /// What the database failed with, if it did.
    fn database_error(&self) -> Option<&rusqlite::Error>;

    /// Answers its caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

pub(super) struct Write<T, F> {
    flush: Flush,
    operation: F,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Write<T, F> {
    pub(super) fn new(
        flush: Flush,
        operation: F,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self {
            flush,
            operation,
            result: None,
            reply,
        }
    }
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnMut(&mut Writing<'_>) -> Result<T, StoreError> + Send,
{
    fn flush(&self) -> Flush {
        self.flush
    }

    fn run(&mut self, writing: &mut Writing<'_>) -> bool {
        self.result = Some((self.operation)(writing));
        matches!(self.result, Some(Ok(_)))
    }

    fn database_error(&self) -> Option<&rusqlite::Error> {
        match &self.result {
            Some(Err(StoreError::Failed(error))) => error.downcast_ref(),
            _ => None,
        }
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        // A rejection may rest on what was not committed: then the failure is the answer.
        let Self { result, reply, .. } = *self;
        let answer = committed.and_then(|()| result.unwrap_or_else(|| Err(gone())));
        // The caller may have stopped waiting.
        drop(reply.send(answer));
    }
}
