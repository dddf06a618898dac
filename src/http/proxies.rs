//! Proxies that are not trusted though they seem to be ours: their clients all count as one address.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::HeaderMap;

use crate::app::App;
use crate::limits::address::is_trusted;
use crate::surroundings::Subject;
use crate::transport::Link;

/// Says it of the first one.
pub(super) fn notice(app: &App, link: &Link, request: &Request) {
    if !names_clients(request.headers()) {
        return;
    }
    let peer = link.peer().ip().to_canonical();
    if is_near(peer) && !is_trusted(peer, &app.config.now().trusted_proxies) {
        let notice = format!(
            "a proxy at {peer} names its clients, and is not trusted: set trusted_proxies (TRUSTED_PROXIES) to its \
             address, or all of them count as one address"
        );
        app.surroundings.found_once(Subject::Proxies, notice);
    }
}

fn names_clients(headers: &HeaderMap) -> bool {
    headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded")
}

/// Whether an address is of this machine or of a private network. Others may be of clients, which write what they like.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_near() {
        for near in [
            "127.0.0.1",
            "10.0.0.1",
            "172.18.0.5",
            "192.168.1.1",
            "::1",
            "fd00::1",
        ] {
            assert!(is_near(near.parse().unwrap()), "{near}");
        }
        for far in ["203.0.113.7", "2001:db8::1", "100.64.0.1"] {
            assert!(!is_near(far.parse().unwrap()), "{far}");
        }
    }
}
