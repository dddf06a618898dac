//! What happens to the audit when MongoDB, the disk or the relay itself fails: whatever was confirmed to a client is
//! recorded once and in order, and no client notices.

mod full_spool;
mod kill;
pub mod load;
mod mongodb_away;
mod trail;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::program::server_in;
use test_support::harness::Relay;

/// No message waits for MongoDB: it takes tens of seconds to be given up.
const UNNOTICED: Duration = Duration::from_secs(5);

/// A relay that keeps its audit there.
fn relay_in(data: &Path, uri: &str, more: &[(&str, &str)]) -> Relay {
    server_in(data, &[&[("MONGODB_URI", uri)], more].concat())
}

/// The files of the spool, the oldest first.
fn spool(data: &Path) -> Vec<PathBuf> {
    let entries = data.join("spool").read_dir().unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "spool")
    });
    files.sort();
    files
}
