//! What happens to the audit when MongoDB, the disk or the relay itself fails: whatever was confirmed to a client is
//! recorded once and in order, and no client notices.

mod full_spool;
mod kill;
pub(super) mod load;
mod mongodb_away;
mod trail;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use self::load::Sent;
use self::trail::{Trail, check};
use crate::program::server_in;
use test_support::harness::Relay;
use test_support::mongo::{self, Server};

/// No message waits for MongoDB: it takes tens of seconds to be given up.
const UNNOTICED: Duration = Duration::from_secs(5);

/// A MongoDB of a test's own, and the data of relays whose audit is in it.
struct Stage {
    mongodb: Server,
    data: TempDir,
    _folder: TempDir,
}

impl Stage {
    /// `None`: there can be no MongoDB.
    fn set() -> Option<Self> {
        mongo::is_ready().then(|| {
            let folder = TempDir::new().unwrap();
            Self {
                mongodb: Server::start(folder.path()),
                data: TempDir::new().unwrap(),
                _folder: folder,
            }
        })
    }

    /// The same while MongoDB is stopped.
    fn without_mongodb() -> Option<Self> {
        let mut stage = Self::set()?;
        stage.mongodb.stop();
        Some(stage)
    }

    fn uri(&self) -> String {
        self.mongodb.uri("audit")
    }

    /// Starts a relay; after an earlier one ended, on its data.
    fn relay(&self, more: &[(&str, &str)]) -> Relay {
        relay_in(self.data.path(), &self.uri(), more)
    }

    async fn trail(&self) -> Trail {
        Trail::of(&self.uri()).await
    }

    /// Waits until all that was confirmed is recorded: once, in order, and nothing else.
    async fn has_recorded(&self, all: &[Sent]) {
        let trail = self.trail().await;
        trail.is_complete(all).await;
        check(&trail.messages().await, all);
    }
}

/// A relay whose audit is in this MongoDB.
fn relay_in(data: &Path, uri: &str, more: &[(&str, &str)]) -> Relay {
    server_in(data, &[&[("MONGODB_URI", uri)], more].concat())
}

/// No sender has waited for MongoDB.
fn assert_unnoticed(all: &[Sent]) {
    assert!(all.iter().all(|sent| sent.slowest < UNNOTICED), "{all:?}");
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
