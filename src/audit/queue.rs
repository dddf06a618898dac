//! The handle that records audit events.
//!
//! Owns [`Audit`]: recording, closing and reading. It must never make a connection wait for
//! the store: [`Audit::record`] takes one short lock, and [`Audit::secure`] does at most one small
//! write to a file.
//!
//! A record is encoded into a tail in memory. It is written to the spool before anything that
//! confirms it leaves the server, and from there the writer thread moves it to the store.

use std::{
    io,
    num::NonZeroU32,
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use super::error::ReadError;
use super::event_type::Removal;
use super::line;
use super::metrics;
use super::read::{Query, ReadPool, RecordPage};
use super::record::Record;
use super::shared::Shared;
use super::size_limit::REPORT_INTERVAL;
use super::spool::{Leftover, Spool, SpoolError, with_frame};
use super::state::log_lost;
use super::store::{AuditOptions, Store};
use super::trail::Follower;
use super::writer::Writer;

/// Why the audit did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditError {
    /// The spool cannot be opened.
    #[error("cannot open the audit's spool: {0}")]
    Spool(#[from] SpoolError),
    /// The writer thread cannot be started.
    #[error("cannot start the audit: {0}")]
    Thread(io::Error),
}

/// The folder of the spool in the data folder.
const SPOOL_FOLDER: &str = "spool";
/// The folder in it for records that the store rejects.
const REJECTED_FOLDER: &str = "refused";

/// How long a failing store may delay the end after the last handle was dropped.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long `/ready` reports lost records.
const LOSS_REPORT_TIME: Duration = Duration::from_secs(10);

/// A handle to record with; cheap to clone. When the last one is dropped, the writer thread writes
/// what is left and ends; [`Audit::close`] also waits for that.
#[derive(Clone)]
pub(crate) struct Audit(Arc<Handle>);

impl Audit {
    /// Opens the spool in `data_dir`, and starts the writer thread for it and `store`. Records that an
    /// earlier process left in the spool are written first.
    ///
    /// # Errors
    /// When the spool cannot be opened, or the thread not be started.
    pub(crate) fn start<S: Store>(
        store: S,
        data_dir: &Path,
        options: AuditOptions,
    ) -> Result<Self, AuditError> {
        let folder = data_dir.join(SPOOL_FOLDER);
        let (spool, leftover) = Spool::open(&folder, options.spool_limit)?;
        let rejected = Spool::open(&folder.join(REJECTED_FOLDER), options.spool_limit);
        let (rejected, set_aside) = rejected?;
        log_leftover(&leftover, &set_aside);
        let shared = Arc::new(Shared::new(options, spool, leftover.records, S::FAILING));
        let reads = ReadPool::new(store.reader());
        let writer = Writer::new(Arc::clone(&shared), store, rejected);
        thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run())
            .map_err(AuditError::Thread)?;
        Ok(Self(Arc::new(Handle { shared, reads })))
    }

    /// Records `record`. Never waits for the store or a disk. When the spool cannot be written and
    /// memory holds its limit of records, or the audit is closed, the record is counted as lost and an
    /// error is logged, at most once a second. What its actor has repeated too often is only counted,
    /// until the minute ends.
    pub(crate) fn record(&self, record: Record) {
        if self.0.shared.repeats.admits(&record) {
            self.0.push(&record);
        }
    }

    /// Records are kept for so many days from now on; `None`: for ever.
    pub(crate) fn keep_for(&self, days: Option<NonZeroU32>) {
        let days = days.map_or(0, NonZeroU32::get);
        let shared = &self.0.shared;
        shared.retention_days.store(days, Ordering::Relaxed);
    }

    /// Records what was only counted in this minute, and begins the next one.
    pub(crate) fn end_minute(&self) {
        let counted = self.0.shared.repeats.end_minute();
        counted.iter().for_each(|record| self.0.push(record));
    }

    /// Writes to the spool what was recorded before this call, unless it is there already. To be
    /// called before anything that confirms a record leaves the server. Costs two atomic loads when
    /// there is nothing to do; does nothing while the spool cannot be written.
    pub(crate) fn secure(&self) {
        let shared = &self.0.shared;
        let recorded = shared.recorded.load(Ordering::Acquire);
        if shared.spooled.load(Ordering::Acquire) < recorded
            && !shared.spool_failing.load(Ordering::Relaxed)
        {
            shared.spool_tail();
        }
    }

    /// Whether clients' events must be refused because they could not be recorded.
    pub(crate) fn refuses(&self) -> bool {
        self.0.shared.refusing.load(Ordering::Relaxed)
    }

    /// Accepts no more records, writes what is left and ends the writer thread. Returns whether
    /// everything was settled by `deadline`. What the store has not taken by then stays in the spool
    /// for the next start. Blocks the thread: call it from async code on a blocking one.
    pub(crate) fn close(&self, deadline: Instant) -> bool {
        let shared = &self.0.shared;
        self.0.end_last_minute();
        drop(shared.close(deadline));
        // The store may delay the writer thread beyond the deadline.
        shared.spool_tail();
        let mut state = shared.state.lock();
        while !state.stopped {
            if shared.done.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.stopped && state.outstanding() == 0
    }

    /// Reads records from the store. Those that still wait may be missing.
    ///
    /// # Errors
    /// When the store cannot be read. Writing is not affected.
    pub(crate) async fn read(&self, query: Query) -> Result<RecordPage, ReadError> {
        self.0.reads.read(query).await
    }

    /// Tells from now on what is stored.
    pub(crate) fn follow(&self) -> Follower {
        self.0.shared.trail.follow()
    }

    /// Whether all records are stored that an earlier process had left.
    pub(crate) fn has_stored_leftover(&self) -> bool {
        self.0.shared.state.lock().has_settled_leftover()
    }

    /// Whether records are being stored, for the readiness check.
    ///
    /// # Errors
    /// The reason, a fixed text.
    pub(crate) fn health(&self) -> Result<(), &'static str> {
        let shared = &self.0.shared;
        let is_full = shared.is_full.load(Ordering::Relaxed);
        let state = shared.state.lock();
        let lost_recently = state
            .lost_at
            .is_some_and(|at| at.elapsed() < LOSS_REPORT_TIME);
        if state.stopped {
            Err("the audit's writer has stopped")
        } else if is_full {
            Err("the audit's spool is full")
        } else if shared.spool_failing.load(Ordering::Relaxed) {
            Err("the audit's spool cannot be written")
        } else if lost_recently {
            Err("audit records were lost")
        } else if state.failing {
            Err(shared.failing_reason)
        } else if state.has_rejected {
            Err("the audit's store refuses some records")
        } else {
            Ok(())
        }
    }

    /// What an operator should know, although records are being stored: a fixed text.
    pub(crate) fn notice(&self) -> Option<&'static str> {
        let trimmed_at = self.0.shared.state.lock().trimmed_at;
        trimmed_at
            .is_some_and(|at| at.elapsed() < REPORT_INTERVAL)
            .then_some("the audit is at its size limit; records are removed")
    }
}

/// Ends the writer thread with the last clone of [`Audit`].
struct Handle {
    shared: Arc<Shared>,
    reads: ReadPool,
}

impl Handle {
    fn push(&self, record: &Record) {
        metrics::recorded(record.event_type());
        with_frame(
            |bytes| line::push(bytes, record),
            |frame| self.push_frame(frame, record),
        );
    }

    fn push_frame(&self, frame: &[u8], record: &Record) {
        let shared = &self.shared;
        let capacity = shared.options.capacity.get() as u64;
        let mut state = shared.state.lock();
        let (waiting, takes_more) = (state.tail_records, !state.closing);
        // An eighth is for what is removed last, too, when there is too much: no flood takes its place.
        let fits = takes_more
            && (waiting < capacity - capacity / 8
                || (waiting < capacity && record.removal() == Removal::Last));
        if !fits {
            let report = state.lose(1, Instant::now());
            drop(state);
            log_lost(report);
            return;
        }
        let wake = state.push(frame);
        shared.recorded.fetch_add(1, Ordering::Release);
        drop(state);
        if wake {
            shared.work.notify_one();
        }
    }

    fn end_last_minute(&self) {
        let counted = self.shared.repeats.close();
        counted.iter().for_each(|record| self.push(record));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.end_last_minute();
        // No caller waits for it, so a failing store gets a short time only.
        drop(self.shared.close(Instant::now() + DROP_TIMEOUT));
    }
}

fn log_leftover(leftover: &Leftover, set_aside: &Leftover) {
    if leftover.records > 0 {
        let records = leftover.records;
        tracing::info!(
            records,
            "audit records were left in the spool and are written now"
        );
    }
    let damage = leftover.damage + set_aside.damage;
    if damage > 0 {
        tracing::warn!(bytes = damage, "passed over damage in the audit's spool");
    }
}

#[cfg(test)]
mod tests;
