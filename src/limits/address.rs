//! The address that a client is counted by: that of the TCP peer, or the one that trusted proxies
//! name.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::block::Block;
use super::forwarded;

/// The client's address. Reads what proxies forward from its end, as far as they are trusted. A hop that cannot be
/// read counts as the proxy that names it.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    let mut hops = forwarded::hops(headers);
    while is_trusted(address, trusted)
        && let Some(Some(hop)) = hops.next()
    {
        address = hop;
    }
    address
}

/// The first of the addresses that count as one with this.
pub(crate) fn block_of(address: IpAddr) -> IpAddr {
    Block::narrow(address).first()
}

/// Whether this is the address of a trusted proxy.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn address(peer: &str, forwarded: &[&'static str]) -> String {
        let trusted = [
            "10.0.0.0/8".parse().expect("a network"),
            "127.0.0.1/32".parse().expect("a network"),
        ];
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        client_address(peer.parse().expect("an address"), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_may_name_the_address() {
        assert_eq!(address("192.0.2.1", &["203.0.113.7"]), "192.0.2.1");
        assert_eq!(address("10.1.1.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(
            address("10.1.1.1", &["1.1.1.1, 203.0.113.7"]),
            "203.0.113.7"
        );
        assert_eq!(
            address("10.1.1.1", &["1.1.1.1, 203.0.113.7, 10.2.2.2"]),
            "203.0.113.7"
        );
        assert_eq!(
            address("10.1.1.1", &["203.0.113.7", "10.2.2.2"]),
            "203.0.113.7"
        );
        assert_eq!(address("10.1.1.1", &["nonsense"]), "10.1.1.1");
        assert_eq!(
            address("10.1.1.1", &["203.0.113.7, nonsense, 10.2.2.2:80"]),
            "10.2.2.2"
        );
        assert_eq!(address("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(address("::ffff:127.0.0.1", &["203.0.113.7"]), "203.0.113.7");
    }
}
