//! The log: to standard error, as text for people or as JSON. Libraries are quieter than the
//! relay, because what they log is not known to be free of content.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, LogFormat};

/// Starts the log of this process. A second call changes nothing.
pub fn init(config: &Config) {
    let level = config.log_level_in_effect();
    let filter = EnvFilter::new(format!("warn,sealed_relay={level}"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // Only a log that was started before can be in the way.
    let _ = match config.log_format {
        LogFormat::Text => log.finish().try_init(),
        LogFormat::Json => log.json().flatten_event(true).finish().try_init(),
    };
    std::panic::set_hook(Box::new(note_panic));
}

/// Says where a panic was, and not why: the text of a panic may quote what was being handled.
fn note_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let slot = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    tracing::error!(slot, "panicked");
}
