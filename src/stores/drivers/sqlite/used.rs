//! Which databases of a data folder were used: the file `databases` in it has their names. So one that
//! is lost is not taken for one that never was.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// The file's name in the data folder.
const FILE_NAME: &str = "databases";

/// What it begins with.
const HEAD: &str = "# The databases in this folder that were used: none of them is begun anew.\n";

/// What a data folder says of its databases.
#[derive(Debug)]
pub(super) struct Used {
    path: PathBuf,
    /// The lines of the file, if there is one.
    names: Option<Vec<String>>,
}

impl Used {
    pub(super) fn read(data_dir: &Path) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE_NAME);
        let names = match fs::read_to_string(&path) {
            Ok(text) => Some(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(OpenError::Create { path, source }),
        };
        Ok(Self { path, names })
    }

    /// Whether this database was used.
    pub(super) fn has(&self, file: &str) -> bool {
        self.names
            .as_ref()
            .is_some_and(|names| names.iter().any(|name| name == file))
    }

    /// Rejects a database that is missing or empty, though it was used.
    pub(super) fn check(&self, data_dir: &Path, file: &str) -> Result<(), OpenError> {
        let path = data_dir.join(file);
        let what = match length(&path) {
            Some(1..) => return Ok(()),
            Some(0) => "empty",
            None => "missing",
        };
        // A database has a log only when it is not empty.
        let has_log = || length(&data_dir.join(format!("{file}-wal"))).is_some_and(|len| len > 0);
        if self.has(file) || has_log() {
            return Err(self.lost(path, what));
        }
        // Folders of version 0.1.0 do not say what was used. There, an empty file beside a used one can
        // be no beginning.
        if self.names.is_none() && what == "empty" && has_used_database(data_dir) {
            let to_begin_anew = path.clone();
            return Err(OpenError::Lost {
                path,
                what,
                to_begin_anew,
            });
        }
        Ok(())
    }

    /// The error that a database is lost.
    pub(super) fn lost(&self, path: PathBuf, what: &'static str) -> OpenError {
        OpenError::Lost {
            path,
            what,
            to_begin_anew: self.path.clone(),
        }
    }

    /// Notes that this database was used, whole or not at all.
    pub(super) fn add(mut self, file: &str) -> Result<(), OpenError> {
        let names = self.names.get_or_insert_default();
        names.retain(|name| !name.is_empty() && !name.starts_with('#'));
        names.push(file.to_owned());
        let text = format!("{HEAD}{}\n", names.join("\n"));
        write(&self.path, &text).map_err(|source| OpenError::Create {
            path: self.path,
            source,
        })
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

fn has_used_database(data_dir: &Path) -> bool {
    let entries = fs::read_dir(data_dir).into_iter().flatten().flatten();
    let mut databases = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"));
    databases.any(|path| length(&path).is_some_and(|len| len > 0))
}
