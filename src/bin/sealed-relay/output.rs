//! What commands print: results to standard output, messages to standard error. Neither may panic
//! when nobody reads it any more, or when there is no room for it.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a message may wait for a reader that takes nothing.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(1);

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub(crate) struct NotWritten(#[source] io::Error);

impl NotWritten {
    /// Whether the reader has all that it wants, as that of `audit export | head`.
    pub(crate) fn reader_is_gone(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

impl From<io::Error> for NotWritten {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl From<serde_json::Error> for NotWritten {
    fn from(error: serde_json::Error) -> Self {
        Self(error.into())
    }
}

impl From<csv::Error> for NotWritten {
    fn from(error: csv::Error) -> Self {
        Self(match error.into_kind() {
            csv::ErrorKind::Io(error) => error,
            other => io::Error::other(format!("{other:?}")),
        })
    }
}

/// Prints a result.
pub(crate) fn print(text: &str) -> Result<(), NotWritten> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Prints a message, if it can be printed.
pub(crate) fn message(text: impl Display) {
    let text = format!("{text}\n");
    let (written, wait) = mpsc::channel();
    // A reader that takes nothing must not hold up the end of the process.
    let writing = thread::Builder::new().spawn(move || {
        let _ = io::stderr().write_all(text.as_bytes());
        let _ = written.send(());
    });
    if writing.is_ok() {
        let _ = wait.recv_timeout(MESSAGE_TIMEOUT);
    }
}
