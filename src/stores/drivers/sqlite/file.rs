//! The files of an open database, watched: what is written into a file that was deleted, replaced or cut
//! off is gone with the end of this process, whatever SQLite says.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::codes::is_damage;

/// Length of the header of SQLite's write-ahead log. There is none that is shorter.
const LOG_HEADER_LEN: u64 = 32;

/// What became of the files of a database.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file any more, or it cannot be looked at.
    #[error("{} is gone ({source})", path.display())]
    Gone {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// There is another one in its place.
    #[error("{} is another file than was opened", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// It has lost its end.
    #[error("{} was cut off", path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
    },
    /// What was read from it was no database.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// The database and its write-ahead log, as they were opened.
#[derive(Debug)]
pub(crate) struct DataFile {
    database: Watched,
    /// `None`: the file system can have none.
    log: Option<Watched>,
    /// The last check failed.
    is_lost: AtomicBool,
    is_damaged: AtomicBool,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// It is never shorter than this.
    min_len: AtomicU64,
}

impl DataFile {
    /// The files of a database that is open, and in which something was written since.
    pub(super) fn of(path: &Path) -> Result<Self, FileError> {
        let mut log = OsString::from(path);
        log.push("-wal");
        let (database, metadata) = Watched::open(path.to_owned())?;
        database.min_len.store(metadata.len(), Ordering::Relaxed);
        let log = Watched::open(log.into()).ok().map(|(log, _)| log);
        if let Some(log) = &log {
            log.min_len.store(LOG_HEADER_LEN, Ordering::Relaxed);
        }
        Ok(Self {
            database,
            log,
            is_lost: AtomicBool::new(false),
            is_damaged: AtomicBool::new(false),
        })
    }

    /// Whether a restart would open what is written now. Costs two looks at the file system.
    ///
    /// # Errors
    /// What became of the files.
    pub(crate) fn check(&self) -> Result<(), FileError> {
        let found = self.look();
        self.is_lost.store(found.is_err(), Ordering::Relaxed);
        found
    }

    fn look(&self) -> Result<(), FileError> {
        if self.is_damaged.load(Ordering::Relaxed) {
            let path = self.database.path.clone();
            return Err(FileError::Damaged { path });
        }
        // It never shrinks: nothing is vacuumed.
        let len = self.database.look()?.len();
        self.database.min_len.fetch_max(len, Ordering::Relaxed);
        self.log.as_ref().map_or(Ok(()), |log| log.look().map(drop))
    }

    /// Whether the last check failed because of anything but damage, so that what can be read is not
    /// what was stored.
    pub(crate) fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed) && !self.is_damaged.load(Ordering::Relaxed)
    }

    /// Notes what an operation failed with: after damage was found, nothing may be stored any more that
    /// a restart would refuse to open.
    pub(crate) fn note(&self, error: &rusqlite::Error) {
        if is_damage(error) && !self.is_damaged.swap(true, Ordering::Relaxed) {
            tracing::error!(path = %self.database.path.display(), %error, "a database is damaged");
        }
    }
}

impl Watched {
    fn open(path: PathBuf) -> Result<(Self, Metadata), FileError> {
        let metadata = metadata(&path)?;
        let watched = Self {
            path,
            device: metadata.dev(),
            inode: metadata.ino(),
            min_len: AtomicU64::new(0),
        };
        Ok((watched, metadata))
    }

    fn look(&self) -> Result<Metadata, FileError> {
        let metadata = metadata(&self.path)?;
        let path = || self.path.clone();
        if (metadata.dev(), metadata.ino()) != (self.device, self.inode) {
            return Err(FileError::Replaced { path: path() });
        }
        if metadata.len() < self.min_len.load(Ordering::Relaxed) {
            return Err(FileError::CutOff { path: path() });
        }
        Ok(metadata)
    }
}

fn metadata(path: &Path) -> Result<Metadata, FileError> {
    fs::metadata(path).map_err(|source| FileError::Gone {
        path: path.to_owned(),
        source,
    })
}
