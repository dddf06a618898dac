//! What the handles of the audit and its writer share: the tail, the spool, and how things stand.
//!
//! Owns moving records from memory into the spool and out of it, and what happens when there is no
//! room. It must not know the store.

use std::{
    io, mem,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::spool::{Chunk, Spool, push_frame};
use super::store::AuditOptions;
use crate::config::SpoolFull;

/// Most records in one write to the store.
pub(super) const RECORDS_PER_WRITE: usize = 4_096;

/// What the handles and the writer share. When both locks are needed, `files` is taken first.
pub(super) struct Shared {
    pub(super) options: AuditOptions,
    pub(super) state: Mutex<State>,
    pub(super) files: Mutex<Files>,
    /// Tells the writer: something to write, flush or close.
    pub(super) work: Condvar,
    /// Tells those who flush or close: something was settled, or the writer ended.
    pub(super) done: Condvar,
    /// Records taken, and those of them that are in the spool or beyond.
    pub(super) recorded: AtomicU64,
    pub(super) spooled: AtomicU64,
    /// The last write to the spool failed. Only the writer tries again.
    pub(super) unspoolable: AtomicBool,
    /// The spool has all the bytes it may have.
    pub(super) is_full: AtomicBool,
    pub(super) refusing: AtomicBool,
    /// What `/ready` says while the store fails.
    pub(super) failing: &'static str,
}

pub(super) struct Files {
    spool: Spool,
    /// An empty buffer, to be the next tail.
    spare: Vec<u8>,
}

impl Shared {
    pub(super) fn new(
        options: AuditOptions,
        spool: Spool,
        left: u64,
        failing: &'static str,
    ) -> Self {
        let state = State {
            accepted: left,
            ..State::default()
        };
        let spare = Vec::new();
        Self {
            options,
            state: Mutex::new(state),
            files: Mutex::new(Files { spool, spare }),
            work: Condvar::new(),
            done: Condvar::new(),
            recorded: AtomicU64::new(0),
            spooled: AtomicU64::new(0),
            unspoolable: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            failing,
        }
    }

    pub(super) fn close(&self, deadline: Instant) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        // A second close may shorten the time, not lengthen it.
        state.give_up_at = Some(state.give_up_at.map_or(deadline, |at| at.min(deadline)));
        state.closing = true;
        self.work.notify_one();
        state
    }

    /// Moves the tail into the spool.
    pub(super) fn spool_tail(&self) {
        let mut files = self.files.lock();
        let mut tail = mem::take(&mut files.spare);
        let (records, recorded) = {
            let mut state = self.state.lock();
            mem::swap(&mut state.tail, &mut tail);
            let recorded = self.recorded.load(Ordering::Relaxed);
            (mem::take(&mut state.tail_records), recorded)
        };
        if records > 0 {
            match self.make_room(&mut files.spool, tail.len()) {
                true => match files.spool.append(&tail, records) {
                    Ok(()) => self.was_spooled(recorded),
                    Err(error) => self.was_not_spooled(&tail, records, &error),
                },
                false => {
                    self.lose_accepted(records);
                    self.spooled.store(recorded, Ordering::Release);
                }
            }
        }
        tail.clear();
        files.spare = tail;
    }

    fn was_spooled(&self, recorded: u64) {
        self.spooled.store(recorded, Ordering::Release);
        if self.unspoolable.swap(false, Ordering::Relaxed) {
            self.may_refuse();
            tracing::info!("the audit's spool is being written again");
        }
    }

    /// Puts the tail back to where it was.
    fn was_not_spooled(&self, tail: &[u8], records: u64, error: &io::Error) {
        let mut state = self.state.lock();
        state.tail.splice(..0, tail.iter().copied());
        state.tail_records += records;
        drop(state);
        if !self.unspoolable.swap(true, Ordering::Relaxed) {
            self.may_refuse();
            tracing::error!(%error, "the audit's spool cannot be written; records wait in memory");
        }
    }

    /// Does what is to be done when the spool would have more bytes than it may; whether it can
    /// take them then.
    fn make_room(&self, spool: &mut Spool, more: usize) -> bool {
        let len = spool.len() + more as u64;
        let limit = self.options.spool_limit;
        let was_full = self.is_full.load(Ordering::Relaxed);
        // It is full until half is free again, so that neither the log nor clients see it alternate.
        let is_full = len > limit || (was_full && len > limit / 2);
        if is_full != was_full {
            self.is_full.store(is_full, Ordering::Relaxed);
            self.may_refuse();
            match is_full {
                true => tracing::error!(limit, "the audit's spool is full"),
                false => tracing::info!("the audit's spool has room again"),
            }
        }
        match self.options.spool_full {
            SpoolFull::DropOldest => {
                self.drop_oldest(spool, more);
                true
            }
            // What is still recorded has happened already, like the ends of connections.
            SpoolFull::Refuse => len <= limit + limit / 8,
        }
    }

    fn drop_oldest(&self, spool: &mut Spool, more: usize) {
        while spool.is_full(more) {
            match spool.drop_oldest() {
                Ok(0) => break,
                Ok(records) => self.lose_accepted(records),
                Err(error) => {
                    tracing::warn!(%error, "a file of the audit's spool could not be removed");
                    break;
                }
            }
        }
    }

    fn lose_accepted(&self, records: u64) {
        let mut state = self.state.lock();
        state.settled += records;
        let report = state.lose(records, Instant::now());
        self.done.notify_all();
        drop(state);
        log_lost(report);
    }

    /// Decides anew whether clients' events are refused.
    fn may_refuse(&self) {
        let has_no_room =
            self.is_full.load(Ordering::Relaxed) || self.unspoolable.load(Ordering::Relaxed);
        let refusing = has_no_room && self.options.spool_full == SpoolFull::Refuse;
        self.refusing.store(refusing, Ordering::Relaxed);
    }

    /// The oldest records that are not settled: those in the spool, then, while that cannot be
    /// written, those in memory, which are no longer there then.
    pub(super) fn next_chunk(&self) -> io::Result<Option<Chunk>> {
        self.spool_tail();
        let unread = self.files.lock().spool.unread();
        if let Some(unread) = unread {
            return unread.read(RECORDS_PER_WRITE).map(Some);
        }
        let tail = {
            let mut state = self.state.lock();
            state.tail_records = 0;
            mem::take(&mut state.tail)
        };
        Ok((!tail.is_empty()).then(|| Chunk::of_memory(tail)))
    }

    /// Notes that the records of a chunk need not be kept any more.
    pub(super) fn settle(&self, chunk: &Chunk) {
        let records = match chunk.is_of_memory() {
            true => chunk.len() as u64,
            false => {
                let mut files = self.files.lock();
                let records = files.spool.settle(chunk);
                self.make_room(&mut files.spool, 0);
                records
            }
        };
        let mut state = self.state.lock();
        state.settled += records;
        self.done.notify_all();
    }

    /// Has what is in the newest file of the spool written to the disk.
    pub(super) fn sync_spool(&self) {
        let newest = self.files.lock().spool.newest();
        if let Some(Err(error)) = newest.map(|newest| newest.sync()) {
            tracing::warn!(%error, "the audit's spool cannot be written to its disk");
        }
    }

    /// The writer ends. What is left is in the spool, or lost.
    pub(super) fn leave(&self) {
        self.spool_tail();
        self.files.lock().spool.give_up();
        let mut state = self.state.lock();
        state.stopped = true;
        state.closing = true;
        // The second since the last line does not matter here: there is no later one.
        let unspooled = mem::take(&mut state.tail_records);
        state.settled += unspooled;
        let lost = state.lose_for_good(unspooled);
        let records = state.outstanding();
        self.done.notify_all();
        drop(state);
        log_lost(lost);
        if records > 0 {
            tracing::warn!(
                records,
                "audit records stay in the spool for the next start"
            );
        }
    }

    /// Puts back what the store did not take in time: into the spool, if that can be written now.
    pub(super) fn put_back(&self, chunk: &Chunk) {
        let mut files = self.files.lock();
        let mut frames = Vec::new();
        chunk
            .records()
            .for_each(|record| push_frame(&mut frames, record));
        if let Err(error) = files.spool.append(&frames, chunk.len() as u64) {
            tracing::error!(%error, "the audit's spool cannot be written");
            let mut state = self.state.lock();
            let report = state.lose_for_good(chunk.len() as u64);
            drop(state);
            log_lost(report);
        }
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
    /// Frames that are not in the spool yet, and how many.
    tail: Vec<u8>,
    pub(super) tail_records: u64,
    /// Records taken, with those that were left in the spool; and those that need not be kept here
    /// any more.
    pub(super) accepted: u64,
    pub(super) settled: u64,
    pub(super) flush_to: u64,
    pub(super) waiting: Waiting,
    /// The store did not take the last records.
    pub(super) failing: bool,
    /// The store refuses some records for themselves, and they are kept aside.
    pub(super) refused: bool,
    pub(super) closing: bool,
    pub(super) stopped: bool,
    /// When a closing writer stops retrying.
    pub(super) give_up_at: Option<Instant>,
    pub(super) lost: u64,
    lost_unlogged: u64,
    pub(super) lost_at: Option<Instant>,
    lost_logged_at: Option<Instant>,
}

impl State {
    /// Records accepted and not settled, including those being written.
    pub(super) fn outstanding(&self) -> u64 {
        self.accepted - self.settled
    }

    /// Whether the waiting records should be written without gathering more.
    pub(super) fn urgent(&self) -> bool {
        self.closing
            || self.flush_to > self.settled
            || self.outstanding() >= RECORDS_PER_WRITE as u64
    }

    /// Appends a record; true when the writer has to be woken.
    pub(super) fn push(&mut self, document: &[u8]) -> bool {
        push_frame(&mut self.tail, document);
        self.tail_records += 1;
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
        Some(mem::take(&mut self.lost_unlogged))
    }
}

pub(super) fn log_lost(count: Option<u64>) {
    if let Some(count) = count {
        tracing::error!(count, "audit records lost");
    }
}
