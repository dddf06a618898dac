//! Content with a mark, and the search for it wherever content must not be.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::database::dump;

/// A mark. Random, so that nothing but this run's payloads can hold it.
pub fn canary() -> String {
    format!("CANARY-{}", Uuid::new_v4().simple())
}

/// Fails when the mark is in the log, the audit or any file of the data directory.
pub fn found_nowhere(log: &str, data: &Path, mark: &str) {
    assert_eq!(found_in(log, data, mark), [""; 0]);
}

/// The files of the data directory that hold the mark. No log line and no record of the audit may.
pub fn found_in(log: &str, data: &Path, mark: &str) -> Vec<String> {
    assert!(!log.is_empty());
    let lines: Vec<_> = log.lines().filter(|line| line.contains(mark)).collect();
    assert!(lines.is_empty(), "in the log: {lines:#?}");
    let rows = dump(data);
    assert!(rows.contains("MESSAGE_SENT"));
    let rows: Vec<_> = rows.lines().filter(|row| row.contains(mark)).collect();
    assert!(rows.is_empty(), "in the audit: {rows:#?}");
    // Also what no table shows any more.
    let paths = files_in(data).into_iter();
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes
            .windows(mark.len())
            .any(|window| window == mark.as_bytes())
    };
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.filter(holds).map(name).collect()
}

/// All files in a folder and in those below it.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_in(&path),
            false => vec![path],
        })
        .collect()
}
