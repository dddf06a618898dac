//! Slots per address: they bound how many of something one address may have open at a time.

use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;
use dashmap::DashMap;

use super::block::{Block, WIDE};

/// Slots per address, which is counted by its blocks. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressSlots {
    taken: Taken,
}

type Taken = Arc<DashMap<Block, u32, RandomState>>;

impl AddressSlots {
    /// Takes one of `max` slots. `None`: the address has all of its slots in use.
    pub(crate) fn take(&self, address: IpAddr, max: u32) -> Option<AddressSlot> {
        let narrow = self.take_of(Block::narrow(address), max)?;
        let wide = match Block::wide(address) {
            Some(wide) => Some(self.take_of(wide, max.saturating_mul(WIDE))?),
            None => None,
        };
        Some(AddressSlot {
            _narrow: narrow,
            _wide: wide,
        })
    }

    fn take_of(&self, block: Block, max: u32) -> Option<BlockSlot> {
        let mut taken = self.taken.entry(block).or_insert(0);
        if *taken >= max {
            return None;
        }
        *taken += 1;
        Some(BlockSlot {
            taken: self.taken.clone(),
            block,
        })
    }
}

/// A slot in use; dropping it frees it.
#[derive(Debug)]
pub(crate) struct AddressSlot {
    _narrow: BlockSlot,
    _wide: Option<BlockSlot>,
}

#[derive(Debug)]
struct BlockSlot {
    taken: Taken,
    block: Block,
}

impl Drop for BlockSlot {
    fn drop(&mut self) {
        self.taken.remove_if_mut(&self.block, |_, count| {
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
        let slots = AddressSlots::default();
        let localhost = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let first = slots.take(localhost, 2);
        let second = slots.take(localhost, 2);
        assert!(first.is_some() && second.is_some());
        assert!(slots.take(localhost, 2).is_none());
        assert!(slots.take(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 2).is_some());
        drop(first);
        assert!(slots.take(localhost, 2).is_some());
        drop(second);
        assert!(slots.taken.is_empty());
    }

    #[test]
    fn a_subnet_has_the_slots_of_one_address_and_a_site_those_of_some() {
        let slots = AddressSlots::default();
        let take = |text: String| slots.take(text.parse().expect("an address"), 2);
        let mut held: Vec<_> = (0..2).map(|n| take(format!("2001:db8::{n}"))).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(take("2001:db8::9".into()).is_none());
        held.extend(
            (1..8)
                .flat_map(|n| (0..2).map(move |m| format!("2001:db8:0:{n}::{m}")))
                .map(take),
        );
        assert!(held.iter().all(Option::is_some));
        assert!(take("2001:db8:0:9::1".into()).is_none());
        let other = take("2001:db8:1::1".into());
        assert!(other.is_some());
        drop((held, other));
        assert!(slots.taken.is_empty());
    }
}
