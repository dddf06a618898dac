//! What the processes of a relay share: the MongoDB that the tests run on, and Redis. They run on no particular core.

use std::process::Command;

use anyhow::{Result, ensure};
use tempfile::TempDir;
use test_support::redis::Durability;
use test_support::{mongo, redis};

/// They end when this is dropped.
pub(crate) struct Databases {
    mongo: mongo::Server,
    redis: redis::Server,
    _folder: TempDir,
}

impl Databases {
    pub(crate) fn start() -> Result<Self> {
        ensure!(
            mongo::is_ready() && redis::is_ready(),
            "the MongoDB of the tests or Redis cannot be started"
        );
        let folder = tempfile::tempdir()?;
        Ok(Self {
            mongo: mongo::Server::start(folder.path()),
            redis: redis::Server::start(folder.path(), Durability::InMemory),
            _folder: folder,
        })
    }

    /// Lets a process of the relay use them.
    pub(crate) fn name(&self, command: &mut Command, number: usize) {
        command
            .env("MONGODB_URI", self.mongo.uri("bench"))
            .env("REDIS_URL", self.redis.url())
            .env("NODE_NAME", format!("node-{number}"));
    }
}
