//! A bounded set of peers; the peer met longest ago goes first.

use std::collections::{HashSet, VecDeque};

use ahash::RandomState;

use crate::model::UserId;

/// The peers of one user.
#[derive(Debug, Default)]
pub(super) struct PeerSet {
    known: HashSet<UserId, RandomState>,
    order: VecDeque<UserId>,
}

impl PeerSet {
    pub(super) fn contains(&self, other: &UserId) -> bool {
        self.known.contains(other)
    }

    pub(super) fn add(&mut self, other: UserId, max: usize) {
        if self.known.insert(other.clone()) {
            self.order.push_back(other);
        }
        while self.order.len() > max {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// All of them, the oldest first.
    pub(super) fn all(&self) -> Vec<UserId> {
        self.order.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_peer_is_forgotten_first() {
        let mut peers = PeerSet::default();
        let ids: Vec<_> = (0..4)
            .filter_map(|n| UserId::parse(&n.to_string()))
            .collect();
        for id in &ids {
            peers.add(id.clone(), 3);
            peers.add(id.clone(), 3);
        }
        assert!(!peers.contains(&ids[0]));
        assert_eq!(peers.all(), ids[1..]);
    }
}
