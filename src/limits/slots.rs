//! Counted places per address: how many of something may be open from one at a time.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;

/// Places per address. Clones share them.
#[derive(Debug, Clone)]
pub struct AddressSlots {
    taken: Arc<DashMap<IpAddr, u32>>,
    most: u32,
}

impl AddressSlots {
    /// `most` places for each address.
    pub fn new(most: u32) -> Self {
        Self {
            taken: Arc::default(),
            most,
        }
    }

    /// Takes a place. `None`: none is left.
    pub fn take(&self, address: IpAddr) -> Option<AddressSlot> {
        let mut taken = self.taken.entry(address).or_insert(0);
        if *taken >= self.most {
            return None;
        }
        *taken += 1;
        Some(AddressSlot {
            taken: self.taken.clone(),
            address,
        })
    }
}

/// A place that was taken; dropping it gives it back.
#[derive(Debug)]
pub struct AddressSlot {
    taken: Arc<DashMap<IpAddr, u32>>,
    address: IpAddr,
}

impl Drop for AddressSlot {
    fn drop(&mut self) {
        self.taken.remove_if_mut(&self.address, |_, count| {
            *count -= 1;
            *count == 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let slots = AddressSlots::new(2);
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let first = slots.take(here);
        let second = slots.take(here);
        assert!(first.is_some() && second.is_some());
        assert!(slots.take(here).is_none());
        assert!(slots.take(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).is_some());
        drop(first);
        assert!(slots.take(here).is_some());
        drop(second);
        assert!(slots.taken.is_empty());
    }
}
