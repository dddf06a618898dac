//! The largest audit that is stored.
//!
//! Owns the default, how much is removed at a time, when the writer looks at the size, and what the
//! log says of it. Which records go first is in `event_type`.

use std::{
    num::NonZeroU64,
    path::Path,
    time::{Duration, Instant},
};

use super::store::Trimmed;

/// The default where there is enough disk, and of databases whose disk is not known.
const DEFAULT_MAX: u64 = 10 * 1024 * 1024 * 1024;
/// This part of a disk may be the audit's by default.
const DISK_SHARE: u64 = 5;

/// How often the size is looked at while records come.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_secs(60);
/// How often the log, and for how long `/ready`, says that records were removed.
pub(super) const REPORT_INTERVAL: Duration = Duration::from_secs(3_600);

/// What a record takes, about. Only how much is removed at a time goes by it.
const RECORD_BYTES: u64 = 512;
/// The most records removed at a time: more than are written at a time, so that the size falls however
/// many come.
const MAX_SLICE: u64 = 8_192;

/// The largest size by default: of an audit in this folder, or elsewhere.
pub(crate) fn default_max_bytes(folder: Option<&Path>) -> NonZeroU64 {
    // The folder may not be there yet.
    let disk = folder.and_then(|folder| folder.ancestors().find_map(disk_bytes));
    let share = disk.map_or(DEFAULT_MAX, |bytes| (bytes / DISK_SHARE).min(DEFAULT_MAX));
    NonZeroU64::new(share).unwrap_or(NonZeroU64::MIN)
}

fn disk_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_blocks.saturating_mul(disk.f_frsize))
}

/// How many records to remove of an audit of this size. `None`: it is not too large.
pub(super) fn slice(bytes: u64, max: u64) -> Option<u32> {
    let excess = bytes.checked_sub(max).filter(|excess| *excess > 0)?;
    // A little more, so that the size is not at its limit again at once.
    let surplus = excess.saturating_add(max / 64);
    u32::try_from((surplus / RECORD_BYTES).clamp(1, MAX_SLICE)).ok()
}

/// When the writer looks at the size, and what it has removed.
pub(super) struct SizeLimit {
    max: Option<NonZeroU64>,
    check_at: Option<Instant>,
    is_over: bool,
    /// Removed since the last line in the log.
    unlogged: u64,
    up_to_ms: i64,
    logged_at: Option<Instant>,
}

impl SizeLimit {
    /// Looked at first when the audit starts.
    pub(super) fn new(max: Option<NonZeroU64>) -> Self {
        Self {
            max,
            check_at: max.and(Some(Instant::now())),
            is_over: false,
            unlogged: 0,
            up_to_ms: 0,
            logged_at: None,
        }
    }

    /// When to look at the size, if at all.
    pub(super) fn check_at(&self) -> Option<Instant> {
        self.check_at
    }

    /// The limit, when it is time to look at the size.
    pub(super) fn due(&self, now: Instant) -> Option<u64> {
        let max = self.max?;
        self.check_at
            .is_some_and(|at| at <= now)
            .then_some(max.get())
    }

    /// Records were written. While there are too many, some are removed before the next are written.
    pub(super) fn wrote(&mut self, now: Instant) {
        if self.max.is_some() {
            match self.is_over {
                true => self.check_at = Some(now),
                false => drop(self.check_at.get_or_insert(now + CHECK_INTERVAL)),
            }
        }
    }

    /// What was removed, within `took`. Returns whether anything was.
    pub(super) fn trimmed(&mut self, trimmed: Option<Trimmed>, took: Duration) -> bool {
        let trimmed = trimmed.filter(|trimmed| trimmed.records > 0);
        self.is_over = trimmed.is_some();
        // Two thirds of the thread's time stay for new records.
        self.check_at = trimmed.map(|_| Instant::now() + took * 2);
        if let Some(Trimmed { records, up_to_ms }) = trimmed {
            self.unlogged += records as u64;
            self.up_to_ms = self.up_to_ms.max(up_to_ms);
        }
        self.is_over
    }

    /// The size is not known, or nothing could be removed.
    pub(super) fn failed(&mut self) {
        // What is written meanwhile does not make it be tried again sooner.
        self.is_over = false;
        self.check_at = Some(Instant::now() + RETRY);
    }

    /// Takes what is to be logged now: how many records were removed, and until when they were. `finally`: nothing is
    /// logged later.
    pub(super) fn take_report(&mut self, now: Instant, finally: bool) -> Option<(u64, i64)> {
        let logged_lately = self
            .logged_at
            .is_some_and(|at| now.duration_since(at) < REPORT_INTERVAL);
        if self.unlogged == 0 || (logged_lately && !finally) {
            return None;
        }
        self.logged_at = Some(now);
        Some((std::mem::take(&mut self.unlogged), self.up_to_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_a_part_of_the_disk_and_not_more_than_enough() {
        let folder = tempfile::tempdir().unwrap();
        let disk = disk_bytes(folder.path()).unwrap();
        let expected = (disk / DISK_SHARE).min(DEFAULT_MAX);
        let missing = folder.path().join("not/yet");
        assert_eq!(default_max_bytes(Some(&missing)).get(), expected);
        assert_eq!(default_max_bytes(None).get(), DEFAULT_MAX);
    }

    #[test]
    fn a_slice_is_what_is_too_much_within_bounds() {
        const MAX: u64 = 64 * 1024 * 1024;
        assert_eq!(slice(MAX, MAX), None);
        assert_eq!(slice(0, MAX), None);
        assert_eq!(slice(MAX + 1, MAX), Some(2_048));
        assert_eq!(slice(MAX + 1024 * RECORD_BYTES, MAX), Some(2_048 + 1_024));
        assert_eq!(slice(u64::MAX, MAX), Some(MAX_SLICE as u32));
        assert_eq!(slice(2, 1), Some(1));
    }

    #[test]
    fn what_is_removed_is_logged_once_an_hour_and_none_is_left_out() {
        let mut limit = SizeLimit::new(NonZeroU64::new(1));
        let now = Instant::now();
        let later = |minutes: u64| now + Duration::from_secs(60 * minutes);
        let remove = |limit: &mut SizeLimit, records, up_to_ms| {
            let trimmed = Trimmed { records, up_to_ms };
            assert!(limit.trimmed(Some(trimmed), Duration::ZERO));
        };
        assert_eq!(limit.take_report(now, false), None);
        remove(&mut limit, 5, 70);
        assert_eq!(limit.take_report(now, false), Some((5, 70)));
        remove(&mut limit, 6, 90);
        remove(&mut limit, 7, 80);
        assert_eq!(limit.take_report(later(59), false), None);
        assert_eq!(limit.take_report(later(60), false), Some((13, 90)));
        remove(&mut limit, 8, 95);
        assert_eq!(limit.take_report(later(61), true), Some((8, 95)));
        assert_eq!(limit.take_report(later(200), true), None);
    }

    #[test]
    fn the_size_is_looked_at_once_a_second_and_at_each_write_while_it_is_too_large() {
        let mut limit = SizeLimit::new(NonZeroU64::new(9));
        let now = Instant::now();
        assert_eq!(limit.due(now), Some(9), "at the start");
        assert!(!limit.trimmed(None, Duration::ZERO));
        assert_eq!(limit.check_at(), None, "nothing has come since");
        limit.wrote(now);
        limit.wrote(now + CHECK_INTERVAL / 2);
        assert_eq!(limit.check_at(), Some(now + CHECK_INTERVAL));
        let trimmed = Trimmed {
            records: 1,
            up_to_ms: 1,
        };
        limit.trimmed(Some(trimmed), Duration::from_secs(60));
        assert_eq!(limit.due(now), None);
        limit.wrote(now);
        assert_eq!(limit.due(now), Some(9));
        limit.failed();
        limit.wrote(now);
        assert!(limit.check_at() >= Some(now + RETRY));
        let none = SizeLimit::new(None);
        assert_eq!((none.check_at(), none.due(now)), (None, None));
    }
}
