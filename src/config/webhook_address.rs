//! Which addresses an endpoint of a backend may have, so that the relay is no way into the network that it is in.
//! Looked at when the settings are read, for an address in a URL, and for each connection that is made.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;

/// Why nothing is sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressRefused {
    /// It is nobody's, or everybody's.
    #[error("is link-local, unspecified, multicast or reserved, where no endpoint can be")]
    Never,
    /// It is within this machine or network.
    #[error("is loopback or private, which needs webhook_private_networks = true")]
    Private,
}

/// Networks that are not reached over the internet, beside those that the standard library knows.
const PRIVATE: [Ipv4Net; 3] = [
    // Shared by customers of a provider, special purposes, measurements.
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 0, 0, 0), 24),
    Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15),
];

/// Whether an endpoint may have this address.
///
/// # Errors
/// Why not.
pub(crate) fn check(address: IpAddr, allows_private: bool) -> Result<(), AddressRefused> {
    match of(address) {
        Err(AddressRefused::Private) if allows_private => Ok(()),
        other => other,
    }
}

fn of(address: IpAddr) -> Result<(), AddressRefused> {
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => of_v4(inner),
            None => of_v6(address),
        },
    }
}

fn of_v4(address: Ipv4Addr) -> Result<(), AddressRefused> {
    let first = address.octets()[0];
    if first == 0 || first >= 224 || address.is_link_local() {
        return Err(AddressRefused::Never);
    }
    let is_private = address.is_loopback()
        || address.is_private()
        || PRIVATE.iter().any(|network| network.contains(&address));
    match is_private {
        true => Err(AddressRefused::Private),
        false => Ok(()),
    }
}

fn of_v6(address: Ipv6Addr) -> Result<(), AddressRefused> {
    let first = address.segments()[0];
    let is_site_local = first & 0xffc0 == 0xfec0;
    if address.is_unspecified() || address.is_multicast() || address.is_unicast_link_local() {
        Err(AddressRefused::Never)
    } else if address.is_loopback() || address.is_unique_local() || is_site_local {
        Err(AddressRefused::Private)
    } else {
        Ok(())
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, or by a translator (NAT64, 6to4).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(inner(high, low))
        }
        // Of these, :: and ::1 are addresses of their own.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(inner(high, low)),
        [0x2002, high, low, ..] => Some(inner(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_within_the_network_are_refused_in_every_form() {
        let never = "0.0.0.0 0.1.2.3 169.254.169.254 224.0.0.1 240.0.0.1 255.255.255.255 :: fe80::1 ff02::1 \
                     ::ffff:169.254.169.254 ::ffff:0.0.0.0 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1";
        let private = "127.0.0.1 127.9.9.9 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 198.18.0.1 ::1 \
                       fc00::1 fd12::1 fec0::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 \
                       2002:7f00:1::";
        let public = "8.8.8.8 172.32.0.1 100.128.0.1 192.0.2.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808";
        let both = |text: &str| {
            let address: IpAddr = text.parse().unwrap();
            (check(address, false), check(address, true))
        };
        for address in never.split_whitespace() {
            let refused = Err(AddressRefused::Never);
            assert_eq!(both(address), (refused, refused), "{address}");
        }
        for address in private.split_whitespace() {
            let refused = Err(AddressRefused::Private);
            assert_eq!(both(address), (refused, Ok(())), "{address}");
        }
        for address in public.split_whitespace() {
            assert_eq!(both(address), (Ok(()), Ok(())), "{address}");
        }
    }
}
