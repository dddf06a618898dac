//! Why a database could not be opened or used. No error holds anything of what is stored.

use std::io;
use std::path::PathBuf;

use super::codes::{has_no_room, is_full};
use super::file::FileError;

/// Why a file could not be opened. Holds nothing of what is stored.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder or a file in it cannot be created.
    #[error("cannot create {}: {source}", path.display())]
    Create {
        /// The folder or file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file was written by a newer version of this program.
    #[error("{} has schema version {found}; this program knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The file is missing or empty, but there was a database in it.
    #[error(
        "{} is {what}, though it was used before; bring it back, or delete {} to begin an empty one",
        path.display(), to_begin_anew.display()
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// Missing or empty.
        what: &'static str,
        /// What says that it was used.
        to_begin_anew: PathBuf,
    },
    /// The file is no intact database.
    #[error("{} is damaged ({what}); replace it by a copy, or have sqlite3 recover it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found, in the words of SQLite.
        what: String,
    },
    /// The database failed.
    #[error("{}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// Whether the disk does not take what has to be written, which may pass.
    pub(super) fn is_no_room(&self) -> bool {
        match self {
            Self::Create { source, .. } => has_no_room(source),
            Self::Database { source, .. } => is_full(source),
            Self::Newer { .. } | Self::Lost { .. } | Self::Damaged { .. } => false,
        }
    }

    /// Whether it is for the system to say why: then the disk may be full all the same.
    pub(super) fn is_of_the_system(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Database { .. })
    }
}

/// Why a database cannot be used now.
#[derive(Debug, thiserror::Error)]
pub enum UnusableError {
    /// It could not be opened again.
    #[error("not opened yet: {0}")]
    Open(#[from] OpenError),
    /// It could not be opened a moment ago.
    #[error("not opened yet")]
    NotOpen,
    /// A restart would not open what is written now.
    #[error("{0}; nothing is stored until it is back, or the server is restarted")]
    File(#[from] FileError),
}
