//! The addresses in headers of proxies, in every form in which proxies write them. Whom to believe is for
//! the caller.
//!
//! What cannot be read is in the log once a minute, for it makes clients count as their proxy.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName};
use parking_lot::Mutex;

/// Each of them is one header's, and of both the first counts: a proxy that writes the one may pass on the
/// other as a client has made it up.
static HEADERS: [HeaderName; 2] = [
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("forwarded"),
];

const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// How much of what cannot be read is in the log, in bytes.
const REPORTED_BYTES: usize = 64;

/// The hops that a request came by, the last one first; `None` for one that cannot be read.
pub(super) fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let mut names = HEADERS.iter();
    let name = names.find(|name| headers.contains_key(*name));
    let values = name.into_iter().flat_map(|name| {
        let values = headers.get_all(name).iter().rev();
        values.map(move |value| (name, value.as_bytes()))
    });
    values.flat_map(|(name, value)| {
        // An address has no comma, so what a client wrote before the last one cannot hide what follows.
        let hops = value.rsplit(|byte| *byte == b',');
        let hops = hops.map(<[u8]>::trim_ascii).filter(|hop| !hop.is_empty());
        hops.map(move |hop| {
            let read = std::str::from_utf8(hop)
                .ok()
                .and_then(|hop| read(name, hop));
            if read.is_none() {
                report(name, hop);
            }
            read
        })
    })
}

fn read(header: &HeaderName, hop: &str) -> Option<IpAddr> {
    let node = match *header == HEADERS[0] {
        true => hop,
        false => parameter(hop, "for")?,
    };
    node_address(node)
}

/// What a parameter is in an element of `Forwarded` (RFC 7239, section 4), perhaps in quotes.
pub(crate) fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut named = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim())
}

/// The address in `ip`, `ip:port`, `v6`, `[v6]` or `[v6]:port`, also in quotes; an IPv4 address that is written as
/// an IPv6 address is one.
fn node_address(text: &str) -> Option<IpAddr> {
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let text = quoted.unwrap_or(text).trim();
    let address: IpAddr = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            is_port(port)
                .then(|| without_zone(address).parse::<Ipv6Addr>().ok())??
                .into()
        }
        None => match text.split_once(':') {
            Some((address, port)) if !port.contains(':') => {
                is_port(&text[address.len()..]).then(|| address.parse().ok())??
            }
            _ => without_zone(text).parse().ok()?,
        },
    };
    Some(address.to_canonical())
}

/// Whether this is a colon and a port, which may be hidden (RFC 7239, section 6), or nothing.
fn is_port(text: &str) -> bool {
    let is_of_port = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match text.strip_prefix(':') {
        Some(port) => port.chars().all(is_of_port),
        None => text.is_empty(),
    }
}

/// An IPv6 address without the name of an interface.
fn without_zone(address: &str) -> &str {
    address
        .split_once('%')
        .map_or(address, |(address, _)| address)
}

fn report(header: &HeaderName, hop: &[u8]) {
    static REPORTED: Mutex<Option<Instant>> = Mutex::new(None);
    let now = Instant::now();
    let mut reported = REPORTED.lock();
    if reported.is_some_and(|at| now.duration_since(at) < REPORT_INTERVAL) {
        return;
    }
    *reported = Some(now);
    drop(reported);
    let value = String::from_utf8_lossy(&hop[..hop.len().min(REPORTED_BYTES)]);
    tracing::warn!(
        header = header.as_str(),
        ?value,
        "a proxy names a client in a form that is not known; such clients count as the proxy"
    );
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn hops_of(lines: &[(&'static str, &[u8])]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_bytes(value).expect("a value");
            headers.append(*name, value);
        }
        let text = |hop: Option<IpAddr>| hop.map_or_else(|| "?".into(), |hop| hop.to_string());
        hops(&headers).map(text).collect()
    }

    #[test]
    fn an_address_is_read_in_every_form() {
        for (written, read) in [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1:47011 ", "192.0.2.1"),
            ("\"192.0.2.1:47011\"", "192.0.2.1"),
            ("\"192.0.2.1\"", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:1", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
            ("[::ffff:c000:201]", "192.0.2.1"),
            ("192.0.2.1:_hidden", "192.0.2.1"),
        ] {
            let found = hops_of(&[("x-forwarded-for", written.as_bytes())]);
            assert_eq!(found, [read], "{written}");
            let element = format!("proto=https; For={written};by=10.0.0.1");
            assert_eq!(
                hops_of(&[("forwarded", element.as_bytes())]),
                [read],
                "{element}"
            );
        }
    }

    #[test]
    fn nothing_else_is_an_address() {
        for written in [
            "unknown",
            "_hidden",
            "-",
            "\"192.0.2.1",
            "192.0.2.1 10.0.0.1",
            "192.0.2.1:80:80",
            "192.0.2.1:8 0",
            "192.0.2",
            "192.0.2.256",
            "010.0.0.1",
            "[192.0.2.1]",
            "[2001:db8::1",
            "[2001:db8::1]443",
            "2001:db8::1]",
            "for=192.0.2.1",
            "http://192.0.2.1",
            "localhost",
        ] {
            assert_eq!(
                hops_of(&[("x-forwarded-for", written.as_bytes())]),
                ["?"],
                "{written}"
            );
        }
        for written in [
            "192.0.2.1",
            "by=192.0.2.1",
            "for",
            "for=",
            "for=unknown;by=192.0.2.1",
        ] {
            assert_eq!(
                hops_of(&[("forwarded", written.as_bytes())]),
                ["?"],
                "{written}"
            );
        }
    }

    #[test]
    fn the_last_hop_comes_first_whatever_a_client_wrote_before_it() {
        for before in [
            "198.51.100.1",
            "\"198.51.100.1",
            "\\\"",
            "\u{fc}",
            "[",
            "for=\"",
        ] {
            let line = format!("{before}, 192.0.2.1:1,, 10.0.0.1 ,");
            let found = hops_of(&[("x-forwarded-for", line.as_bytes())]);
            assert_eq!(found[..2], ["10.0.0.1", "192.0.2.1"], "{before}");
        }
        let lines: [(_, &[u8]); 3] = [
            ("x-forwarded-for", b"192.0.2.1, \xff"),
            ("forwarded", b"for=198.51.100.1"),
            ("x-forwarded-for", b"192.0.2.3"),
        ];
        assert_eq!(hops_of(&lines), ["192.0.2.3", "?", "192.0.2.1"]);
        let forwarded: [(_, &[u8]); 1] = [(
            "forwarded",
            b"for=\"x, for=192.0.2.1;proto=http, for=10.0.0.1",
        )];
        assert_eq!(hops_of(&forwarded), ["10.0.0.1", "192.0.2.1", "?"]);
        assert!(hops_of(&[]).is_empty());
    }
}
