//! What is in effect, in the log at the start: what was set, and of the rest what operators look for when something
//! does not work. Secrets are redacted as everywhere.

use crate::config::{Config, Entry};

/// Settings that are listed though nobody has set them.
const ALWAYS: [&str; 7] = [
    "dialects",
    "transports",
    "allowed_origins",
    "trusted_proxies",
    "jwt_algorithms",
    "data_dir",
    "rate_limits",
];

/// Logs it.
pub(super) fn log(config: &Config) {
    let defaults = Config::default().entries();
    let entries = config.entries();
    let (set, default): (Vec<_>, Vec<_>) = entries
        .iter()
        .zip(&defaults)
        .partition(|(entry, default)| entry.toml != default.toml);
    let default = default
        .into_iter()
        .filter(|(entry, _)| ALWAYS.contains(&entry.name));
    tracing::info!(settings = list(set), "in effect, as set");
    tracing::info!(settings = list(default), "in effect by default");
}

fn list<'a>(entries: impl IntoIterator<Item = (&'a Entry, &'a Entry)>) -> String {
    let entries = entries.into_iter();
    let entries = entries.map(|(entry, _)| format!("{} = {}", entry.name, entry.toml));
    entries.collect::<Vec<_>>().join(", ")
}
