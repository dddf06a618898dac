//! What a store of the audit does, and what can be set about keeping records.
//!
//! Owns the interface between the writer thread and a store. It must not know any store.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
};

use mongodb::bson::RawDocument;

use super::read::Reader;
use crate::config::SpoolFull;

/// Where records are kept. Called by the writer thread only, except before it starts.
pub trait Store: Send + 'static {
    /// Why it failed. The text is logged, so it must not hold anything of a record.
    type Error: std::fmt::Display;

    /// What `/ready` says while it fails.
    const FAILING: &'static str;

    /// Keeps the records, which are documents with the contract's fields. Those that were kept
    /// before are skipped. Returns those it refuses although it takes others.
    ///
    /// # Errors
    /// When perhaps none were kept; they are written again until they are.
    fn write(&mut self, records: &[&RawDocument]) -> Result<Refused, Self::Error>;

    /// Deletes at most `limit` records created before `before_ms` (since 1970), oldest first, and
    /// says how many.
    ///
    /// # Errors
    /// When nothing was deleted; it is tried again later.
    fn expire(&mut self, before_ms: i64, limit: u32) -> Result<usize, Self::Error>;

    /// What reads the records beside the writer thread. Asked for once, before that starts.
    fn reader(&self) -> Arc<dyn Reader>;
}

/// Records that a store refuses for themselves.
#[derive(Debug, Default)]
pub struct Refused {
    /// Which of those that were written.
    pub positions: Vec<usize>,
    /// What the store calls the reason of the first.
    pub code: Option<i32>,
}

impl Refused {
    /// One more.
    pub(super) fn add(&mut self, position: usize, code: i32) {
        self.positions.push(position);
        self.code.get_or_insert(code);
    }
}

/// What can be set about the audit.
#[derive(Clone, Copy, Debug)]
pub struct AuditOptions {
    /// Most records held in memory while the spool cannot be written. Default 65 536, about 25 MB.
    pub capacity: NonZeroUsize,
    /// Days a record is kept; `None` keeps all. Default 90.
    pub retention_days: Option<NonZeroU32>,
    /// Bytes the spool may have. Default 1 GiB, some 2.5 million records.
    pub spool_limit: u64,
    /// What happens when it has them.
    pub spool_full: SpoolFull,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self {
            capacity: NonZeroUsize::MIN.saturating_add(65_535),
            retention_days: Some(NonZeroU32::MIN.saturating_add(89)),
            spool_limit: 1024 * 1024 * 1024,
            spool_full: SpoolFull::DropOldest,
        }
    }
}
