//! What is counted of the audit: records by their type, those that wait, and those that were lost.
//!
//! Owns numbers only, which are read without a lock of the records.

use std::sync::atomic::{AtomicU64, Ordering};

use super::event_type::EventType;
use crate::metrics::{Counter, Counters, Families, Gauge};

static RECORDS: Counters<{ EventType::ALL.len() }> = Counters::new();
static LOST: Counter = Counter::new();

/// A record of this type is to be stored.
pub(super) fn recorded(event_type: EventType) {
    RECORDS.at(event_type as usize).inc();
}

/// Records are lost.
pub(super) fn lost(count: u64) {
    LOST.add(count);
}

/// Records that are not stored yet.
static WAITING: Gauge = Gauge::new();
/// Bytes of the files of the spool.
static SPOOL_BYTES: AtomicU64 = AtomicU64::new(0);
/// When the oldest of the records that are being stored was recorded, in milliseconds since the epoch; 0: none is.
static OLDEST: AtomicU64 = AtomicU64::new(0);

/// So many more records wait, or less.
pub(super) fn waiting(count: i64) {
    WAITING.add(count);
}

/// The spool has this size.
pub(super) fn spool_has(bytes: u64) {
    SPOOL_BYTES.store(bytes, Ordering::Relaxed);
}

/// Records are being stored, of which the oldest is of this time, in milliseconds since the epoch.
pub(super) fn storing(oldest: i64) {
    OLDEST.store(u64::try_from(oldest).unwrap_or(0), Ordering::Relaxed);
}

/// They are stored.
pub(super) fn stored() {
    OLDEST.store(0, Ordering::Relaxed);
}

/// Adds what is counted, at this time in milliseconds since the epoch.
pub(crate) fn describe(families: &mut Families, now: u64) {
    let help = "Records of the audit, by their type";
    let family = families.counter("relay_audit_records_total", help);
    for (event, count) in EventType::ALL.iter().zip(RECORDS.values()) {
        family.count([("event", event.as_str().into())], count);
    }
    let help = "Size of the audit's spool";
    let bytes = SPOOL_BYTES.load(Ordering::Relaxed);
    families
        .gauge("relay_audit_spool_bytes", help)
        .set([], bytes as f64);
    let help = "Records that are not stored yet";
    let records = WAITING.get().max(0);
    families
        .gauge("relay_audit_spool_records", help)
        .set([], records as f64);
    let help = "Age of the oldest record that is not stored";
    let lag = match OLDEST.load(Ordering::Relaxed) {
        0 => 0,
        oldest => now.saturating_sub(oldest),
    };
    families
        .gauge("relay_audit_lag_seconds", help)
        .set([], lag as f64 / 1_000.0);
    let help = "Records that were lost";
    families
        .counter("relay_audit_lost_total", help)
        .count([], LOST.get());
}
