//! The thread that writes the audit: moves waiting records to the store, retries, and deletes old
//! records.
//!
//! Owns the store and the order of this work. It must not know how records are recorded. What is
//! deleted is in `removal`.

mod removal;

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use super::line::time_of_text;
use super::metrics;
use super::payload::Lines;
use super::rejected::RejectedRecords;
use super::shared::Shared;
use super::size_limit::SizeLimit;
use super::spool::{Chunk, Spool};
use super::state::{MAX_RECORDS_PER_WRITE, State, Waiting, log_lost};
use super::store::Store;
use crate::metrics::stores;

/// How long a record may wait in the spool for others to be committed with it: a commit costs as much as
/// many records.
const GATHER_TIME: Duration = Duration::from_millis(200);
/// The pause after a failed write; each further one is twice as long.
const FIRST_RETRY: Duration = Duration::from_millis(50);
/// The longest pause.
const MAX_RETRY: Duration = Duration::from_secs(2);
/// How often the store is checked while there is nothing to write.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

pub(super) struct Writer<S> {
    shared: Arc<Shared>,
    store: S,
    rejected: RejectedRecords,
    /// By how many days records were looked for last that are to be deleted, and when they are next.
    expired_by: Option<NonZeroU32>,
    expire_at: Instant,
    check_at: Instant,
    size_limit: SizeLimit,
}

enum Work {
    Write,
    Check,
    RetryRejected,
    Expire(NonZeroU32),
    /// To at most so many bytes.
    Trim(u64),
    End,
}

impl<S: Store> Writer<S> {
    pub(super) fn new(shared: Arc<Shared>, store: S, rejected: Spool) -> Self {
        Self {
            size_limit: SizeLimit::new(shared.options.max_bytes),
            shared,
            store,
            rejected: RejectedRecords::new(rejected),
            expired_by: None,
            expire_at: Instant::now(),
            check_at: Instant::now() + CHECK_INTERVAL,
        }
    }

    pub(super) fn run(self) {
        // Also runs when the store panics: no task may wait for a thread that is gone. The store must
        // be closed by then, which is why this is dropped after the writer.
        let _ended = Ended(Arc::clone(&self.shared));
        let mut writer = self;
        loop {
            let goes_on = match writer.next_work() {
                Work::Write => writer.write_next(),
                Work::Check => {
                    writer.check();
                    true
                }
                Work::RetryRejected => {
                    writer.retry_rejected();
                    true
                }
                Work::Expire(days) => {
                    writer.expire(days);
                    true
                }
                Work::Trim(max_bytes) => {
                    writer.trim(max_bytes);
                    true
                }
                Work::End => false,
            };
            if !goes_on {
                writer.log_trimmed(true);
                return;
            }
        }
    }

    fn next_work(&self) -> Work {
        let mut state = self.shared.state.lock();
        loop {
            let now = Instant::now();
            if !state.closing
                && let Some(days) = self.shared.retention_days()
                && (self.expire_at <= now || self.expired_by != Some(days))
            {
                return Work::Expire(days);
            }
            if !state.closing
                && let Some(max_bytes) = self.size_limit.due(now)
            {
                return Work::Trim(max_bytes);
            }
            if !state.closing && self.rejected.retry_at().is_some_and(|at| at <= now) {
                return Work::RetryRejected;
            }
            if state.outstanding() > 0 {
                self.gather(&mut state);
                return Work::Write;
            }
            if state.closing {
                return Work::End;
            }
            if self.check_at <= now {
                return Work::Check;
            }
            state.waiting = Waiting::Idle;
            let others = [
                self.shared.retention_days().map(|_| self.expire_at),
                self.size_limit.check_at(),
                self.rejected.retry_at(),
            ];
            let next = others
                .into_iter()
                .flatten()
                .fold(self.check_at, Instant::min);
            self.shared.work.wait_until(&mut state, next);
            state.waiting = Waiting::No;
        }
    }

    /// Waits briefly for more records, so that a quiet server does not commit them one by one.
    fn gather(&self, state: &mut parking_lot::MutexGuard<'_, State>) {
        let until = Instant::now() + GATHER_TIME;
        while !state.is_urgent() {
            state.waiting = Waiting::Gathering;
            let timed_out = self.shared.work.wait_until(state, until).timed_out();
            state.waiting = Waiting::No;
            if timed_out {
                break;
            }
        }
    }

    /// Writes the oldest records, retrying as often as necessary; false when closing ended it.
    fn write_next(&mut self) -> bool {
        let mut pause = FIRST_RETRY;
        let mut pending: Option<Chunk> = None;
        loop {
            let chunk = match pending.take() {
                Some(chunk) => Ok(Some(chunk)),
                None => self.shared.next_chunk(),
            };
            let failure = match chunk {
                Ok(None) => return true,
                Ok(Some(chunk)) => match self.write(&chunk) {
                    Ok(()) => {
                        self.size_limit.wrote(Instant::now());
                        self.rejected.keep_within_limit();
                        self.wrote(chunk);
                        return true;
                    }
                    Err(error) => {
                        // Those in the spool are read again, with those recorded since.
                        pending = Some(chunk).filter(Chunk::is_unspooled);
                        error
                    }
                },
                Err(error) => format!("the spool cannot be read: {error}"),
            };
            if !self.wait_to_retry(&failure, pause) {
                pending.iter().for_each(|chunk| self.shared.put_back(chunk));
                return false;
            }
            pause = (pause * 2).min(MAX_RETRY);
        }
    }

    /// Writes a chunk to the store, and sets aside what the store rejects.
    fn write(&mut self, chunk: &Chunk) -> Result<(), String> {
        let lines = Lines::of(chunk);
        let not_lines = lines.others;
        let lines = lines.get();
        // What was there at the start was logged then.
        let bytes = if chunk.is_leftover { 0 } else { chunk.damage };
        if bytes > 0 || not_lines > 0 {
            tracing::warn!(
                bytes,
                records = not_lines,
                "passed over damage in the audit's spool"
            );
        }
        if lines.is_empty() {
            return Ok(());
        }
        if let Some(oldest) = lines.first() {
            metrics::storing(time_of_text(oldest.id_text()));
        }
        let begun = Instant::now();
        let written = self.store.write(&lines);
        stores::done(stores::Work::WriteAudit, begun, written.is_err());
        let rejected = written.map_err(|error| error.to_string())?;
        self.shared.trail.stored(&lines);
        if rejected.positions.is_empty() {
            return Ok(());
        }
        self.rejected.set_aside(&lines, &rejected)
    }

    fn wrote(&self, chunk: Chunk) {
        let mut state = self.shared.state.lock();
        let recovered = std::mem::take(&mut state.failing);
        state.has_rejected = self.rejected.retry_at().is_some();
        let lost = state.lost_to_log(Instant::now());
        drop(state);
        // Last: a caller that waits for the records then sees the state that belongs to them.
        self.shared.settle(chunk);
        metrics::stored();
        log_lost(lost);
        if recovered {
            tracing::info!("audit records are being written again");
        }
    }

    /// Notes while there is nothing to write whether it could be written.
    fn check(&mut self) {
        self.check_at = Instant::now() + CHECK_INTERVAL;
        self.shared.check_spool();
        self.rejected.check();
        let checked = self.store.check();
        let mut state = self.shared.state.lock();
        match checked {
            Err(error) => note_failing(&mut state, &error.to_string()),
            Ok(()) if std::mem::take(&mut state.failing) => {
                drop(state);
                tracing::info!("audit records are being written again");
            }
            Ok(()) => {}
        }
    }

    /// Notes the failure and waits `pause`, or until it is woken; false to give up.
    fn wait_to_retry(&self, error: &str, pause: Duration) -> bool {
        // Records may have to wait for a long time now, and the power may fail meanwhile.
        self.shared.check_spool();
        self.shared.sync_spool();
        let mut state = self.shared.state.lock();
        note_failing(&mut state, error);
        let now = Instant::now();
        if state.give_up_at.is_some_and(|at| at <= now) {
            return false;
        }
        let until = state
            .give_up_at
            .map_or(now + pause, |at| at.min(now + pause));
        self.shared.work.wait_until(&mut state, until);
        true
    }

    /// Offers the rejected records to the store again. What it still rejects is appended behind
    /// the others.
    fn retry_rejected(&mut self) {
        let mut left = self.rejected.begin_retry();
        while left > 0
            && let Some(unread) = self.rejected.unread()
        {
            let offered = unread
                .read(MAX_RECORDS_PER_WRITE)
                .map_err(|error| error.to_string());
            let offered = offered.and_then(|chunk| self.write(&chunk).map(|()| chunk));
            match offered {
                Ok(chunk) => {
                    self.rejected.settle(&chunk);
                    left = left.saturating_sub(chunk.bytes_read());
                }
                Err(error) => {
                    tracing::warn!(error, "refused audit records cannot be offered again now");
                    self.rejected.retry_later();
                    break;
                }
            }
        }
        self.shared.state.lock().has_rejected = self.rejected.retry_at().is_some();
    }
}

/// Notes that the store does not take records, which is logged once.
fn note_failing(state: &mut State, error: &str) {
    if !std::mem::replace(&mut state.failing, true) {
        tracing::error!(
            error,
            "audit records cannot be written; keeping them and retrying"
        );
    }
}

/// Marks the writer as ended when it is dropped.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.finish();
    }
}
