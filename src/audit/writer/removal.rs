//! What the writer thread deletes: records that are too old, and some when there are too many.
//!
//! Owns how much at a time, and what the log says. When, is the writer's next work.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::Writer;
use crate::audit::store::Store;
use crate::model::clock;

/// Old records deleted in one transaction.
const EXPIRE_SLICE: u32 = 8_192;
/// How often old records are looked for.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(3_600);
const EXPIRE_RETRY: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 86_400_000;

impl<S: Store> Writer<S> {
    /// Deletes one slice of old records and schedules the next one.
    pub(super) fn expire(&mut self, days: NonZeroU32) {
        let started = Instant::now();
        let before_ms = now_ms() - i64::from(days.get()) * DAY_MS;
        let pause = match self.store.expire(before_ms, EXPIRE_SLICE) {
            // More is left. Two thirds of the thread's time stay for new records.
            Ok(deleted) if deleted >= EXPIRE_SLICE as usize => started.elapsed() * 2,
            Ok(_) => EXPIRE_INTERVAL,
            Err(error) => {
                tracing::warn!(%error, "old audit records could not be deleted; trying again later");
                EXPIRE_RETRY
            }
        };
        self.expire_at = Instant::now() + pause;
        self.expired_by = Some(days);
    }

    /// Deletes some records if there are too many, and schedules the next time.
    pub(super) fn trim(&mut self, max_bytes: u64) {
        let started = Instant::now();
        match self.store.trim(max_bytes) {
            Ok(trimmed) => {
                if self.size_limit.trimmed(trimmed, started.elapsed()) {
                    self.shared.state.lock().trimmed_at = Some(Instant::now());
                    self.log_trimmed(false);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the size of the audit could not be limited; trying again later");
                self.size_limit.failed();
            }
        }
    }

    pub(super) fn log_trimmed(&mut self, finally: bool) {
        if let Some((records, up_to_ms)) = self.size_limit.take_report(Instant::now(), finally) {
            let up_to = clock::iso_ms(up_to_ms.max(0) as u64);
            tracing::warn!(
                records,
                up_to,
                "the audit is at its size limit; records were removed"
            );
        }
    }
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}
