//! What the processes of a relay share: the MongoDB that the tests run on, and Redis. Redis runs on the
//! core that is meant for it, MongoDB on no particular one.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use test_support::redis::Durability;
use test_support::{mongo, redis};

use crate::cpus::Placement;

/// They end when this is dropped.
pub(crate) struct Databases {
    mongo: mongo::Server,
    redis: redis::Server,
    redis_pid: u32,
    _folder: TempDir,
}

impl Databases {
    pub(crate) fn start(placement: &Placement) -> Result<Self> {
        ensure!(
            mongo::is_ready() && redis::is_ready(),
            "the MongoDB of the tests or Redis cannot be started"
        );
        let folder = tempfile::tempdir()?;
        let redis = redis::Server::start(folder.path(), Durability::InMemory);
        let redis_pid = pid_of(&redis)?;
        placement.move_redis(redis_pid)?;
        Ok(Self {
            mongo: mongo::Server::start(folder.path()),
            redis,
            redis_pid,
            _folder: folder,
        })
    }

    pub(crate) fn redis_pid(&self) -> u32 {
        self.redis_pid
    }

    /// Lets a process of the relay use them.
    pub(crate) fn name(&self, command: &mut Command, number: usize) {
        command
            .env("MONGODB_URI", self.mongo.uri("bench"))
            .env("REDIS_URL", self.redis.url())
            .env("NODE_NAME", format!("node-{number}"));
    }
}

fn pid_of(redis: &redis::Server) -> Result<u32> {
    let info = redis.ask("INFO server");
    let pid = info
        .lines()
        .find_map(|line| line.strip_prefix("process_id:"));
    Ok(pid.context("Redis does not say its process id")?.parse()?)
}
