//! The blocks of addresses that limits count. Who has an IPv6 address has 2^64 of them, and often 65 536
//! times as many.

use std::net::{IpAddr, Ipv6Addr};

/// How many times as much as a narrow block a wide one may.
pub(crate) const WIDE: u32 = 8;

const SUBNET: u8 = 64;
const SITE: u8 = 48;

/// Addresses that count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Block {
    first: IpAddr,
    /// How many bits of it they share.
    bits: u8,
}

impl Block {
    /// What one client is taken to have: an IPv4 address, also one that is written as an IPv6 address, or
    /// the /64 of an IPv6 address.
    pub(crate) fn narrow(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self {
                first: address.into(),
                bits: 32,
            },
            IpAddr::V6(address) => Self::of(address, SUBNET),
        }
    }

    /// What one site has, which may be many clients: the /48 of an IPv6 address.
    pub(crate) fn wide(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(Self::of(address, SITE)),
        }
    }

    /// The first address of it.
    pub(crate) fn first(self) -> IpAddr {
        self.first
    }

    fn of(address: Ipv6Addr, bits: u8) -> Self {
        let rest = u128::MAX >> bits;
        Self {
            first: Ipv6Addr::from_bits(address.to_bits() & !rest).into(),
            bits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_client_are_one_block() {
        let narrow = |text: &str| Block::narrow(text.parse().expect("an address"));
        let wide = |text: &str| Block::wide(text.parse().expect("an address"));
        assert_eq!(narrow("192.0.2.1"), narrow("::ffff:192.0.2.1"));
        assert_ne!(narrow("192.0.2.1"), narrow("192.0.2.2"));
        assert_eq!(wide("::ffff:192.0.2.1"), None);
        assert_eq!(narrow("2001:db8:1:2::1"), narrow("2001:db8:1:2:ffff::9"));
        assert_ne!(narrow("2001:db8:1:2::1"), narrow("2001:db8:1:3::1"));
        assert_eq!(wide("2001:db8:1:2::1"), wide("2001:db8:1:ffff::1"));
        assert_ne!(wide("2001:db8:1::1"), wide("2001:db8:2::1"));
        assert_ne!(Some(narrow("2001:db8:1::1")), wide("2001:db8:1::1"));
    }
}
