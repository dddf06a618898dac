//! A database that is opened at the start or, while the disk is full, as soon as it has room: relaying
//! must not depend on it. It must not know what is stored.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::codes::has_no_room;
use super::error::{OpenError, UnusableError};
use super::file::{DataFile, FileError};

/// How often opening is tried again, at most.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// What is written to learn whether there is room.
const PROBE: [u8; 16_384] = [0; 16_384];

/// The files of a database, once it is open.
pub(crate) type WatchedFile = Arc<OnceLock<DataFile>>;

/// The connection that writes.
pub(crate) struct LazyDatabase<O> {
    path: PathBuf,
    open: O,
    connection: Option<Connection>,
    file: WatchedFile,
    retry_at: Instant,
}

impl<O: Fn() -> Result<Connection, OpenError>> LazyDatabase<O> {
    /// Opens the database in this file by `open`, which must write something.
    ///
    /// # Errors
    /// Those of `open`, unless the disk is full: that is logged.
    pub(crate) fn start(path: PathBuf, open: O) -> Result<Self, OpenError> {
        let mut database = Self {
            path,
            open,
            connection: None,
            file: WatchedFile::default(),
            retry_at: Instant::now(),
        };
        match database.try_open() {
            Ok(()) => Ok(database),
            Err(UnusableError::Open(error)) if database.may_be_opened_later(&error) => {
                tracing::error!(%error, "the disk has no room; starting without the database");
                Ok(database)
            }
            Err(UnusableError::Open(error)) => Err(error),
            Err(error @ (UnusableError::NotOpen | UnusableError::File(_))) => {
                tracing::error!(%error, "starting without the database");
                Ok(database)
            }
        }
    }

    /// The files, for those who read them.
    pub(crate) fn file(&self) -> WatchedFile {
        self.file.clone()
    }

    /// The connection, opened when it could not be before.
    ///
    /// # Errors
    /// When it still cannot, or when what is written would be lost.
    pub(crate) fn connection(&mut self) -> Result<&mut Connection, UnusableError> {
        if self.connection.is_none() {
            if Instant::now() < self.retry_at {
                return Err(UnusableError::NotOpen);
            }
            self.try_open()?;
        }
        let connection = self.connection.as_mut().ok_or(UnusableError::NotOpen)?;
        check(&self.file)?;
        Ok(connection)
    }

    /// Whether a restart would open what is written now.
    ///
    /// # Errors
    /// What became of the files.
    pub(crate) fn check(&self) -> Result<(), FileError> {
        check(&self.file)
    }

    /// How many rows were changed since it was opened.
    pub(crate) fn total_changes(&self) -> u64 {
        let connection = self.connection.as_ref();
        connection.map_or(0, Connection::total_changes)
    }

    /// Gives back the memory that holds pages of the file.
    pub(crate) fn release_memory(&self) {
        let released = self.connection.as_ref().map(|db| db.release_memory());
        if let Some(Err(error)) = released {
            tracing::warn!(%error, "the memory of a database cannot be released");
        }
    }

    fn try_open(&mut self) -> Result<(), UnusableError> {
        self.retry_at = Instant::now() + RETRY_INTERVAL;
        let connection = (self.open)()?;
        let file = DataFile::of(&self.path)?;
        // It was not set before: there was no connection.
        let _ = self.file.set(file);
        self.connection = Some(connection);
        Ok(())
    }

    fn may_be_opened_later(&self, error: &OpenError) -> bool {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        error.is_no_room() || (error.is_of_the_system() && is_full(folder))
    }
}

fn check(file: &WatchedFile) -> Result<(), FileError> {
    file.get().map_or(Ok(()), DataFile::check)
}

/// Whether a file of this folder may not grow: SQLite says of a full disk at times that a file cannot be
/// opened.
fn is_full(folder: &Path) -> bool {
    let probe = folder.join(format!("probe-{}", std::process::id()));
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&probe);
    let written = file.and_then(|mut file| file.write_all(&PROBE));
    // If it was not created, there is nothing to remove.
    let _ = fs::remove_file(&probe);
    written.is_err_and(|error| has_no_room(&error))
}

impl<O> std::fmt::Debug for LazyDatabase<O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = &self.path;
        f.debug_struct("LazyDatabase")
            .field("path", path)
            .finish_non_exhaustive()
    }
}
