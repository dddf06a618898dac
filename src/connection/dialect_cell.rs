//! The dialect of a connection: declared in the handshake, or known by what it sends.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use crate::model::Dialect;

/// The dialect that a connection counts as. The first one that is known stays.
#[derive(Debug)]
pub(super) struct DialectCell {
    declared: Option<Dialect>,
    /// The position in [`Dialect::ALL`] of the one that was implied.
    implied: AtomicU8,
    /// When it was.
    turned: OnceLock<Instant>,
}

const UNKNOWN: u8 = u8::MAX;
/// What a connection counts as that declares none, until it is known.
const UNDECLARED: Dialect = Dialect::Direct;

impl DialectCell {
    pub(super) fn new(declared: Option<Dialect>) -> Self {
        Self {
            declared,
            implied: AtomicU8::new(UNKNOWN),
            turned: OnceLock::new(),
        }
    }

    /// The one that was declared, else the one that was implied, else `direct`.
    pub(super) fn get(&self) -> Dialect {
        let implied = || {
            let position = self.implied.load(Ordering::Acquire);
            Dialect::ALL.get(usize::from(position)).copied()
        };
        self.declared.or_else(implied).unwrap_or(UNDECLARED)
    }

    /// The one that it counted as at first.
    pub(super) fn first(&self) -> Dialect {
        self.declared.unwrap_or(UNDECLARED)
    }

    /// When it was implied that it speaks another one than that.
    pub(super) fn turned_at(&self) -> Option<Instant> {
        self.turned.get().copied()
    }

    /// The client sent something that only this dialect has. `true`: it counts as this one only now.
    pub(super) fn imply(&self, dialect: Dialect) -> bool {
        let position = Dialect::ALL.iter().position(|one| *one == dialect);
        let position = position.and_then(|position| u8::try_from(position).ok());
        let (Some(position), None) = (position, self.declared) else {
            return false;
        };
        // Before others see that it turned.
        self.turned.get_or_init(Instant::now);
        self.implied
            .compare_exchange(UNKNOWN, position, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Whether events of this dialect are accepted.
    pub(super) fn accepts(&self, dialect: Dialect) -> bool {
        self.declared.is_none_or(|declared| declared == dialect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_implied_dialect_stays() {
        let cell = DialectCell::new(None);
        assert_eq!(cell.get(), Dialect::Direct);
        assert!(cell.imply(Dialect::Chat));
        assert!(!cell.imply(Dialect::Feed) && !cell.imply(Dialect::Chat));
        assert_eq!((cell.first(), cell.get()), (Dialect::Direct, Dialect::Chat));
        assert!(cell.turned_at().is_some());
        assert!(cell.accepts(Dialect::Direct), "none was declared");
    }

    #[test]
    fn a_declared_dialect_is_the_only_one() {
        let cell = DialectCell::new(Some(Dialect::Feed));
        assert!(!cell.imply(Dialect::Chat));
        assert_eq!((cell.first(), cell.get()), (Dialect::Feed, Dialect::Feed));
        assert!(cell.turned_at().is_none());
        assert!(cell.accepts(Dialect::Feed) && !cell.accepts(Dialect::Chat));
    }
}
