//! Who holds memory: a user, or whoever has an address as long as they are no user.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use ahash::RandomState;
use dashmap::DashMap;

use super::Memory;
use crate::limits::block::Block;

/// What one user holds.
#[derive(Debug)]
pub(crate) struct Account {
    memory: Arc<Memory>,
    held: AtomicUsize,
}

impl Account {
    /// An account without anything.
    pub(crate) fn new(memory: &Arc<Memory>) -> Arc<Self> {
        Arc::new(Self {
            memory: memory.clone(),
            held: AtomicUsize::new(0),
        })
    }

    /// The budget of which it is.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Bytes that it holds.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether it holds more than its share.
    pub(crate) fn is_over_share(&self) -> bool {
        let is_over = self.held() > self.memory.share();
        if is_over {
            self.memory.note_exceeded();
        }
        is_over
    }

    pub(super) fn add(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        self.memory.add(bytes);
    }

    pub(super) fn sub(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.memory.sub(bytes);
    }
}

/// The accounts of addresses.
#[derive(Debug)]
pub(crate) struct Accounts {
    memory: Arc<Memory>,
    of_blocks: DashMap<Block, Weak<Account>, RandomState>,
}

impl Accounts {
    /// None yet.
    pub(crate) fn new(memory: &Arc<Memory>) -> Self {
        Self {
            memory: memory.clone(),
            of_blocks: DashMap::default(),
        }
    }

    /// The budget of which they are.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// The account of those who have this address.
    pub(crate) fn of_address(&self, address: IpAddr) -> Arc<Account> {
        let mut entry = self.of_blocks.entry(Block::narrow(address)).or_default();
        entry.upgrade().unwrap_or_else(|| {
            let account = Account::new(&self.memory);
            *entry = Arc::downgrade(&account);
            account
        })
    }

    /// Forgets those that nobody has any more. To be called from time to time.
    pub(crate) fn sweep(&self) {
        self.of_blocks
            .retain(|_, account| account.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::memory::ALWAYS;

    #[test]
    fn an_address_has_one_account_as_long_as_somebody_has_it() {
        let accounts = Accounts::new(&Memory::new(1 << 20));
        let address = IpAddr::from([192, 0, 2, 1]);
        let (first, second) = (accounts.of_address(address), accounts.of_address(address));
        assert!(Arc::ptr_eq(&first, &second));
        first.add(10);
        drop((first, second));
        accounts.sweep();
        assert!(accounts.of_blocks.is_empty());
        assert_eq!(accounts.of_address(address).held(), 0);
    }

    #[test]
    fn who_holds_much_is_over_the_share_before_the_others() {
        let memory = Memory::new(64 * ALWAYS);
        let (greedy, modest) = (Account::new(&memory), Account::new(&memory));
        modest.add(ALWAYS);
        greedy.add(6 * ALWAYS);
        assert!(!greedy.is_over_share() && !modest.is_over_share());
        greedy.add(2 * ALWAYS);
        assert!(greedy.is_over_share() && !modest.is_over_share());
        assert!(memory.take_exceeded() && !memory.take_exceeded());
        greedy.sub(2 * ALWAYS);
        assert!(!greedy.is_over_share());
    }
}
