//! Records that the store rejects while it takes others: one such record must not hold up all that
//! follow.
//!
//! Owns the spool in which they are set aside, and when they are offered to the store again.

use std::time::{Duration, Instant};

use super::line::Line;
use super::payload::is_removed_last;
use super::spool::{Chunk, Spool, Unread, push_frame};
use super::store::Rejected;

/// How often rejected records are offered again.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// The records set aside.
pub(super) struct RejectedRecords {
    spool: Spool,
    /// `None`: there are none.
    retry_at: Option<Instant>,
}

impl RejectedRecords {
    /// Those that an earlier process left in `spool` are offered at once.
    pub(super) fn new(spool: Spool) -> Self {
        Self {
            retry_at: spool.unread().and(Some(Instant::now())),
            spool,
        }
    }

    /// When to offer them again, if there are any.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Sets aside what the store rejected of `lines`.
    ///
    /// # Errors
    /// When the spool cannot be written; then all must be written again.
    pub(super) fn set_aside(
        &mut self,
        lines: &[Line<'_>],
        rejected: &Rejected,
    ) -> Result<(), String> {
        let mut frames = Vec::new();
        let positions = rejected.positions.iter();
        positions
            .filter_map(|&position| lines.get(position))
            .for_each(|line| push_frame(&mut frames, line.bytes()));
        let records = rejected.positions.len();
        let appended = self.spool.append(&frames, records as u64);
        appended.map_err(|error| format!("what it refuses cannot be set aside: {error}"))?;
        self.retry_later();
        let code = rejected.code;
        tracing::error!(
            records,
            code,
            "the store refuses audit records; they are set aside"
        );
        Ok(())
    }

    /// Drops the oldest of them while they take more than a spool may; not while they are offered again, when
    /// they are there twice.
    pub(super) fn keep_within_limit(&mut self) {
        while self.spool.is_full(0) {
            match self.spool.drop_oldest(is_removed_last) {
                Ok(Some(records)) => {
                    tracing::error!(records, "audit records that the store refuses are lost");
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "a file of refused audit records could not be removed");
                    return;
                }
            }
        }
    }

    /// Begins to offer them again. Returns the bytes to offer: what is rejected again is appended
    /// behind them.
    pub(super) fn begin_retry(&mut self) -> u64 {
        self.retry_at = None;
        self.spool.len()
    }

    /// Waits before they are offered again.
    pub(super) fn retry_later(&mut self) {
        self.retry_at = Some(Instant::now() + RETRY_INTERVAL);
    }

    /// Has them set aside anew from now on if their files are gone.
    pub(super) fn check(&mut self) {
        self.spool.replace_lost();
    }

    /// The oldest of them.
    pub(super) fn unread(&self) -> Option<Unread> {
        self.spool.unread()
    }

    /// Removes a chunk that the store has taken, or rejected again.
    pub(super) fn settle(&mut self, chunk: &Chunk) {
        self.spool.settle(chunk);
    }
}
