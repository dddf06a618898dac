//! Which users are peers: a set for each user with the most recent ones, so that a user who connects
//! to another node has the same peers there.

use std::time::Duration;

use super::Cluster;
use crate::model::UserId;

/// How long the peers of a user are stored after the last new one.
const TTL: Duration = Duration::from_secs(90 * 24 * 3600);

impl Cluster {
    /// Makes two users peers. Each keeps at most `max` peers.
    pub(crate) fn add_peer(&self, one: &UserId, other: &UserId, max: usize) {
        for (user, peer) in [(one, other), (other, one)] {
            let key = self.peers_key(user);
            let mut add = redis::cmd("ZADD");
            add.arg(&key).arg(self.clock.now_ms()).arg(peer.as_str());
            self.bus.run_command(add);
            let mut trim = redis::cmd("ZREMRANGEBYRANK");
            trim.arg(&key).arg(0).arg(-1 - max as i64);
            self.bus.run_command(trim);
            let mut expire = redis::cmd("EXPIRE");
            expire.arg(&key).arg(TTL.as_secs());
            self.bus.run_command(expire);
        }
    }

    /// The peers of a user, the oldest first; none when Redis does not answer.
    pub(crate) async fn peers(&self, user: &UserId) -> Vec<UserId> {
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
