//! The interface between the writer thread and a store of the audit, and the options of the audit.
//!
//! It must not know any store.

use std::{
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    sync::Arc,
};

use super::line::Line;
use super::read::Reader;
use super::repeats::RepeatLimits;
use crate::config::SpoolFull;

/// A store of records. Used by the writer thread only, except before that starts.
pub(crate) trait Store: Send + 'static {
    /// Why it failed. The text is logged, so it must not contain anything of a record.
    type Error: std::fmt::Display;

    /// The reason in `/ready` while it fails.
    const FAILING: &'static str;

    /// Stores records. Those stored before are skipped. Returns those that it rejects although it takes others.
    ///
    /// # Errors
    /// When possibly none were stored; they are written again until they are.
    fn write(&mut self, lines: &[Line<'_>]) -> Result<Rejected, Self::Error>;

    /// Deletes at most `limit` records created before `before_ms` (milliseconds since 1970), oldest
    /// first. Returns how many.
    ///
    /// # Errors
    /// When nothing was deleted; it is retried later.
    fn expire(&mut self, before_ms: i64, limit: u32) -> Result<usize, Self::Error>;

    /// Whether it would take records, asked from time to time while there are none.
    ///
    /// # Errors
    /// Why not.
    fn check(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Deletes some records ([`slice`](super::size_limit::slice)) when all together take more than
    /// `max_bytes`: in the order of [`Removal`](super::event_type::Removal), and the oldest first. `None`:
    /// they do not. Several servers may do it to one database at a time.
    ///
    /// # Errors
    /// When nothing was deleted; it is retried later.
    fn trim(&mut self, max_bytes: u64) -> Result<Option<Trimmed>, Self::Error>;

    /// A reader for use beside the writer thread. Called once, before that starts.
    fn reader(&self) -> Arc<dyn Reader>;
}

/// Records that were deleted because there were too many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trimmed {
    /// How many.
    pub(crate) records: usize,
    /// When the latest of them was created, in milliseconds since 1970.
    pub(crate) up_to_ms: i64,
}

/// Records that a store rejects because of their content.
#[derive(Debug, Default)]
pub(crate) struct Rejected {
    /// Their positions among the records written.
    pub(crate) positions: Vec<usize>,
    /// The store's code for the first.
    pub(crate) code: Option<i32>,
}

impl Rejected {
    /// Adds one.
    pub(super) fn add(&mut self, position: usize, code: i32) {
        self.positions.push(position);
        self.code.get_or_insert(code);
    }
}

/// The options of the audit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditOptions {
    /// The most records in memory while the spool cannot be written.
    pub(crate) capacity: NonZeroUsize,
    /// Days until a record is deleted; `None` deletes none.
    pub(crate) retention_days: Option<NonZeroU32>,
    /// The largest size of what is stored, in bytes; `None` is any.
    pub(crate) max_bytes: Option<NonZeroU64>,
    /// The largest size of the spool in bytes.
    pub(crate) spool_limit: u64,
    /// The policy at that size.
    pub(crate) spool_full: SpoolFull,
    /// How many records one actor may have in a minute.
    pub(crate) repeats: RepeatLimits,
}

#[cfg(test)]
impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            capacity: NonZeroUsize::MIN.saturating_add(65_535),
            retention_days: Some(NonZeroU32::MIN.saturating_add(89)),
            max_bytes: None,
            spool_limit: 1024 * 1024 * 1024,
            spool_full: SpoolFull::DropOldest,
            repeats: RepeatLimits {
                refusals_per_ip: u32::MAX,
                events_per_ip: u32::MAX,
                refusals_per_user: u32::MAX,
                events_per_user: u32::MAX,
                file_parts_per_user: u32::MAX,
            },
        }
    }
}
