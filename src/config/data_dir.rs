//! Whether the data folder can be used, for a check before the start: nothing in it is made, changed or opened.

use std::path::Path;

use rustix::fs::{Access, access};

use super::problems::Problems;
use super::secret_file;
use super::settings::Config;

/// The problems that a start would have with the data folder, as far as they can be known before.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    let folder = &config.data_dir;
    let mut problem = |message: String| problems.add("data_dir", message, None);
    // A folder that is missing is made at the start.
    let existing = folder.ancestors().find(|path| path.exists());
    let existing = existing.unwrap_or_else(|| Path::new("."));
    let path = existing.display();
    if !existing.is_dir() {
        return problem(format!("{path} is no folder"));
    }
    if let Err(error) = access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        return problem(format!("{path} cannot be written: {error}"));
    }
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for file in files
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
    {
        if let Err(error) = access(&file, Access::READ_OK | Access::WRITE_OK) {
            problem(format!("{} cannot be written: {error}", file.display()));
        }
    }
    if config.needs_jwt_secret()
        && let Err(error) = secret_file::check(config)
    {
        problem(error.to_string());
    }
}
