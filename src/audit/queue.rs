//! Recording: what is between the relay and the audit store.
//!
//! It must never make a relay wait for the store: [`Audit::record`] takes one short lock and returns,
//! and [`Audit::secure`] does at most one small write to a file.
//!
//! A record is encoded into a tail in memory; from there it goes into the spool, before anything that
//! confirms it leaves the server; from the spool the writer thread takes it to the store.

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use super::entry::document;
use super::read::{Found, Query, ReadError, Reads};
use super::record::Record;
use super::shared::{Shared, log_lost};
use super::spool::{Left, Spool, SpoolError};
use super::store::{AuditOptions, Store};
use super::writer::Writer;

/// Why the audit did not start.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The spool cannot be opened.
    #[error("cannot open the audit's spool: {0}")]
    Spool(#[from] SpoolError),
    /// The system has no thread to write with.
    #[error("cannot start the audit: {0}")]
    Thread(io::Error),
}

/// The folder of the spool in the data folder, and in it the one for records that the store refuses.
const SPOOL: &str = "spool";
const REFUSED: &str = "refused";

/// A handle to record with; cheap to clone. When the last one is dropped, the writer writes what
/// is left and ends; [`Audit::close`] also waits for it.
#[derive(Clone)]
pub struct Audit(Arc<Handle>);

impl Audit {
    /// Opens the spool in `data_dir`, and starts the writer thread on it and `store`. What was left
    /// in the spool by an earlier process is written first.
    ///
    /// # Errors
    /// When the spool cannot be opened, or the system has no thread to give.
    pub fn start<S: Store>(
        store: S,
        data_dir: &Path,
        options: AuditOptions,
    ) -> Result<Self, AuditError> {
        let folder = data_dir.join(SPOOL);
        let (spool, left) = Spool::open(&folder, options.spool_limit)?;
        let (refused, set_aside) = Spool::open(&folder.join(REFUSED), options.spool_limit)?;
        log_left(&left, &set_aside);
        let shared = Arc::new(Shared::new(options, spool, left.records, S::FAILING));
        let reads = Reads::new(store.reader());
        let writer = Writer::new(Arc::clone(&shared), store, refused, options.retention_days);
        thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run())
            .map_err(AuditError::Thread)?;
        Ok(Self(Arc::new(Handle { shared, reads })))
    }

    /// Records `record`. Never waits for the store or a disk. When the spool cannot be written and
    /// the memory for that case is full, or the audit is closed, the record is counted as lost and
    /// an error is logged, at most once a second.
    pub fn record(&self, record: Record) {
        let shared = &self.0.shared;
        let document = document(&record);
        let mut state = shared.state.lock();
        let has_room = !state.closing && state.tail_records < shared.options.capacity.get() as u64;
        let Some(document) = document.ok().filter(|_| has_room) else {
            let report = state.lose(1, Instant::now());
            drop(state);
            log_lost(report);
            return;
        };
        let wake = state.push(document.as_bytes());
        shared.recorded.fetch_add(1, Ordering::Release);
        drop(state);
        if wake {
            shared.work.notify_one();
        }
    }

    /// Puts what was recorded before this call into the spool, unless it is there already: to be
    /// called before anything that confirms it leaves the server. Costs two loads when there is
    /// nothing to do. While the spool cannot be written, it does nothing.
    pub fn secure(&self) {
        let shared = &self.0.shared;
        let recorded = shared.recorded.load(Ordering::Acquire);
        if shared.spooled.load(Ordering::Acquire) < recorded
            && !shared.unspoolable.load(Ordering::Relaxed)
        {
            shared.spool_tail();
        }
    }

    /// Whether clients' events are to be refused because they could not be recorded.
    pub fn refuses(&self) -> bool {
        self.0.shared.refusing.load(Ordering::Relaxed)
    }

    /// Records lost since the start.
    pub fn lost(&self) -> u64 {
        self.0.shared.state.lock().lost
    }

    /// Waits until everything recorded before this call is settled (stored, or set aside because the
    /// store refuses it), and says whether it was by `deadline`. Blocks the thread; from async code
    /// call it on a blocking one.
    pub fn flush(&self, deadline: Instant) -> bool {
        let shared = &self.0.shared;
        let mut state = shared.state.lock();
        let target = state.accepted;
        state.flush_to = target;
        shared.work.notify_one();
        while state.settled < target && !state.stopped {
            if shared.done.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.settled >= target
    }

    /// Takes no more records, writes what is left, ends the writer, and says whether everything
    /// was settled by `deadline`. What the store has not taken by then stays in the spool for the
    /// next start. Blocks the thread like [`Audit::flush`].
    pub fn close(&self, deadline: Instant) -> bool {
        let shared = &self.0.shared;
        drop(shared.close(deadline));
        // The writer may be held up by the store for longer than there is time.
        shared.spool_tail();
        let mut state = shared.state.lock();
        while !state.stopped {
            if shared.done.wait_until(&mut state, deadline).timed_out() {
                break;
            }
        }
        state.stopped && state.outstanding() == 0
    }

    /// Reads records that were stored. Those that still wait need not be among them;
    /// [`Audit::flush`] has them written.
    ///
    /// # Errors
    /// When the store cannot be read. Writing goes on.
    pub async fn read(&self, query: Query) -> Result<Found, ReadError> {
        self.0.reads.read(query).await
    }

    /// Whether records are being kept, for the readiness check.
    ///
    /// # Errors
    /// A fixed text that says what is wrong.
    pub fn health(&self) -> Result<(), &'static str> {
        let shared = &self.0.shared;
        let is_full = shared.is_full.load(Ordering::Relaxed);
        let state = shared.state.lock();
        let lost_lately = state
            .lost_at
            .is_some_and(|at| at.elapsed() < Duration::from_secs(10));
        if state.stopped {
            Err("the audit's writer has stopped")
        } else if is_full {
            Err("the audit's spool is full")
        } else if shared.unspoolable.load(Ordering::Relaxed) {
            Err("the audit's spool cannot be written")
        } else if lost_lately {
            Err("audit records were lost")
        } else if state.failing {
            Err(shared.failing)
        } else if state.refused {
            Err("the audit's store refuses some records")
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

fn log_left(left: &Left, set_aside: &Left) {
    if left.records > 0 {
        let records = left.records;
        tracing::info!(
            records,
            "audit records were left in the spool and are written now"
        );
    }
    let damage = left.damage + set_aside.damage;
    if damage > 0 {
        tracing::warn!(bytes = damage, "passed over damage in the audit's spool");
    }
}

#[cfg(test)]
mod tests;
