//! The check of a database at the start: a damaged one must not be used as if it were whole.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use super::codes::is_damage;
use super::error::OpenError;

/// How long the check may take. What it has not come to by then is not checked: a start must not take
/// minutes because a database is large.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Checks the pages and rows of a database, as far as the time allows.
///
/// # Errors
/// [`OpenError::Damaged`] when something is wrong with it, else when it cannot be read.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let interrupt = connection.get_interrupt_handle();
    let (checked, wait) = mpsc::channel::<()>();
    let timer = thread::Builder::new().spawn(move || {
        if wait.recv_timeout(CHECK_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
            interrupt.interrupt();
        }
    });
    let timer = timer.map_err(|source| OpenError::Create {
        path: path.to_owned(),
        source,
    })?;
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    drop(checked);
    // An interruption must not hit what comes next. The thread does not panic.
    let _ = timer.join();
    match found {
        Ok(text) if text == "ok" => Ok(()),
        Ok(what) => Err(OpenError::Damaged {
            path: path.to_owned(),
            what,
        }),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            tracing::debug!(path = %path.display(), "checked in part: it is large");
            Ok(())
        }
        Err(source) => Err(failed(path, source)),
    }
}

/// The error of a database that could not be opened.
pub(super) fn failed(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match is_damage(&source) {
        true => OpenError::Damaged {
            path,
            what: source.to_string(),
        },
        false => OpenError::Database { path, source },
    }
}
