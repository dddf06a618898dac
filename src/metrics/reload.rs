//! How the last reload of the settings went. What is loaded at the start counts as one that was successful.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::families::Families;

static IS_SUCCESSFUL: AtomicBool = AtomicBool::new(true);
/// When the settings in effect were loaded, in seconds since 1970.
static LOADED_AT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(now()));

/// The settings were loaded, at the start or later.
pub(crate) fn loaded() {
    IS_SUCCESSFUL.store(true, Ordering::Relaxed);
    LOADED_AT.store(now(), Ordering::Relaxed);
}

/// A reload has failed: the settings are as they were.
pub(crate) fn failed() {
    IS_SUCCESSFUL.store(false, Ordering::Relaxed);
}

/// Adds what is known here.
pub(super) fn describe(families: &mut Families) {
    let help = "Whether the last reload of the settings was successful";
    let is_successful = IS_SUCCESSFUL.load(Ordering::Relaxed);
    families
        .gauge("relay_config_reload_successful", help)
        .set([], f64::from(u8::from(is_successful)));
    let help = "When the settings in effect were loaded";
    families
        .gauge("relay_config_reload_timestamp_seconds", help)
        .set([], LOADED_AT.load(Ordering::Relaxed) as f64);
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
