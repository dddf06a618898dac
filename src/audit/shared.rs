//! What the handles of the audit and its writer thread share: the records in memory, the spool, and
//! the conditions both wait for.
//!
//! Owns moving records from memory into the spool and out of it, and what happens when the spool is
//! full. It must not know the store.

use std::{
    io, mem,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    time::Instant,
};

use parking_lot::{Condvar, Mutex, MutexGuard};
use uuid::Uuid;

use super::files::Files;
use super::metrics;
use super::payload::is_removed_last;
use super::repeats::Repeats;
use super::spool::{Chunk, Spool, push_frame};
use super::state::{MAX_RECORDS_PER_WRITE, State, log_lost};
use super::store::AuditOptions;
use super::trail::Trail;
use crate::config::SpoolFull;

/// What the handles and the writer share. Lock order: `files` before `state`.
pub(super) struct Shared {
    pub(super) options: AuditOptions,
    /// Days until a record is deleted; 0 deletes none.
    pub(super) retention_days: AtomicU32,
    pub(super) repeats: Repeats,
    pub(super) trail: Trail,
    pub(super) state: Mutex<State>,
    pub(super) files: Mutex<Files>,
    /// Wakes the writer: there is something to write or to close.
    pub(super) work: Condvar,
    /// Wakes those who wait for records or for the end: records were settled, or the writer ended.
    pub(super) done: Condvar,
    /// Records accepted from this process.
    pub(super) recorded: AtomicU64,
    /// Records of these that have left memory: in the spool, stored or lost.
    pub(super) spooled: AtomicU64,
    /// The last write to the spool failed. Only the writer retries.
    pub(super) spool_failing: AtomicBool,
    /// The spool has reached its limit.
    pub(super) is_full: AtomicBool,
    /// Clients' events are refused.
    pub(super) refusing: AtomicBool,
    /// The reason in `/ready` while the store fails.
    pub(super) failing_reason: &'static str,
}

impl Shared {
    pub(super) fn new(
        options: AuditOptions,
        spool: Spool,
        leftover: u64,
        failing_reason: &'static str,
    ) -> Self {
        Self {
            repeats: Repeats::new(options.repeats),
            trail: Trail::beginning(Uuid::now_v7()),
            retention_days: AtomicU32::new(options.retention_days.map_or(0, NonZeroU32::get)),
            options,
            state: Mutex::new(State::new(leftover)),
            files: Mutex::new(Files::new(spool)),
            work: Condvar::new(),
            done: Condvar::new(),
            recorded: AtomicU64::new(0),
            spooled: AtomicU64::new(0),
            spool_failing: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            refusing: AtomicBool::new(false),
            failing_reason,
        }
    }

    /// Days until a record is deleted; `None` deletes none.
    pub(super) fn retention_days(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.retention_days.load(Ordering::Relaxed))
    }

    /// Has the writer end at `deadline` at the latest.
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
                    Ok(()) => {
                        files.remember(&tail);
                        self.note_spooled(recorded);
                    }
                    Err(error) => self.restore_tail(&tail, records, &error),
                },
                false => {
                    self.lose_accepted(records);
                    self.spooled.store(recorded, Ordering::Release);
                }
            }
        }
        metrics::spool_has(files.spool.len());
        tail.clear();
        files.spare = tail;
    }

    fn note_spooled(&self, recorded: u64) {
        self.spooled.store(recorded, Ordering::Release);
        if self.spool_failing.swap(false, Ordering::Relaxed) {
            self.update_refusing();
            tracing::info!("the audit's spool is being written again");
        }
    }

    /// Puts the tail back in front of what was recorded since.
    fn restore_tail(&self, tail: &[u8], records: u64, error: &io::Error) {
        let mut state = self.state.lock();
        state.tail.splice(..0, tail.iter().copied());
        state.tail_records += records;
        drop(state);
        if !self.spool_failing.swap(true, Ordering::Relaxed) {
            self.update_refusing();
            tracing::error!(%error, "the audit's spool cannot be written; records wait in memory");
        }
    }

    /// Applies the policy for a full spool when `more` bytes would exceed the limit. Returns whether
    /// the spool takes them.
    fn make_room(&self, spool: &mut Spool, more: usize) -> bool {
        let len = spool.len() + more as u64;
        let limit = self.options.spool_limit;
        let was_full = self.is_full.load(Ordering::Relaxed);
        // It counts as full until half is free again, so that neither the log nor clients see it flap.
        let is_full = len > limit || (was_full && len > limit / 2);
        if is_full != was_full {
            self.is_full.store(is_full, Ordering::Relaxed);
            self.update_refusing();
            match is_full {
                true => tracing::error!(limit, "the audit's spool is full"),
                false => tracing::info!("the audit's spool has room again"),
            }
        }
        match self.options.spool_full {
            SpoolFull::DropOldest => {
                if len > limit {
                    self.drop_oldest(spool, more);
                }
                true
            }
            // An eighth more for what has already happened, such as the ends of connections.
            SpoolFull::Refuse => len <= limit + limit / 8,
        }
    }

    fn drop_oldest(&self, spool: &mut Spool, more: usize) {
        while spool.is_full(more) {
            let is_kept = |payload: &[u8]| {
                let is_kept = is_removed_last(payload);
                if !is_kept {
                    self.trail.dropped(payload);
                }
                is_kept
            };
            match spool.drop_oldest(is_kept) {
                Ok(None) => break,
                Ok(Some(records)) => self.lose_accepted(records),
                Err(error) => {
                    tracing::warn!(%error, "a file of the audit's spool could not be removed");
                    break;
                }
            }
        }
    }

    fn lose_accepted(&self, records: u64) {
        let mut state = self.state.lock();
        state.settle(records);
        let report = state.lose(records, Instant::now());
        self.done.notify_all();
        drop(state);
        log_lost(report);
    }

    /// Decides again whether clients' events are refused.
    fn update_refusing(&self) {
        let has_no_room =
            self.is_full.load(Ordering::Relaxed) || self.spool_failing.load(Ordering::Relaxed);
        let refusing = has_no_room && self.options.spool_full == SpoolFull::Refuse;
        self.refusing.store(refusing, Ordering::Relaxed);
    }

    /// The oldest records that are not settled: those in the spool, or those in memory while the
    /// spool cannot be written. The latter are removed from memory.
    pub(super) fn next_chunk(&self) -> io::Result<Option<Chunk>> {
        self.spool_tail();
        let unread = {
            let mut files = self.files.lock();
            if let Some(chunk) = files.recall() {
                return Ok(Some(chunk));
            }
            files.spool.unread()
        };
        if let Some(unread) = unread {
            return unread.read(MAX_RECORDS_PER_WRITE).map(Some);
        }
        let tail = {
            let mut state = self.state.lock();
            state.tail_records = 0;
            mem::take(&mut state.tail)
        };
        Ok((!tail.is_empty()).then(|| Chunk::unspooled(tail)))
    }

    /// Settles the records of a chunk: they are stored or set aside.
    pub(super) fn settle(&self, chunk: Chunk) {
        let records = match chunk.is_unspooled() {
            true => chunk.len() as u64,
            false => {
                let mut files = self.files.lock();
                let records = files.spool.settle(&chunk);
                self.make_room(&mut files.spool, 0);
                metrics::spool_has(files.spool.len());
                files.reuse(chunk);
                records
            }
        };
        let mut state = self.state.lock();
        state.settle(records);
        self.done.notify_all();
    }

    /// Has the spool begun anew if its folder or its newest file is gone. What was in it stays readable
    /// for this process.
    pub(super) fn check_spool(&self) {
        let lost = self.files.lock().spool.replace_lost();
        if let Some(lost) = lost {
            tracing::error!(
                path = %lost.display(),
                "a part of the audit's spool is gone; it is begun anew"
            );
        }
    }

    /// Flushes the newest file of the spool to the disk.
    pub(super) fn sync_spool(&self) {
        let newest = self.files.lock().spool.newest();
        if let Some(Err(error)) = newest.map(|newest| newest.sync()) {
            tracing::warn!(%error, "the audit's spool cannot be written to its disk");
        }
    }

    /// The writer ends. What is not stored is in the spool, or lost.
    pub(super) fn finish(&self) {
        self.spool_tail();
        self.files.lock().spool.unlock();
        let mut state = self.state.lock();
        state.stopped = true;
        state.closing = true;
        let unspooled = mem::take(&mut state.tail_records);
        state.settle(unspooled);
        // The interval between log lines does not matter: this is the last one.
        let lost = state.lose_finally(unspooled);
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

    /// Puts a chunk from memory that the store did not take in time into the spool, if that can be
    /// written now.
    pub(super) fn put_back(&self, chunk: &Chunk) {
        let records = chunk.len() as u64;
        let mut files = self.files.lock();
        let mut frames = Vec::new();
        chunk
            .records()
            .for_each(|record| push_frame(&mut frames, record));
        if let Err(error) = files.spool.append(&frames, records) {
            tracing::error!(%error, "the audit's spool cannot be written");
            let mut state = self.state.lock();
            state.settle(records);
            let report = state.lose_finally(records);
            drop(state);
            log_lost(report);
        }
    }
}
