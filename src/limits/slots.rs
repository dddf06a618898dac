//! Slots per address: they bound how many of something one address may have open at a time.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;

/// Slots per address. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct AddressSlots {
    taken: Arc<DashMap<IpAddr, u32>>,
    max: u32,
}

impl AddressSlots {
    /// `max` slots for each address.
    pub(crate) fn new(max: u32) -> Self {
        Self {
            taken: Arc::default(),
            max,
        }
    }

    /// Takes a slot. `None`: the address has all of its slots in use.
    pub(crate) fn take(&self, address: IpAddr) -> Option<AddressSlot> {
        let mut taken = self.taken.entry(address).or_insert(0);
        if *taken >= self.max {
            return None;
        }
        *taken += 1;
        Some(AddressSlot {
            taken: self.taken.clone(),
            address,
        })
    }
}

/// A slot in use; dropping it frees it.
#[derive(Debug)]
pub(crate) struct AddressSlot {
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
    fn a_slot_is_free_again_when_it_is_dropped() {
        let slots = AddressSlots::new(2);
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let first = slots.take(localhost);
        let second = slots.take(localhost);
        assert!(first.is_some() && second.is_some());
        assert!(slots.take(localhost).is_none());
        assert!(slots.take(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).is_some());
        drop(first);
        assert!(slots.take(localhost).is_some());
        drop(second);
        assert!(slots.taken.is_empty());
    }
}
