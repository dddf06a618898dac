//! The thread that writes the audit: takes what waits to the store, retries, deletes what is old.
//!
//! Owns the store, and the spool of records that it refuses while it takes others: one such record
//! must not hold up all that come after it. They are offered again now and then.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mongodb::bson::RawDocument;

use super::shared::{RECORDS_PER_WRITE, Shared, State, Waiting, log_lost};
use super::spool::{Chunk, Spool, push_frame};
use super::store::Store;

/// How long a record may wait for others to be committed with it.
const GATHER: Duration = Duration::from_millis(50);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(2);
/// Old records deleted in one transaction, and how often to look for any.
const EXPIRE_SLICE: u32 = 2_000;
const EXPIRE_EVERY: Duration = Duration::from_secs(3_600);
const EXPIRE_RETRY: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 86_400_000;
/// How often records that were refused are offered again.
const OFFER_AGAIN_EVERY: Duration = Duration::from_secs(60);

pub(super) struct Writer<S> {
    shared: Arc<Shared>,
    store: S,
    refused: Spool,
    offer_again_at: Option<Instant>,
    retention_days: Option<NonZeroU32>,
    expire_at: Option<Instant>,
}

enum Work {
    Write,
    OfferAgain,
    Expire(NonZeroU32),
    End,
}

impl<S: Store> Writer<S> {
    pub(super) fn new(
        shared: Arc<Shared>,
        store: S,
        refused: Spool,
        retention_days: Option<NonZeroU32>,
    ) -> Self {
        let now = Some(Instant::now());
        Self {
            shared,
            store,
            offer_again_at: refused.unread().and(now),
            refused,
            retention_days,
            expire_at: retention_days.and(now),
        }
    }

    pub(super) fn run(self) {
        // Also runs when the store panics: nobody may wait for a thread that is gone. It is said
        // when the store is closed, which is why this is dropped after the writer.
        let _ended = Ended(Arc::clone(&self.shared));
        let mut writer = self;
        loop {
            let goes_on = match writer.next_work() {
                Work::Write => writer.write_next(),
                Work::OfferAgain => {
                    writer.offer_again();
                    true
                }
                Work::Expire(days) => {
                    writer.expire(days);
                    true
                }
                Work::End => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    fn next_work(&self) -> Work {
        let mut state = self.shared.state.lock();
        loop {
            let now = Instant::now();
            if !state.closing
                && let Some(days) = self.retention_days
                && self.expire_at.is_some_and(|at| at <= now)
            {
                return Work::Expire(days);
            }
            if !state.closing && self.offer_again_at.is_some_and(|at| at <= now) {
                return Work::OfferAgain;
            }
            if state.outstanding() > 0 {
                self.gather(&mut state);
                return Work::Write;
            }
            if state.closing {
                return Work::End;
            }
            state.waiting = Waiting::Idle;
            match [self.expire_at, self.offer_again_at]
                .into_iter()
                .flatten()
                .min()
            {
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

    /// Writes the oldest records, however often it takes; false when closing put an end to it.
    fn write_next(&mut self) -> bool {
        let mut pause = FIRST_RETRY;
        let mut kept: Option<Chunk> = None;
        loop {
            let chunk = match kept.take() {
                Some(chunk) => Ok(Some(chunk)),
                None => self.shared.next_chunk(),
            };
            let failure = match chunk {
                Ok(None) => return true,
                Ok(Some(chunk)) => match self.write(&chunk) {
                    Ok(()) => {
                        self.wrote(&chunk);
                        return true;
                    }
                    Err(error) => {
                        // Those in the spool are read again, with those that came meanwhile.
                        kept = Some(chunk).filter(Chunk::is_of_memory);
                        error
                    }
                },
                Err(error) => format!("the spool cannot be read: {error}"),
            };
            if !self.wait_to_retry(&failure, pause) {
                kept.iter().for_each(|chunk| self.shared.put_back(chunk));
                return false;
            }
            pause = (pause * 2).min(LAST_RETRY);
        }
    }

    /// Writes a chunk to the store, and sets aside what it refuses.
    fn write(&mut self, chunk: &Chunk) -> Result<(), String> {
        let (documents, not_documents) = documents(chunk);
        if chunk.damage > 0 || not_documents > 0 {
            let bytes = chunk.damage;
            tracing::warn!(
                bytes,
                records = not_documents,
                "passed over damage in the audit's spool"
            );
        }
        if documents.is_empty() {
            return Ok(());
        }
        let refused = self
            .store
            .write(&documents)
            .map_err(|error| error.to_string())?;
        if refused.positions.is_empty() {
            return Ok(());
        }
        let mut frames = Vec::new();
        let positions = refused.positions.iter();
        positions
            .filter_map(|&position| documents.get(position))
            .for_each(|document| push_frame(&mut frames, document.as_bytes()));
        let records = refused.positions.len();
        let set_aside = self.refused.append(&frames, records as u64);
        set_aside.map_err(|error| format!("what it refuses cannot be set aside: {error}"))?;
        self.offer_again_at = Some(Instant::now() + OFFER_AGAIN_EVERY);
        let code = refused.code;
        tracing::error!(
            records,
            code,
            "the store refuses audit records; they are set aside"
        );
        Ok(())
    }

    fn wrote(&self, chunk: &Chunk) {
        let mut state = self.shared.state.lock();
        let recovered = std::mem::take(&mut state.failing);
        state.refused = self.offer_again_at.is_some();
        let lost = state.lost_to_log(Instant::now());
        drop(state);
        // Last: whoever waits for the records then finds the rest as it is.
        self.shared.settle(chunk);
        log_lost(lost);
        if recovered {
            tracing::info!("audit records are being written again");
        }
    }

    /// Notes the failure and waits `pause`, less when told to flush or close; false to give up.
    fn wait_to_retry(&self, error: &str, pause: Duration) -> bool {
        // Records may have to wait for long now: also for longer than the power lasts.
        self.shared.sync_spool();
        let mut state = self.shared.state.lock();
        if !std::mem::replace(&mut state.failing, true) {
            tracing::error!(
                error,
                "audit records cannot be written; keeping them and retrying"
            );
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

    /// Offers the store once more what it refused. What it still refuses comes behind the others.
    fn offer_again(&mut self) {
        self.offer_again_at = None;
        let mut left = self.refused.len();
        while left > 0
            && let Some(unread) = self.refused.unread()
        {
            let offered = unread
                .read(RECORDS_PER_WRITE)
                .map_err(|error| error.to_string());
            let offered = offered.and_then(|chunk| self.write(&chunk).map(|()| chunk));
            match offered {
                Ok(chunk) => {
                    self.refused.settle(&chunk);
                    left = left.saturating_sub(chunk.bytes_read());
                }
                Err(error) => {
                    tracing::warn!(error, "refused audit records cannot be offered again now");
                    self.offer_again_at = Some(Instant::now() + OFFER_AGAIN_EVERY);
                    break;
                }
            }
        }
        self.shared.state.lock().refused = self.offer_again_at.is_some();
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
        self.0.leave();
    }
}

/// The records of a chunk, and how many of them are none.
fn documents(chunk: &Chunk) -> (Vec<&RawDocument>, usize) {
    let documents: Vec<_> = chunk
        .records()
        .filter_map(|record| RawDocument::from_bytes(record).ok())
        .collect();
    let others = chunk.len() - documents.len();
    (documents, others)
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
