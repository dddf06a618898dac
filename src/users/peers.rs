//! Peers: the users whom one user shared a room or an event with, on whichever node.

use super::{User, Users};
use crate::model::UserId;

impl Users {
    /// Makes two users peers of each other, on all nodes, unless the first is blocked by the other, who would be
    /// told of them. One without connections is kept within the
    /// bound of offline users, so that the two are peers when that user connects.
    pub(crate) fn add_peer(&self, user: &User, other: &UserId) {
        // As with nearly every message.
        if user.peers.lock().contains(other) {
            return;
        }
        if self.knows_blocked(user, other) != Some(true)
            && self.add_peer_local(user, other)
            && let Some(cluster) = &self.cluster
        {
            cluster.add_peer(&user.id, other, self.config.now().presence_peers_limit);
        }
    }

    /// Makes a user of this node a peer of one on another node, which has added them to Redis.
    pub(super) fn add_remote_peer(&self, sender: &UserId, user: &UserId) {
        if let Some(user) = self.get(user.as_str()) {
            self.add_peer_local(&user, sender);
        }
    }

    /// Adds the peers that Redis has of a user to those known here.
    pub(crate) async fn load_peers(&self, user: &User) {
        if let Some(cluster) = &self.cluster {
            for peer in cluster.peers(&user.id).await {
                self.add_peer_local(user, &peer);
            }
        }
    }

    /// Returns whether they were no peers here before.
    fn add_peer_local(&self, user: &User, other: &UserId) -> bool {
        if user.id == *other || user.peers.lock().contains(other) {
            return false;
        }
        let max = self.config.now().presence_peers_limit;
        user.peers.lock().add(other.clone(), max);
        let other = self.insert(other);
        other.peers.lock().add(user.id.clone(), max);
        if !other.is_connected() {
            self.retain_offline(&other.id);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::users::blockers::tests::unblocked;

    #[test]
    fn peers_know_each_other_and_nobody_is_their_own_peer() {
        let users = unblocked(Config::default());
        let [ann, bo] = ["ann", "bo"].map(|id| UserId::parse(id).unwrap());
        let user = users.get_or_create(&ann);
        users.add_peer(&user, &ann);
        users.add_peer(&user, &bo);
        users.add_remote_peer(&bo, &ann);
        assert_eq!(user.peers(), std::slice::from_ref(&bo));
        assert_eq!(users.get("bo").unwrap().peers(), [ann]);
    }
}
