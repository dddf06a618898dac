//! The log, on standard error, as text or as JSON.
//!
//! Libraries log warnings and errors only, because their log texts may contain content. Neither the
//! log nor the panic hook may fail, panic or wait, whatever has become of standard error.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tracing::Dispatch;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, reload};

use super::log_writer::LogWriter;
use crate::access_log;
use crate::config::{AccessLogForm, Config, LogFormat};

/// The running log. What was logged before it is dropped is written then, unless that takes longer
/// than a second.
#[derive(Debug)]
#[must_use]
pub struct Log {
    log: LogWriter,
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(access) = ACCESS.get() {
            access.flush();
        }
        self.log.flush();
    }
}

/// Starts the log of this process, on standard error, and its access log on standard output. A second call has no effect on what is logged.
///
/// # Errors
/// When the system has no thread or descriptor to give.
pub fn init_logging(config: &Config) -> io::Result<Log> {
    let (format, filter) = (config.log_format, filter(config));
    // A descriptor of its own: a write that hangs must not hold the lock of the standard one.
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let writer = LogWriter::start(stderr, move |lines| lost(format, lines))?;
    let (dispatch, set_filter) = dispatch(format, filter, writer.clone());
    // Both fail only when a log was started before.
    let _ = tracing::dispatcher::set_global_default(dispatch);
    let _ = FILTER.set(set_filter);
    std::panic::set_hook(Box::new(log_panic));
    prepare(config)?;
    begin_access_log(config);
    Ok(Log { log: writer })
}

/// Sets what is logged from now on.
type SetFilter = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

/// What the running log is told when its level changes.
static FILTER: OnceLock<SetFilter> = OnceLock::new();
/// What the access log is written to, once there was one.
static ACCESS: OnceLock<LogWriter> = OnceLock::new();

/// Starts what these settings need and those before did not.
///
/// # Errors
/// When the system has no thread or descriptor to give.
pub(super) fn prepare(config: &Config) -> io::Result<()> {
    if config.access_log != AccessLogForm::Off && ACCESS.get().is_none() {
        // One that was set meanwhile is as good.
        let _ = ACCESS.set(access_writer()?);
    }
    Ok(())
}

/// Goes on by other settings, for which it was prepared.
pub(super) fn follow(config: &Config) {
    if let Some(set_filter) = FILTER.get()
        && let Err(error) = set_filter(filter(config))
    {
        tracing::error!(%error, "the level of the log is as before");
    }
    begin_access_log(config);
}

fn begin_access_log(config: &Config) {
    let writer = ACCESS.get().cloned();
    let writer = writer.filter(|_| config.access_log != AccessLogForm::Off);
    let out = writer.map(|out| Box::new(move |line: &[u8]| out.take(line)) as access_log::Out);
    access_log::begin(config.access_log, config.access_log_users, out);
}

fn access_writer() -> io::Result<LogWriter> {
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // It has lines of one kind only, so the log says it.
    let lost = |lines| {
        tracing::error!(lines, "lines of the access log could not be written");
        Vec::new()
    };
    LogWriter::start(stdout, lost)
}

fn filter(config: &Config) -> EnvFilter {
    let level = config.log_level_in_effect();
    EnvFilter::new(format!("warn,sealed_relay={level}"))
}

fn dispatch<W>(format: LogFormat, filter: EnvFilter, writer: W) -> (Dispatch, SetFilter)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        // Else the library prints what it cannot log, and panics when that fails, too.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => {
            let log = log.with_filter_reloading();
            let filter = log.reload_handle();
            let set_filter = Box::new(move |other| filter.reload(other));
            (log.finish().into(), set_filter)
        }
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_filter_reloading();
            let filter = log.reload_handle();
            let set_filter = Box::new(move |other| filter.reload(other));
            (log.finish().into(), set_filter)
        }
    }
}

/// The line that says how many were lost.
fn lost(format: LogFormat, lines: u64) -> Vec<u8> {
    let line = Line::default();
    let writer = line.clone();
    let (dispatch, _) = dispatch(format, EnvFilter::new("error"), move || writer.clone());
    tracing::dispatcher::with_default(&dispatch, || {
        tracing::error!(lines, "lines of the log could not be written");
    });
    std::mem::take(&mut *line.0.lock())
}

/// Keeps what is logged.
#[derive(Debug, Clone, Default)]
struct Line(Arc<Mutex<Vec<u8>>>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs where a panic was, and not its message, which may quote content.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let location = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    tracing::error!(location, "panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_about_lost_ones_is_one_line_in_the_form_of_the_log() {
        let text = String::from_utf8(lost(LogFormat::Text, 7)).unwrap();
        assert!(
            text.contains("ERROR") && text.ends_with("lines=7\n"),
            "{text}"
        );
        let json: serde_json::Value = serde_json::from_slice(&lost(LogFormat::Json, 7)).unwrap();
        assert_eq!(
            (&json["lines"], &json["level"]),
            (&7.into(), &"ERROR".into())
        );
    }

    #[test]
    fn a_log_that_cannot_be_written_fails_nobody() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let writer = LogWriter::start(Broken, |_| Vec::new()).unwrap();
        let (dispatch, _) = dispatch(LogFormat::Text, EnvFilter::new("info"), writer.clone());
        tracing::dispatcher::with_default(&dispatch, || tracing::info!("lost"));
        drop(Log { log: writer });
    }
}
