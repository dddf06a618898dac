//! Which users know each other: a set for each user, the ones met last, so that who comes back to
//! another node is told of the same people.

use std::time::Duration;

use super::Cluster;
use crate::model::UserId;

/// How long it is remembered of a user who does not meet anybody new.
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3600);

impl Cluster {
    /// Two users know each other. At most this many are remembered of each.
    pub fn add_peer(&self, one: &UserId, other: &UserId, most: usize) {
        for (user, peer) in [(one, other), (other, one)] {
            let key = self.peers_key(user);
            let mut add = redis::cmd("ZADD");
            add.arg(&key).arg(self.clock.now_ms()).arg(peer.as_str());
            self.bus.command(add);
            let mut forget = redis::cmd("ZREMRANGEBYRANK");
            forget.arg(&key).arg(0).arg(-1 - most as i64);
            self.bus.command(forget);
            let mut keep = redis::cmd("EXPIRE");
            keep.arg(&key).arg(REMEMBERED.as_secs());
            self.bus.command(keep);
        }
    }

    /// Whom a user knows, the one met longest ago first; nobody when Redis does not answer.
    pub async fn peers(&self, user: &UserId) -> Vec<UserId> {
        let mut command = redis::cmd("ZRANGE");
        command.arg(self.peers_key(user)).arg(0).arg(-1);
        let peers: Vec<String> = self.redis.query(&command).await.unwrap_or_default();
        let peers = peers.iter().filter_map(|peer| UserId::parse(peer));
        peers.collect()
    }

    fn peers_key(&self, user: &UserId) -> String {
        self.redis.key("peers", user.as_str())
    }
}
