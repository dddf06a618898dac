//! The one thread that writes. It commits the writes that wait in one transaction, each in a savepoint
//! of its own, and answers them after the commit. Its time is shared fairly between users. It must not
//! know what is written.

mod job;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::{oneshot, watch};

use self::job::{Flush, Job, Write, gone};
use super::fair_queue::{FairQueue, Next, OnBehalfOf, Turn};
use super::order::Ids;
use crate::metrics::stores::Work;
use crate::model::clock::Clock;
use crate::stores::conversations::error::{StoreError, note_done};
use crate::stores::drivers::sqlite::{LazyDatabase, OpenError, UnusableError, WatchedFile};

/// Maximum number of writes in one transaction, and how long they may take until no more are added, nor one
/// that is expected to take longer than what is left: those who wait for the answer of a small one wait for
/// all of them.
const MAX_WRITES: usize = 1_024;
const MAX_TIME: Duration = Duration::from_millis(10);

/// How long nothing is changed until the memory of the database is given back.
const IDLE_TIME: Duration = Duration::from_secs(10);

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
    /// committed. If it fails, nothing of it is left. It is performed even if its caller stops waiting.
    pub(super) async fn write<T, F>(&self, user: OnBehalfOf, operation: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
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
        F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.push(user, 1, Flush::NotNeeded, operation).await
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
        F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
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
        F: FnOnce(&mut Writing<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let begun = Instant::now();
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write::new(flush, operation, reply));
        let queued = self.queue.push(user, rows, job).await;
        queued.map_err(|_| StoreError::Closed)?;
        let written = answer.await.map_err(|_| gone()).flatten();
        note_done(Work::WriteConversations, begun, &written);
        written
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
        let mut batch = Batch {
            next: Some(next),
            done: Vec::new(),
        };
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
        let flush = batch
            .next
            .as_ref()
            .map_or(self.flush, |turn| turn.write.flush());
        if flush != self.flush {
            flush.choose(db)?;
            self.flush = flush;
        }
        let committed = commit(db, &mut self.ids, &*self.clock, &self.queue, flush, batch);
        if let Some(file) = self.file.get() {
            let errors = batch
                .done
                .iter()
                .filter_map(|done| done.job.database_error());
            errors
                .chain(committed.as_ref().err())
                .for_each(|error| file.note(error));
        }
        committed?;
        Ok(self.database.check().map_err(UnusableError::from)?)
    }
}

/// The writes of one transaction.
struct Batch {
    next: Option<Turn<Box<dyn Job>>>,
    done: Vec<Done>,
}

/// A write that was performed, for whom, and what it used of a processor.
struct Done {
    job: Box<dyn Job>,
    user: OnBehalfOf,
    time: Duration,
}

impl Batch {
    fn answer(mut self, queue: &Queue, committed: &Result<(), StoreError>) {
        let not_begun = self.next.take();
        let not_begun = not_begun.map(|turn| queue.done(turn, Duration::ZERO).0);
        let done = self.done.into_iter().map(|done| done.job);
        for job in done.chain(not_begun) {
            job.answer(committed.clone());
        }
    }

    /// Those who wrote more have made the commit longer.
    fn charge(&self, queue: &Queue, commit: Duration) {
        let all: Duration = self.done.iter().map(|done| done.time).sum();
        let all = all.max(Duration::from_nanos(1));
        for done in &self.done {
            queue.charge(&done.user, commit.mul_f64(done.time.div_duration_f64(all)));
        }
    }
}

fn commit(
    db: &mut Connection,
    ids: &mut Ids,
    clock: &dyn Clock,
    queue: &Queue,
    flush: Flush,
    batch: &mut Batch,
) -> rusqlite::Result<()> {
    let begun = Instant::now();
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    ids.follow(&transaction)?;
    let mut writing = Writing {
        db: &transaction,
        ids,
        now: clock.now_ms(),
    };
    while let Some(mut turn) = batch.next.take() {
        let since = processor_time();
        let written = run_one(&mut writing, turn.write.as_mut());
        let time = processor_time().saturating_sub(since);
        let (job, user) = queue.done(turn, time);
        batch.done.push(Done { job, user, time });
        written?;
        let left = MAX_TIME.saturating_sub(begun.elapsed());
        if batch.done.len() < MAX_WRITES && !left.is_zero() {
            batch.next = queue.take(left, |next| flush == Flush::Needed || next.flush() == flush);
        }
    }
    let written = processor_time();
    transaction.commit()?;
    batch.charge(queue, processor_time().saturating_sub(written));
    Ok(())
}

/// What this thread has used of a processor. It does not count what is no fault of a write: that others use
/// the processor, or that the disk is slow.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
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
