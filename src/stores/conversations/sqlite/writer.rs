//! The one thread that writes. It commits all waiting writes in one transaction, each in a savepoint
//! of its own, and answers them after the commit. It must not know what is written.

use std::io;
use std::sync::Arc;
use std::thread;

use parking_lot::RwLock;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot, watch};

use super::order::Ids;
use crate::model::clock::Clock;
use crate::stores::conversations::error::StoreError;
use crate::stores::drivers::sqlite::{LazyDatabase, OpenError, UnusableError, WatchedFile};

/// Maximum number of writes in one transaction, and of queued ones; others wait for room.
const MAX_WRITES: usize = 1_024;

/// What a write works with.
pub(super) struct Writing<'a> {
    /// The database, in a savepoint.
    pub(super) db: &'a Connection,
    /// Makes ids.
    pub(super) ids: &'a mut Ids,
    /// The time of the transaction, in milliseconds since the epoch.
    pub(super) now: u64,
}

/// Hands writes to the thread. When it is dropped, the thread finishes what waits and ends.
#[derive(Debug)]
pub(super) struct Writer {
    queue: RwLock<Option<mpsc::Sender<Box<dyn Job>>>>,
    /// Its sender is dropped when the thread ends, however it ends.
    ended: watch::Receiver<()>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start<O>(database: LazyDatabase<O>, clock: Arc<dyn Clock>) -> io::Result<Self>
    where
        O: Fn() -> Result<Connection, OpenError> + Send + 'static,
    {
        let (queue, waiting) = mpsc::channel(MAX_WRITES);
        let (alive, ended) = watch::channel(());
        let ids = Ids::default();
        let thread = Thread {
            file: database.file(),
            database,
            ids,
            clock,
            failing: false,
        };
        thread::Builder::new()
            .name("conversations".into())
            .spawn(move || {
                let _alive = alive;
                thread.run(waiting);
            })?;
        Ok(Self {
            queue: RwLock::new(Some(queue)),
            ended,
        })
    }

    /// Performs a write, and returns when it is committed. If it fails, nothing of it is left. It is
    /// performed even if its caller stops waiting.
    pub(super) async fn write<T, F>(&self, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let queue = self.queue.read().clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write {
            operation: Some(operation),
            result: None,
            reply,
        });
        queue.send(job).await.map_err(|_| gone())?;
        // Closing waits for all senders, and must not wait for a future that is not polled.
        drop(queue);
        answer.await.map_err(|_| gone())?
    }

    /// Rejects new writes, and returns when the queued ones are done.
    pub(super) async fn close(&self) {
        self.queue.write().take();
        let mut ended = self.ended.clone();
        // Nothing is ever sent: an error is the end of the thread.
        while ended.changed().await.is_ok() {}
    }
}

fn gone() -> StoreError {
    StoreError::Failed(Arc::new(io::Error::other("the writer has ended")))
}

/// A queued write.
trait Job: Send {
    /// Performs it. `false`: it has to be rolled back.
    fn run(&mut self, writing: &mut Writing<'_>) -> bool;

    /// What the database failed with, if it did.
    fn database_error(&self) -> Option<&rusqlite::Error>;

    /// Answers its caller, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Write<T, F> {
    operation: Option<F>,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, writing: &mut Writing<'_>) -> bool {
        self.result = self.operation.take().map(|operation| operation(writing));
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

struct Thread<O> {
    database: LazyDatabase<O>,
    file: WatchedFile,
    ids: Ids,
    clock: Arc<dyn Clock>,
    /// The last commit failed.
    failing: bool,
}

impl<O: Fn() -> Result<Connection, OpenError>> Thread<O> {
    fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        let mut batch = Vec::new();
        while waiting.blocking_recv_many(&mut batch, MAX_WRITES) > 0 {
            let committed = self.commit(&mut batch);
            self.log(&committed);
            for job in batch.drain(..) {
                job.answer(committed.clone());
            }
        }
    }

    /// One line when writing begins to fail, and one when it works again.
    fn log(&mut self, committed: &Result<(), StoreError>) {
        let failed_before = std::mem::replace(&mut self.failing, committed.is_err());
        match committed {
            Err(error) if !failed_before => {
                tracing::error!(%error, "conversations cannot be written")
            }
            Ok(()) if failed_before => tracing::info!("conversations are being written again"),
            _ => {}
        }
    }

    /// Commits the batch, all or nothing. What is acknowledged is in the file that a restart opens.
    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let db = self.database.connection()?;
        let committed = commit(db, &mut self.ids, &*self.clock, batch);
        if let Some(file) = self.file.get() {
            let errors = batch.iter().filter_map(|job| job.database_error());
            errors
                .chain(committed.as_ref().err())
                .for_each(|error| file.note(error));
        }
        committed?;
        Ok(self.database.check().map_err(UnusableError::from)?)
    }
}

fn commit(
    db: &mut Connection,
    ids: &mut Ids,
    clock: &dyn Clock,
    batch: &mut [Box<dyn Job>],
) -> rusqlite::Result<()> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    ids.follow(&transaction)?;
    let mut writing = Writing {
        db: &transaction,
        ids,
        now: clock.now_ms(),
    };
    for job in batch {
        run_one(&mut writing, job.as_mut())?;
    }
    transaction.commit()
}

/// Performs one write. An error is one of the transaction, which some failures of the disk end.
fn run_one(writing: &mut Writing<'_>, job: &mut dyn Job) -> rusqlite::Result<()> {
    let db = writing.db;
    db.prepare_cached("SAVEPOINT one")?.execute([])?;
    if !job.run(writing) {
        db.prepare_cached("ROLLBACK TO one")?.execute([])?;
    }
    db.prepare_cached("RELEASE one")?.execute([])?;
    Ok(())
}
