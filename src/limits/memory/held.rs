//! What one connection, or one answer, holds of an account.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::{ALWAYS, Account};

/// Bytes are counted in units of this size, so that small events do not count anything.
const UNIT: usize = 16 * 1024;

/// A number of bytes that an account holds, which may change. Dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Held {
    /// Counted units.
    units: AtomicUsize,
    account: Mutex<Arc<Account>>,
}

impl Held {
    /// Nothing yet.
    pub(crate) fn of(account: Arc<Account>) -> Self {
        Self {
            units: AtomicUsize::new(0),
            account: Mutex::new(account),
        }
    }

    /// So many bytes are held now.
    pub(crate) fn set(&self, bytes: usize) {
        let units = bytes / UNIT;
        if self.units.load(Ordering::Relaxed) == units {
            return;
        }
        let account = self.account.lock();
        let before = self.units.swap(units, Ordering::Relaxed);
        match units >= before {
            true => account.add((units - before) * UNIT),
            false => account.sub((before - units) * UNIT),
        }
    }

    /// Another account holds it from now on.
    pub(crate) fn move_to(&self, account: Arc<Account>) {
        let mut current = self.account.lock();
        let bytes = self.bytes();
        current.sub(bytes);
        account.add(bytes);
        *current = account;
    }

    /// Whether its account holds more than its share, and this is more than what is always allowed.
    pub(crate) fn is_over_share(&self) -> bool {
        self.bytes() > ALWAYS && self.account.lock().is_over_share()
    }

    /// Bytes that count as held.
    pub(crate) fn bytes(&self) -> usize {
        self.units.load(Ordering::Relaxed) * UNIT
    }

    /// Whose it is.
    pub(crate) fn account(&self) -> Arc<Account> {
        self.account.lock().clone()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::memory::Memory;

    #[test]
    fn what_is_held_counts_for_its_account_and_the_server_until_it_is_dropped() {
        let memory = Memory::new(1 << 30);
        let (guest, user) = (Account::new(&memory), Account::new(&memory));
        let held = Held::of(guest.clone());
        held.set(UNIT - 1);
        assert_eq!(memory.held(), 0);
        held.set(3 * UNIT + 1);
        assert_eq!((guest.held(), memory.held()), (3 * UNIT, 3 * UNIT));
        held.move_to(user.clone());
        assert_eq!((guest.held(), user.held()), (0, 3 * UNIT));
        held.set(UNIT);
        assert_eq!((user.held(), memory.held()), (UNIT, UNIT));
        drop(held);
        assert_eq!((user.held(), memory.held()), (0, 0));
    }
}
