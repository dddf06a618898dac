//! What happens to the audit when MongoDB, the disk or the relay itself fails: whatever was confirmed to a client is
//! recorded once and in order, and no client notices.

mod away;
mod kill;
pub mod load;
pub mod proxy;
mod room;
mod trail;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use load::PATIENCE;

use crate::harness::Relay;
use crate::raw::http;
use crate::scene::server_in;

/// No message waits for MongoDB: it takes tens of seconds to be given up.
const UNNOTICED: Duration = Duration::from_secs(5);

/// A relay that keeps its audit there.
fn relay_in(data: &Path, uri: &str, more: &[(&str, &str)]) -> Relay {
    server_in(data, &[&[("MONGODB_URI", uri)], more].concat())
}

/// Waits until `/ready` says this, or nothing but that it is.
pub async fn until_ready_says(relay: &Relay, reason: Option<&str>) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ready = http::get(relay, "/ready").await;
        match reason {
            None if ready.status == 200 => return,
            Some(reason) if ready.status == 503 && ready.body.contains(reason) => return,
            _ => assert!(Instant::now() < deadline, "{ready:?}"),
        }
    }
}

/// How many lines of the log have this in them.
pub fn lines(relay: &Relay, text: &str) -> usize {
    relay
        .log()
        .lines()
        .filter(|line| line.contains(text))
        .count()
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
