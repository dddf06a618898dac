//! What the handles and the writer thread know of the records in memory: the tail, the counts, and
//! what the writer waits for.
//!
//! Owns counting records and losses. It must not do I/O: it is locked by every record.

use std::{
    mem,
    time::{Duration, Instant},
};

use super::metrics;

/// The most records in one write to the store. Each costs hardly more than in a larger one, and those who serve clients
/// wait for this thread a fraction of a millisecond. Those of one kind are mostly enough for a batch that is not merged.
pub(super) const MAX_RECORDS_PER_WRITE: usize = 768;
/// The least time between two log lines about lost records.
const LOSS_LOG_INTERVAL: Duration = Duration::from_secs(1);

/// What the writer waits for, so that producers wake it once and not for every record.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Waiting {
    /// Nothing: it is writing, or was woken already.
    #[default]
    No,
    /// Any record.
    Idle,
    /// A full batch.
    Gathering,
}

/// Records that are not in the spool yet, and counts of all records.
#[derive(Default)]
pub(super) struct State {
    /// Frames that are not in the spool yet.
    pub(super) tail: Vec<u8>,
    /// How many records these frames are.
    pub(super) tail_records: u64,
    /// Records accepted, with those that an earlier process left in the spool.
    pub(super) accepted: u64,
    /// How many the latter are.
    leftover: u64,
    /// Records of these that are stored, set aside or lost.
    pub(super) settled: u64,
    pub(super) waiting: Waiting,
    /// The store did not take the last records.
    pub(super) failing: bool,
    /// The store rejects some records, which are set aside.
    pub(super) has_rejected: bool,
    pub(super) closing: bool,
    pub(super) stopped: bool,
    /// When a closing writer stops retrying.
    pub(super) give_up_at: Option<Instant>,
    /// When records were last removed because there were too many.
    pub(super) trimmed_at: Option<Instant>,
    /// Records lost since the start.
    pub(super) lost: u64,
    lost_unlogged: u64,
    pub(super) lost_at: Option<Instant>,
    lost_logged_at: Option<Instant>,
}

impl State {
    /// The state at the start, with `leftover` records in the spool.
    pub(super) fn new(leftover: u64) -> Self {
        metrics::waiting(leftover as i64);
        Self {
            accepted: leftover,
            leftover,
            ..Self::default()
        }
    }

    /// Whether those that were in the spool at the start are settled: the oldest are first.
    pub(super) fn has_settled_leftover(&self) -> bool {
        self.settled >= self.leftover
    }

    /// Records accepted and not settled, including those being written.
    pub(super) fn outstanding(&self) -> u64 {
        self.accepted - self.settled
    }

    /// Whether the waiting records should be written without gathering more.
    pub(super) fn is_urgent(&self) -> bool {
        self.closing || self.outstanding() >= MAX_RECORDS_PER_WRITE as u64
    }

    /// Appends the frame of a record; true when the writer has to be woken.
    pub(super) fn push(&mut self, frame: &[u8]) -> bool {
        self.tail.extend_from_slice(frame);
        self.tail_records += 1;
        self.accepted += 1;
        metrics::waiting(1);
        let wake = match self.waiting {
            Waiting::No => false,
            Waiting::Idle => true,
            Waiting::Gathering => self.is_urgent(),
        };
        if wake {
            self.waiting = Waiting::No;
        }
        wake
    }

    /// So many records are stored, set aside or lost.
    pub(super) fn settle(&mut self, records: u64) {
        self.settled += records;
        metrics::waiting(-(records as i64));
    }

    /// Counts lost records. Returns the number to log, when a log line is due.
    #[must_use]
    pub(super) fn lose(&mut self, count: u64, now: Instant) -> Option<u64> {
        metrics::lost(count);
        self.lost += count;
        self.lost_unlogged += count;
        self.lost_at = Some(now);
        self.lost_to_log(now)
    }

    /// Counts the last losses of this process. Returns the number to log now, if any.
    #[must_use]
    pub(super) fn lose_finally(&mut self, count: u64) -> Option<u64> {
        self.lost_logged_at = None;
        if count == 0 {
            self.lost_to_log(Instant::now())
        } else {
            self.lose(count, Instant::now())
        }
    }

    /// The losses that are not logged yet, when there are any and the last line is a second old.
    pub(super) fn lost_to_log(&mut self, now: Instant) -> Option<u64> {
        let logged_recently = self
            .lost_logged_at
            .is_some_and(|at| now.duration_since(at) < LOSS_LOG_INTERVAL);
        if logged_recently || self.lost_unlogged == 0 {
            return None;
        }
        self.lost_logged_at = Some(now);
        Some(mem::take(&mut self.lost_unlogged))
    }
}

/// Logs how many records were lost, if any.
pub(super) fn log_lost(count: Option<u64>) {
    if let Some(count) = count {
        tracing::error!(count, "audit records lost");
    }
}
