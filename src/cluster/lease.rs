//! Which nodes live: each renews a lease, and one that does not is dead for the others.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::Cluster;
use crate::model::NodeId;
use crate::stores::drivers::redis::RedisError;

/// How long a node lives without renewing its lease.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often it renews it and looks for the dead.
pub const RENEWAL: Duration = Duration::from_secs(5);

/// How this node stood when it renewed its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// It had one.
    Alive,
    /// It had none: others may have taken out what it has in Redis.
    Expired,
    /// Redis has forgotten everything, or this is the first time.
    New,
}

impl Cluster {
    /// Renews the lease of this node, which has so many users.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn renew(&self, users: usize) -> Result<LeaseState, RedisError> {
        let epoch_key = self.redis.key("epoch", "");
        let mut command = redis::cmd("SET");
        command
            .arg(&epoch_key)
            .arg(self.me.to_string())
            .arg("NX")
            .arg("GET");
        let epoch: Option<String> = self.redis.query(&command).await?;
        let epoch = epoch.unwrap_or_else(|| self.me.to_string());
        let mut command = redis::cmd("SET");
        command
            .arg(self.lease_key(self.me))
            .arg(users)
            .arg("PX")
            .arg(LEASE.as_millis() as u64)
            .arg("GET");
        let before: Option<String> = self.redis.query(&command).await?;
        // After it has a lease: without one it would be dead.
        let mut command = redis::cmd("SADD");
        command
            .arg(self.redis.key("nodes", ""))
            .arg(self.me.to_string());
        self.redis.query::<()>(&command).await?;
        let is_same = self.epoch.lock().replace(epoch.clone()) == Some(epoch);
        Ok(match (is_same, before) {
            (false, _) => LeaseState::New,
            (true, None) => LeaseState::Expired,
            (true, Some(_)) => LeaseState::Alive,
        })
    }

    /// The other nodes that have no lease. How many users those have that do is noted.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn look_for_dead(&self) -> Result<Vec<NodeId>, RedisError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.redis.key("nodes", ""));
        let nodes: HashSet<String> = self.redis.query(&command).await?;
        let others = nodes.iter().filter_map(|node| NodeId::parse(node));
        let others: Vec<_> = others.filter(|node| *node != self.me).collect();
        let lease = async |node: &NodeId| {
            let mut command = redis::cmd("GET");
            command.arg(self.lease_key(*node));
            self.redis.query::<Option<usize>>(&command).await
        };
        let (mut users, mut dead) = (0, Vec::new());
        for (node, lease) in others.iter().zip(join_all(others.iter().map(lease)).await) {
            match lease? {
                Some(there) => users += there,
                None => dead.push(*node),
            }
        }
        self.note_users_on_other_nodes(users);
        Ok(dead)
    }

    /// Makes this node the one that takes out what a dead one has, for a while. `false`: another one
    /// is at it.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn take_over(&self, node: NodeId) -> Result<bool, RedisError> {
        let key = self.redis.key("heir", &node.to_string());
        let mut command = redis::cmd("SET");
        command
            .arg(&key)
            .arg(self.me.to_string())
            .arg("NX")
            .arg("PX")
            .arg(LEASE.as_millis() as u64);
        let taken: Option<String> = self.redis.query(&command).await?;
        if taken.is_some() {
            return Ok(true);
        }
        let mut command = redis::cmd("GET");
        command.arg(&key);
        let heir: Option<String> = self.redis.query(&command).await?;
        let is_mine = heir.is_some_and(|heir| heir == self.me.to_string());
        if is_mine {
            let mut command = redis::cmd("PEXPIRE");
            command.arg(&key).arg(LEASE.as_millis() as u64);
            self.redis.query::<()>(&command).await?;
        }
        Ok(is_mine)
    }

    /// Nothing is left of a dead node.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn bury(&self, node: NodeId) -> Result<(), RedisError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.ledger_key(node));
        self.redis.query::<()>(&command).await?;
        let mut command = redis::cmd("SREM");
        command
            .arg(self.redis.key("nodes", ""))
            .arg(node.to_string());
        self.redis.query(&command).await
    }

    /// Ends the lease of this node after a time.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn end_lease(&self, after: Duration) -> Result<(), RedisError> {
        let mut command = redis::cmd("PEXPIRE");
        command
            .arg(self.lease_key(self.me))
            .arg(after.as_millis().max(1) as u64);
        self.redis.query(&command).await
    }

    fn lease_key(&self, node: NodeId) -> String {
        self.redis.key("lease", &node.to_string())
    }
}
