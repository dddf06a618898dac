//! The one thread that writes. It commits the writes that wait in one transaction, of which a write that fails is no part,
//! and answers them after the commit. Its time is shared fairly between users. It must not know what is written.

mod batch;
mod job;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use self::batch::{Batch, Tools};
use self::job::{Flush, Job, Write, gone};
use super::fair_queue::{FairQueue, Next, OnBehalfOf, Turn};
use super::order::Ids;
use crate::metrics::stores::Work;
use crate::model::clock::Clock;
use crate::stores::conversations::error::{StoreError, note_done};
use crate::stores::drivers::sqlite::{LazyDatabase, OpenError, UnusableError, WatchedFile};

/// How long nothing is changed until the memory of the database is given back.
const IDLE_TIME: Duration = Duration::from_secs(10);

/// What a write works with.
pub(super) struct Writing<'a> {
    /// The database, in a transaction. What a write that fails has changed is undone.
    pub(super) db: &'a Connection,
    /// Makes ids.
    pub(super) ids: &'a mut Ids,
    /// The time of the transaction, in milliseconds since the epoch.
    pub(super) now: u64,
}

/// Hands writes to the thread. When it is dropped, the thread finishes what waits and ends.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
    /// Its sender is dropped when the thread ends, however it ends.
    ended: watch::Receiver<()>,
}

type Queue = FairQueue<Box<dyn Job>>;

impl Writer {
    /// Starts the thread.
    pub(super) fn start<O>(database: LazyDatabase<O>, clock: Arc<dyn Clock>) -> io::Result<Self>
    where
        O: Fn() -> Result<Connection, OpenError> + Send + 'static,
    {
        let queue = Arc::new(Queue::default());
        let (alive, ended) = watch::channel(());
        let thread = Thread {
            queue: queue.clone(),
            file: database.file(),
            database,
            ids: Ids::default(),
            clock,
            flush: Flush::Needed,
            failing: false,
        };
        thread::Builder::new()
            .name("conversations".into())
            .spawn(move || {
                let _alive = alive;
                thread.run();
            })?;
        Ok(Self { queue, ended })
    }

    /// Performs a write of a few rows for a user, or for nobody in particular, and returns when it is
    /// committed. If it fails, nothing of it is left. It is performed even if its caller stops waiting, and again if
    /// everything beside it had to be undone.
    pub(super) async fn write<T, F>(&self, user: OnBehalfOf, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.push(user, 1, Flush::Needed, operation).await
    }

    /// The same for what can be stored again: it survives the end of the process, but of a power failure it is known only
    /// that nothing survives that was written after it.
    pub(super) async fn write_unflushed<T, F>(
        &self,
        user: OnBehalfOf,
        operation: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.push(user, 1, Flush::NotNeeded, operation).await
    }

    /// The same as [`Self::write`] for nobody in particular, counted as this.
    pub(super) async fn write_of<T, F>(&self, work: Work, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let begun = Instant::now();
        let written = self.queue(None, 1, Flush::Needed, operation).await;
        note_done(work, begun, &written);
        written
    }

    /// The same as [`Self::write`] with about so many rows.
    pub(super) async fn write_rows<T, F>(
        &self,
        user: OnBehalfOf,
        rows: usize,
        operation: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.push(user, rows, Flush::Needed, operation).await
    }

    async fn push<T, F>(
        &self,
        user: OnBehalfOf,
        rows: usize,
        flush: Flush,
        operation: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let begun = Instant::now();
        let written = self.queue(user, rows, flush, operation).await;
        note_done(Work::WriteConversations, begun, &written);
        written
    }

    async fn queue<T, F>(
        &self,
        user: OnBehalfOf,
        rows: usize,
        flush: Flush,
        operation: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write::new(flush, operation, reply));
        let queued = self.queue.push(user, rows, job).await;
        queued.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| gone()).flatten()
    }

    /// Rejects new writes, and returns when the queued ones are done.
    pub(super) async fn close(&self) {
        self.queue.close();
        let mut ended = self.ended.clone();
        // Nothing is ever sent: an error is the end of the thread.
        while ended.changed().await.is_ok() {}
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

struct Thread<O> {
    queue: Arc<Queue>,
    database: LazyDatabase<O>,
    file: WatchedFile,
    ids: Ids,
    clock: Arc<dyn Clock>,
    /// How the database commits now.
    flush: Flush,
    /// The last commit failed.
    failing: bool,
}

/// Whoever waits for the thread is answered when it ends, however it ends.
impl<O> Drop for Thread<O> {
    fn drop(&mut self) {
        self.queue.close();
        self.queue.clear();
    }
}

impl<O: Fn() -> Result<Connection, OpenError>> Thread<O> {
    fn run(mut self) {
        let (mut written, mut release_at) = (0, None);
        loop {
            match self.queue.wait(release_at) {
                Next::Write(turn) => self.write(turn),
                Next::Nothing => {
                    self.database.release_memory();
                    release_at = None;
                }
                Next::Closed => return,
            }
            let all = self.database.total_changes();
            if all != written {
                (written, release_at) = (all, Some(Instant::now() + IDLE_TIME));
            }
        }
    }

    fn write(&mut self, next: Turn<Box<dyn Job>>) {
        // Whoever is about to write something has their turn, so that it is committed together.
        thread::yield_now();
        let mut batch = Batch::new(next);
        let committed = self.commit(&mut batch);
        self.log(&committed);
        batch.answer(&self.queue, &committed);
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

    /// Commits a batch, all or nothing. What is acknowledged is in the file that a restart opens.
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        let db = self.database.connection()?;
        let flush = batch.flush().unwrap_or(self.flush);
        if flush != self.flush {
            flush.choose(db)?;
            self.flush = flush;
        }
        let mut tools = Tools {
            ids: &mut self.ids,
            clock: &*self.clock,
            queue: &self.queue,
            flush,
        };
        let committed = batch.commit(db, &mut tools);
        if let Some(file) = self.file.get() {
            let errors = batch.database_errors();
            errors
                .chain(committed.as_ref().err())
                .for_each(|error| file.note(error));
        }
        committed?;
        Ok(self.database.check().map_err(UnusableError::from)?)
    }
}
