//! The thread that writes the audit: takes what waits, commits it, retries, deletes what is old.
//!
//! Owns the store. It must not drop a batch the store refused while there is time to retry.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    queue::{Shared, State, Store, Waiting, log_lost},
    record::Record,
};

/// Most records in one transaction.
pub(super) const ROWS_PER_COMMIT: usize = 4_096;
/// How long a record may wait for others to be committed with it.
const GATHER: Duration = Duration::from_millis(50);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);
/// Old records deleted in one transaction, and how often to look for any.
const EXPIRE_SLICE: u32 = 2_000;
const EXPIRE_EVERY: Duration = Duration::from_secs(3_600);
const EXPIRE_RETRY: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 86_400_000;

pub(super) struct Writer<S> {
    shared: Arc<Shared>,
    store: S,
    retention_days: Option<NonZeroU32>,
    expire_at: Option<Instant>,
}

enum Work {
    Write(Vec<Record>),
    Expire(NonZeroU32),
    End,
}

impl<S: Store> Writer<S> {
    pub(super) fn new(shared: Arc<Shared>, store: S, retention_days: Option<NonZeroU32>) -> Self {
        let expire_at = retention_days.map(|_| Instant::now());
        Self {
            shared,
            store,
            retention_days,
            expire_at,
        }
    }

    pub(super) fn run(self) {
        // Also runs when the store panics: nobody may wait for a thread that is gone. It is said
        // when the store is closed, which is why this is dropped after the writer.
        let _ended = Ended(Arc::clone(&self.shared));
        let mut writer = self;
        loop {
            let done = match writer.next_work() {
                Work::Write(batch) => writer.write(&batch),
                Work::Expire(days) => {
                    writer.expire(days);
                    true
                }
                Work::End => false,
            };
            if !done {
                return;
            }
        }
    }

    fn next_work(&self) -> Work {
        let mut state = self.shared.state.lock();
        loop {
            if !state.closing
                && let (Some(at), Some(days)) = (self.expire_at, self.retention_days)
                && at <= Instant::now()
            {
                return Work::Expire(days);
            }
            if !state.batches.is_empty() {
                self.gather(&mut state);
                return state.batches.pop_front().map_or(Work::End, Work::Write);
            }
            if state.closing {
                return Work::End;
            }
            state.waiting = Waiting::Idle;
            match self.expire_at {
                Some(at) => drop(self.shared.work.wait_until(&mut state, at)),
                None => self.shared.work.wait(&mut state),
            }
            state.waiting = Waiting::No;
        }
    }

    /// Waits a moment for more records, so that a quiet server does not commit one by one.
    fn gather(&self, state: &mut parking_lot::MutexGuard<'_, State>) {
        let until = Instant::now() + GATHER;
        while !state.urgent() {
            state.waiting = Waiting::Gathering;
            let timed_out = self.shared.work.wait_until(state, until).timed_out();
            state.waiting = Waiting::No;
            if timed_out {
                break;
            }
        }
    }

    /// Commits `batch`, however often it takes; false when closing put an end to it.
    fn write(&mut self, batch: &[Record]) -> bool {
        let mut pause = FIRST_RETRY;
        while let Err(error) = self.store.write(batch) {
            if !self.wait_to_retry(&error, pause) {
                return false;
            }
            pause = (pause * 2).min(LAST_RETRY);
        }
        let mut state = self.shared.state.lock();
        state.committed += batch.len() as u64;
        let recovered = std::mem::take(&mut state.failing);
        let lost = state.lost_to_log(Instant::now());
        self.shared.done.notify_all();
        drop(state);
        log_lost(lost);
        if recovered {
            tracing::info!("audit records are being written again");
        }
        true
    }

    /// Notes the failure and waits `pause`, less when told to flush or close; false to give up.
    fn wait_to_retry(&self, error: &S::Error, pause: Duration) -> bool {
        let mut state = self.shared.state.lock();
        if !std::mem::replace(&mut state.failing, true) {
            tracing::error!(%error, "audit records cannot be written; keeping them and retrying");
        }
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

    /// Deletes one slice of old records and decides when to look again.
    fn expire(&mut self, days: NonZeroU32) {
        let started = Instant::now();
        let before_ms = now_ms() - i64::from(days.get()) * DAY_MS;
        let pause = match self.store.expire(before_ms, EXPIRE_SLICE) {
            // More is left. Two thirds of the thread's time stay for new records.
            Ok(deleted) if deleted >= EXPIRE_SLICE as usize => started.elapsed() * 2,
            Ok(_) => EXPIRE_EVERY,
            Err(error) => {
                tracing::warn!(%error, "old audit records could not be deleted; trying again later");
                EXPIRE_RETRY
            }
        };
        self.expire_at = Some(Instant::now() + pause);
    }
}

/// Marks the writer as ended, and what it leaves behind as lost.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.stopped = true;
        state.closing = true;
        state.batches.clear();
        let left = state.outstanding();
        // The second since the last line does not matter here: there is no later one.
        let lost = state.lose_for_good(left);
        self.0.done.notify_all();
        drop(state);
        log_lost(lost);
    }
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
