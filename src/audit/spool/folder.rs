//! The folder of a spool: how it is created, locked and found again.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Why a spool could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// A file or folder cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Another process uses it.
    #[error("{} is in use by another process; each server has a data_dir (DATA_DIR) of its own", .0.display())]
    InUse(PathBuf),
}

pub(super) fn create(builder: &mut DirBuilder, folder: &Path) -> io::Result<()> {
    match builder.mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

/// Whether this file is still the one at this path.
pub(super) fn is_in_place(file: &File, path: &Path) -> bool {
    let same = file.metadata().and_then(|opened| {
        let found = std::fs::metadata(path)?;
        Ok((found.dev(), found.ino()) == (opened.dev(), opened.ino()))
    });
    same.unwrap_or(false)
}

pub(super) fn lock_path(folder: &Path) -> PathBuf {
    folder.join("lock")
}

/// Two processes would write and remove each other's files.
pub(super) fn lock(folder: &Path) -> Result<File, SpoolError> {
    let path = lock_path(folder);
    let failed = |source| SpoolError::Io {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(SpoolError::InUse(folder.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}
