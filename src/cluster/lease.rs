//! Which nodes are alive: each renews a lease, and one without a lease is dead for the others.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::Cluster;
use crate::model::NodeId;
use crate::stores::drivers::redis::RedisError;

/// How long a lease lasts.
pub(crate) const LEASE: Duration = Duration::from_secs(15);
/// How often a node renews its lease and looks for dead nodes.
pub(crate) const RENEWAL: Duration = Duration::from_secs(5);

/// What became of this node's lease before it was renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaseState {
    /// It was valid.
    Alive,
    /// It had expired: other nodes may have removed what this one has in Redis.
    Expired,
    /// There was none: Redis has lost its data, or this is the first renewal.
    New,
}

impl Cluster {
    /// Renews the lease of this node, which has this many users.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn renew(&self, users: usize) -> Result<LeaseState, RedisError> {
        let epoch_key = self.redis.key("epoch", "");
        let mut command = redis::cmd("SET");
        command
            .arg(&epoch_key)
            .arg(self.node_id.to_string())
            .arg("NX")
            .arg("GET");
        let epoch: Option<String> = self.redis.query(&command).await?;
        let epoch = epoch.unwrap_or_else(|| self.node_id.to_string());
        let mut command = redis::cmd("SET");
        command
            .arg(self.lease_key(self.node_id))
            .arg(users)
            .arg("PX")
            .arg(LEASE.as_millis() as u64)
            .arg("GET");
        let before: Option<String> = self.redis.query(&command).await?;
        // Only with a lease: a listed node without one is dead.
        let mut command = redis::cmd("SADD");
        command
            .arg(self.redis.key("nodes", ""))
            .arg(self.node_id.to_string());
        self.redis.query::<()>(&command).await?;
        let is_same = self.epoch.lock().replace(epoch.clone()) == Some(epoch);
        Ok(match (is_same, before) {
            (false, _) => LeaseState::New,
            (true, None) => LeaseState::Expired,
            (true, Some(_)) => LeaseState::Alive,
        })
    }

    /// The other nodes without a lease. Updates the number of users on the nodes that have one.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn find_dead_nodes(&self) -> Result<Vec<NodeId>, RedisError> {
        let others = self.other_nodes().await?;
        let lease = async |node: &NodeId| {
            let mut command = redis::cmd("GET");
            command.arg(self.lease_key(*node));
            self.redis.query::<Option<usize>>(&command).await
        };
        let (mut users, mut dead) = (0, Vec::new());
        for (node, lease) in others.iter().zip(join_all(others.iter().map(lease)).await) {
            match lease? {
                Some(connected) => users += connected,
                None => dead.push(*node),
            }
        }
        self.set_users_on_other_nodes(users);
        self.set_nodes(1 + others.len() - dead.len());
        Ok(dead)
    }

    /// The other nodes, the dead ones included.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(super) async fn other_nodes(&self) -> Result<Vec<NodeId>, RedisError> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.redis.key("nodes", ""));
        let nodes: HashSet<String> = self.redis.query(&command).await?;
        let others = nodes.iter().filter_map(|node| NodeId::parse(node));
        Ok(others.filter(|node| *node != self.node_id).collect())
    }

    /// Claims a dead node for one lease: this node removes what the dead one has in Redis. `false`:
    /// another node has claimed it.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn claim_node(&self, node: NodeId) -> Result<bool, RedisError> {
        let key = self.redis.key("heir", &node.to_string());
        let mut command = redis::cmd("SET");
        command
            .arg(&key)
            .arg(self.node_id.to_string())
            .arg("NX")
            .arg("PX")
            .arg(LEASE.as_millis() as u64);
        let claimed: Option<String> = self.redis.query(&command).await?;
        if claimed.is_some() {
            return Ok(true);
        }
        let mut command = redis::cmd("GET");
        command.arg(&key);
        let claimant: Option<String> = self.redis.query(&command).await?;
        let is_own = claimant.is_some_and(|claimant| claimant == self.node_id.to_string());
        if is_own {
            let mut command = redis::cmd("PEXPIRE");
            command.arg(&key).arg(LEASE.as_millis() as u64);
            self.redis.query::<()>(&command).await?;
        }
        Ok(is_own)
    }

    /// Removes the last traces of a dead node: its ledger, and its entry among the nodes.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn forget_node(&self, node: NodeId) -> Result<(), RedisError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.ledger_key(node));
        self.redis.query::<()>(&command).await?;
        let mut command = redis::cmd("SREM");
        command
            .arg(self.redis.key("nodes", ""))
            .arg(node.to_string());
        self.redis.query(&command).await
    }

    /// Lets the lease of this node expire after this time. What it said of its settings is taken back at once.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn end_lease(&self, after: Duration) -> Result<(), RedisError> {
        let mut command = redis::cmd("DEL");
        command.arg(self.settings_key(self.node_id));
        self.redis.query::<()>(&command).await?;
        let mut command = redis::cmd("PEXPIRE");
        command
            .arg(self.lease_key(self.node_id))
            .arg(after.as_millis().max(1) as u64);
        self.redis.query(&command).await
    }

    fn lease_key(&self, node: NodeId) -> String {
        self.redis.key("lease", &node.to_string())
    }
}
