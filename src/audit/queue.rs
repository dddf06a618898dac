//! The queue between the relay and the audit store, and the one thread that empties it.
//!
//! Owns batching, retrying, the count of lost records, and when old records are deleted. It must
//! never make a relay wait: [`Audit::record`] takes one short lock and returns.

use std::{
    collections::VecDeque,
    io,
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    read::{Found, Query, Reader, Reads},
    record::Record,
    sqlite::StoreError,
    writer::{ROWS_PER_COMMIT, Writer},
};

/// Where records are kept. Called by the writer thread only, except before it starts.
pub trait Store: Send + 'static {
    /// Why it failed. The text is logged, so it must not hold anything of a record.
    type Error: std::fmt::Display;

    /// Keeps the whole batch or, failing, none of it for certain: the same batch is then written
    /// again, so a record kept before must be skipped.
    ///
    /// # Errors
    /// When the batch was not committed; it is retried until it is.
    fn write(&mut self, batch: &[Record]) -> Result<(), Self::Error>;

    /// Deletes at most `limit` records created before `before_ms` (since 1970), oldest first, and
    /// says how many.
    ///
    /// # Errors
    /// When nothing was deleted; it is tried again later.
    fn expire(&mut self, before_ms: i64, limit: u32) -> Result<usize, Self::Error>;

    /// What reads the records beside the writer thread. Asked for once, before that starts.
    fn reader(&self) -> Arc<dyn Reader>;
}

/// What can be set about the audit.
#[derive(Clone, Copy, Debug)]
pub struct AuditOptions {
    /// Most records held in memory, waiting or being written. Default 65 536, about 20 MB when full.
    pub capacity: NonZeroUsize,
    /// Days a record is kept; `None` keeps all. Default 90.
    pub retention_days: Option<NonZeroU32>,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            capacity: NonZeroUsize::MIN.saturating_add(65_535),
            retention_days: Some(NonZeroU32::MIN.saturating_add(89)),
        }
    }
}

/// A handle to record with; cheap to clone. When the last one is dropped, the writer writes what
/// is left and ends; [`Audit::close`] also waits for it.
#[derive(Clone)]
pub struct Audit(Arc<Handle>);

impl Audit {
    /// Starts the writer thread on `store`.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start<S: Store>(store: S, options: AuditOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(options.capacity.get()));
        let reads = Reads::new(store.reader());
        let writer = Writer::new(Arc::clone(&shared), store, options.retention_days);
        thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run())?;
        Ok(Self(Arc::new(Handle { shared, reads })))
    }

    /// Queues `record`. Never waits for the store: when the queue is full, or closed, the record is
    /// counted as lost and an error is logged, at most once a second.
    pub fn record(&self, record: Record) {
        let shared = &self.0.shared;
        let mut state = shared.state.lock();
        if state.closing || state.outstanding() >= shared.capacity as u64 {
            let report = state.lose(1, Instant::now());
            drop(state);
            log_lost(report);
            return;
        }
        let wake = state.push(record);
        drop(state);
        if wake {
            shared.work.notify_one();
        }
    }

    /// Records lost since the start.
    pub fn lost(&self) -> u64 {
        self.0.shared.state.lock().lost
    }

    /// Waits until everything recorded before this call is committed, and says whether it was by
    /// `deadline`. Blocks the thread; from async code call it on a blocking one.
    pub fn flush(&self, deadline: Instant) -> bool {
        let shared = &self.0.shared;
        let mut state = shared.state.lock();
        let target = state.accepted;
        state.flush_to = target;
        shared.work.notify_one();
        while state.committed < target && !state.stopped {
            if shared.done.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.committed >= target
    }

    /// Takes no more records, writes what is left, ends the writer, and says whether everything
    /// was committed by `deadline`. What the store has not taken by then is lost, and logged.
    /// Blocks the thread like [`Audit::flush`].
    pub fn close(&self, deadline: Instant) -> bool {
        let shared = &self.0.shared;
        let mut state = shared.close(deadline);
        while !state.stopped {
            if shared.done.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.stopped && state.outstanding() == 0
    }

    /// Reads records that were committed. Those that still wait in the queue need not be among
    /// them; [`Audit::flush`] has them written.
    ///
    /// # Errors
    /// When the store cannot be read. Writing goes on.
    pub async fn read(&self, query: Query) -> Result<Found, StoreError> {
        self.0.reads.read(query).await
    }

    /// Whether records are being kept, for the readiness check.
    ///
    /// # Errors
    /// A fixed text when the writer has ended, the last commit failed, or records were lost within
    /// the last ten seconds or would be now.
    pub fn health(&self) -> Result<(), &'static str> {
        let shared = &self.0.shared;
        let state = shared.state.lock();
        let lost_lately = state
            .lost_at
            .is_some_and(|at| at.elapsed() < Duration::from_secs(10));
        if state.stopped {
            Err("audit writer has stopped")
        } else if state.failing {
            Err("audit store is failing")
        } else if lost_lately || state.outstanding() >= shared.capacity as u64 {
            Err("audit queue is full")
        } else {
            Ok(())
        }
    }
}

/// Ends the writer with the last clone of [`Audit`].
struct Handle {
    shared: Arc<Shared>,
    reads: Reads,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Nobody waits here, so a failing store is given a moment and no more.
        drop(self.shared.close(Instant::now() + Duration::from_secs(5)));
    }
}

/// What the handles and the writer share.
pub(super) struct Shared {
    pub(super) capacity: usize,
    pub(super) state: Mutex<State>,
    /// Tells the writer: something to write, flush or close.
    pub(super) work: Condvar,
    /// Tells those who flush or close: something was committed, or the writer ended.
    pub(super) done: Condvar,
}

impl Shared {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::new(State::default()),
            work: Condvar::new(),
            done: Condvar::new(),
        }
    }

    fn close(&self, deadline: Instant) -> parking_lot::MutexGuard<'_, State> {
        let mut state = self.state.lock();
        // A second close may shorten the time, not lengthen it.
        state.give_up_at = Some(state.give_up_at.map_or(deadline, |at| at.min(deadline)));
        state.closing = true;
        self.work.notify_one();
        state
    }
}

/// What the writer waits for, so that producers wake it once and not for every record.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Nothing: it is writing, or was woken already.
    #[default]
    No,
    /// Any record.
    Idle,
    /// A batch worth writing.
    Gathering,
}

#[derive(Default)]
pub(super) struct State {
    /// Waiting records in batches of up to [`ROWS_PER_COMMIT`], so that taking one costs nothing.
    pub(super) batches: VecDeque<Vec<Record>>,
    pub(super) accepted: u64,
    pub(super) committed: u64,
    pub(super) flush_to: u64,
    pub(super) waiting: Waiting,
    pub(super) failing: bool,
    pub(super) closing: bool,
    pub(super) stopped: bool,
    /// When a closing writer stops retrying.
    pub(super) give_up_at: Option<Instant>,
    lost: u64,
    lost_unlogged: u64,
    lost_at: Option<Instant>,
    lost_logged_at: Option<Instant>,
}

impl State {
    /// Records accepted and not committed, including the batch being written.
    pub(super) fn outstanding(&self) -> u64 {
        self.accepted - self.committed
    }

    /// Whether the waiting records should be written without gathering more.
    pub(super) fn urgent(&self) -> bool {
        self.closing
            || self.flush_to > self.committed
            || self
                .batches
                .front()
                .is_some_and(|batch| batch.len() >= ROWS_PER_COMMIT)
    }

    /// Appends `record`; true when the writer has to be woken.
    fn push(&mut self, record: Record) -> bool {
        match self.batches.back_mut() {
            Some(batch) if batch.len() < ROWS_PER_COMMIT => batch.push(record),
            _ => self.batches.push_back(vec![record]),
        }
        self.accepted += 1;
        let wake = match self.waiting {
            Waiting::No => false,
            Waiting::Idle => true,
            Waiting::Gathering => self.urgent(),
        };
        if wake {
            self.waiting = Waiting::No;
        }
        wake
    }

    /// Counts lost records; the number to log now, if it is time for a line.
    #[must_use]
    pub(super) fn lose(&mut self, count: u64, now: Instant) -> Option<u64> {
        self.lost += count;
        self.lost_unlogged += count;
        self.lost_at = Some(now);
        self.lost_to_log(now)
    }

    /// Counts the last losses; the number to log at once, if any.
    #[must_use]
    pub(super) fn lose_for_good(&mut self, count: u64) -> Option<u64> {
        self.lost_logged_at = None;
        if count == 0 {
            self.lost_to_log(Instant::now())
        } else {
            self.lose(count, Instant::now())
        }
    }

    /// The losses no line has told of yet, if there are any and the last line is a second old.
    pub(super) fn lost_to_log(&mut self, now: Instant) -> Option<u64> {
        let logged_lately = self
            .lost_logged_at
            .is_some_and(|at| now.duration_since(at) < Duration::from_secs(1));
        if logged_lately || self.lost_unlogged == 0 {
            return None;
        }
        self.lost_logged_at = Some(now);
        Some(std::mem::take(&mut self.lost_unlogged))
    }
}

pub(super) fn log_lost(count: Option<u64>) {
    if let Some(count) = count {
        tracing::error!(count, "audit records lost");
    }
}

#[cfg(test)]
mod tests;
