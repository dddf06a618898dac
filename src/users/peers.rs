//! The users that one user knows: those they shared a room or an event with. A bounded memory;
//! the one met longest ago is forgotten first.

use std::collections::{HashSet, VecDeque};

use crate::model::UserId;

#[derive(Debug, Default)]
pub(super) struct Peers {
    known: HashSet<UserId>,
    order: VecDeque<UserId>,
}

impl Peers {
    pub(super) fn knows(&self, other: &UserId) -> bool {
        self.known.contains(other)
    }

    pub(super) fn add(&mut self, other: UserId, most: usize) {
        if self.known.insert(other.clone()) {
            self.order.push_back(other);
        }
        while self.order.len() > most {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    pub(super) fn all(&self) -> Vec<UserId> {
        self.order.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_peer_is_forgotten_first() {
        let mut peers = Peers::default();
        let ids: Vec<_> = (0..4)
            .filter_map(|n| UserId::parse(&n.to_string()))
            .collect();
        for id in &ids {
            peers.add(id.clone(), 3);
            peers.add(id.clone(), 3);
        }
        assert!(!peers.knows(&ids[0]));
        assert_eq!(peers.all(), ids[1..]);
    }
}
