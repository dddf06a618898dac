//! The folder of the browser's client: which file in it is meant by a name. It must not read one.

use std::io;
use std::path::{Path, PathBuf};

/// The file without which a folder is not the one that was meant.
pub(crate) const PROGRAM: &str = "socket.io.js";

/// The largest that is served; the published ones have less than a megabyte.
const LARGEST: u64 = 8 << 20;

/// Why there is no such file to serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFile {
    #[error("is missing")]
    Missing,
    #[error("is a link that leads out of the folder")]
    Outside,
    #[error("is no file")]
    NotAFile,
    #[error("has more than {LARGEST} bytes")]
    TooLarge,
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
}

impl From<io::Error> for NoFile {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Unreadable(error),
        }
    }
}

/// Where the file of this name in the folder is. No link leads out of it.
pub(crate) fn find(folder: &Path, name: &str) -> Result<PathBuf, NoFile> {
    let folder = folder.canonicalize()?;
    let path = folder.join(name).canonicalize()?;
    let about = path.metadata()?;
    match () {
        () if !path.starts_with(&folder) => Err(NoFile::Outside),
        () if !about.is_file() => Err(NoFile::NotAFile),
        () if about.len() > LARGEST => Err(NoFile::TooLarge),
        () => Ok(path),
    }
}

/// Refuses a folder that does not have the client.
pub(super) fn has_client(folder: &Option<PathBuf>) -> Result<(), String> {
    let Some(folder) = folder else {
        return Ok(());
    };
    if !folder.is_dir() {
        return Err("must be a folder that is there".to_owned());
    }
    match find(folder, PROGRAM) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "must be a folder with the client: {PROGRAM} {error}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_found_in_the_folder_and_nowhere_else() {
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(outside.path().join("elsewhere"), "x").unwrap();
        fs::write(at("socket.io.js"), "x").unwrap();
        symlink(at("socket.io.js"), at("inside")).unwrap();
        symlink(outside.path().join("elsewhere"), at("out")).unwrap();
        symlink("../../../../etc/passwd", at("up")).unwrap();
        fs::create_dir(at("below")).unwrap();
        fs::File::create(at("large"))
            .unwrap()
            .set_len(LARGEST + 1)
            .unwrap();
        let found = |name: &str| find(folder.path(), name).map_err(|error| error.to_string());
        let real = at("socket.io.js").canonicalize().unwrap();
        assert_eq!(found("socket.io.js"), Ok(real.clone()));
        assert_eq!(found("inside"), Ok(real));
        for (name, why) in [
            ("out", "out of the folder"),
            ("up", "out of the folder"),
            ("below", "no file"),
            ("large", "more than"),
            ("absent", "missing"),
        ] {
            let error = found(name).unwrap_err();
            assert!(error.contains(why), "{name}: {error}");
        }
    }
}
