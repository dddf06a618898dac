//! The log, on standard error, as text or as JSON.
//!
//! Libraries log warnings and errors only, because their log texts may contain content.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, LogFormat};

/// Starts the log of this process, on standard error. A second call has no effect.
pub fn init_logging(config: &Config) {
    let level = config.log_level_in_effect();
    let filter = EnvFilter::new(format!("warn,sealed_relay={level}"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // It fails only when a log was started before.
    let _ = match config.log_format {
        LogFormat::Text => log.finish().try_init(),
        LogFormat::Json => log.json().flatten_event(true).finish().try_init(),
    };
    std::panic::set_hook(Box::new(log_panic));
}

/// Logs where a panic was, and not its message, which may quote content.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let location = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    tracing::error!(location, "panicked");
}
