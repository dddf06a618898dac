//! The web origins that may use the server.
//!
//! Owns what an origin is, how two are compared, and the hosts that are this server's own. Requests are
//! refused by the routes.

use std::fmt;
use std::net::IpAddr;

use super::raw::Raw;
use super::types::{SettingType, quoted, quoted_list};

/// A web origin, `scheme://host[:port]`, lower case and without the scheme's default port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// Reads an origin; a trailing `/` is accepted. `None`: it is not an origin.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://")?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if !is_scheme(scheme) || !is_authority(authority) {
            return None;
        }
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => "",
        };
        let host = authority.strip_suffix(default_port).unwrap_or(authority);
        Some(Self(format!("{scheme}://{host}").into()))
    }

    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its scheme, and its host with a port that is not the usual one.
    fn parts(&self) -> (&str, &str) {
        self.0.split_once("://").unwrap_or_default()
    }

    /// Its scheme.
    pub(crate) fn scheme(&self) -> &str {
        self.parts().0
    }

    /// Its host, without a port.
    pub(crate) fn host(&self) -> &str {
        let (_, authority) = self.parts();
        split_port(authority).0
    }

    /// Whether it is the origin of what a server serves that is called by this `Host`.
    pub(crate) fn is_served_by(&self, host: &str) -> bool {
        let own = Self::parse(&format!("{}://{host}", self.scheme()));
        own.as_ref() == Some(self)
    }
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // The colons of an IPv6 address are inside its brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// What origins are allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AllowedOrigin {
    /// This one.
    One(Origin),
    /// Those with the scheme and the port of this one whose hosts are below its host: `https://*.example.com`.
    Below(Origin),
}

impl AllowedOrigin {
    fn parse(text: &str) -> Option<Self> {
        let Some((scheme, rest)) = text.split_once("://*.") else {
            return Origin::parse(text).map(Self::One);
        };
        let domain = Origin::parse(&format!("{scheme}://{rest}"))?;
        // Below a single name, or an address, is nobody's domain.
        let is_domain = domain.host().contains('.') && domain.host().parse::<IpAddr>().is_err();
        is_domain.then_some(Self::Below(domain))
    }

    fn allows(&self, origin: &Origin) -> bool {
        match self {
            Self::One(one) => one == origin,
            Self::Below(domain) => {
                let ((scheme, authority), wanted) = (origin.parts(), domain.parts());
                let below = authority.strip_suffix(wanted.1);
                scheme == wanted.0 && below.is_some_and(is_subdomain)
            }
        }
    }

    fn names(&self, host: &str) -> bool {
        match self {
            Self::One(one) => one.host() == host,
            Self::Below(domain) => host.strip_suffix(domain.host()).is_some_and(is_subdomain),
        }
    }
}

/// What is left in front of a domain is labels, each with its dot.
fn is_subdomain(labels: &str) -> bool {
    labels.len() > 1 && labels.ends_with('.') && !labels.starts_with('.')
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(one) => f.write_str(one.as_str()),
            Self::Below(domain) => {
                let (scheme, authority) = domain.parts();
                write!(f, "{scheme}://*.{authority}")
            }
        }
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn is_authority(authority: &str) -> bool {
    let (host, port) = split_port(authority);
    let host_is_right = match host.strip_prefix('[') {
        Some(address) => address
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !host.is_empty()
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        }
    };
    host_is_right && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The origins that may call the server from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Every origin, then without credentials.
    Any,
    /// These only.
    List(Vec<AllowedOrigin>),
}

impl AllowedOrigins {
    /// Whether a request with this `Origin` header may pass.
    #[must_use]
    pub fn allows(&self, header: &str) -> bool {
        match self {
            Self::Any => true,
            Self::List(origins) => {
                let origin = Origin::parse(header);
                origin.is_some_and(|origin| origins.iter().any(|one| one.allows(&origin)))
            }
        }
    }

    /// Whether one of them has this host.
    pub(crate) fn name(&self, host: &str) -> bool {
        match self {
            Self::Any => false,
            Self::List(origins) => origins.iter().any(|origin| origin.names(host)),
        }
    }

    /// Reads a list of origins; a `*` anywhere in it allows every origin.
    pub(super) fn parse<'a>(items: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let mut any = false;
        let mut origins = Vec::new();
        for item in items {
            if item == "*" {
                any = true;
                continue;
            }
            let origin = AllowedOrigin::parse(item).ok_or(WRONG)?;
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Ok(if any { Self::Any } else { Self::List(origins) })
    }
}

const WRONG: &str =
    "each must be an origin such as https://app.example or https://*.app.example, or *";

impl SettingType for AllowedOrigins {
    const UNION: bool = true;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.items()?.into_iter())
    }

    fn to_text(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::List(origins) => {
                let origins: Vec<_> = origins.iter().map(AllowedOrigin::to_string).collect();
                origins.join(",")
            }
        }
    }

    fn to_toml(&self) -> String {
        match self {
            Self::Any => quoted("*"),
            Self::List(origins) => quoted_list(origins.iter().map(AllowedOrigin::to_string)),
        }
    }
}

/// Hosts under which browsers reach this server, without ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicHosts(Vec<String>);

impl PublicHosts {
    /// Whether this is one of them.
    pub(crate) fn contain(&self, host: &str) -> bool {
        self.0.iter().any(|own| own == host)
    }
}

impl SettingType for PublicHosts {
    const UNION: bool = true;

    fn parse(raw: &Raw) -> Result<Self, String> {
        let host = |item: &str| {
            let host = item.to_ascii_lowercase();
            let is_host = is_authority(&host) && split_port(&host).1.is_none();
            is_host
                .then_some(host)
                .ok_or("each must be a host such as chat.example, without scheme and port")
        };
        let hosts = raw.items()?.into_iter().map(host);
        Ok(Self(hosts.collect::<Result<_, _>>()?))
    }

    fn to_text(&self) -> String {
        self.0.join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.0.iter().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(list: &[&str]) -> AllowedOrigins {
        AllowedOrigins::parse(list.iter().copied()).unwrap()
    }

    #[test]
    fn a_wildcard_allows_what_is_below_a_domain_and_nothing_else() {
        let allowed = allowed(&["https://*.example.com", "http://*.example.org:8080"]);
        for origin in [
            "https://a.example.com",
            "https://a.b.example.com",
            "HTTPS://A.Example.COM:443",
            "http://a.example.org:8080",
        ] {
            assert!(allowed.allows(origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "http://a.example.com",
            "https://a.example.com:8443",
            "https://evilexample.com",
            "https://example.com.evil.org",
            "https://.example.com",
            "https://a.example.com.",
            "http://a.example.org",
            "https://a.example.com/x",
            "null",
            "",
            "https://*.example.com",
            "https://a.example.com@evil.org",
        ] {
            assert!(!allowed.allows(origin), "{origin}");
        }
        assert_eq!(
            allowed.to_text(),
            "https://*.example.com,http://*.example.org:8080"
        );
    }

    #[test]
    fn a_wildcard_is_a_whole_label_in_front_of_a_domain() {
        for wrong in [
            "https://*",
            "https://*.com",
            "https://*.localhost:3000",
            "https://a.*.example.com",
            "https://*a.example.com",
            "https://*.*.example.com",
            "*.example.com",
            "https://*.10.0.0.1",
            "https://*.[::1]",
            "https://*.example.com/path",
        ] {
            assert!(
                AllowedOrigins::parse([wrong].into_iter()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn an_origin_is_of_the_server_whose_host_and_port_it_has() {
        let origin = |text| Origin::parse(text).unwrap();
        for (text, host, own) in [
            ("https://chat.example", "chat.example", true),
            ("https://chat.example", "CHAT.example:443", true),
            ("http://chat.example", "chat.example:80", true),
            ("http://chat.example:3000", "chat.example:3000", true),
            ("http://[::1]:3000", "[::1]:3000", true),
            ("http://chat.example:3000", "chat.example", false),
            ("https://chat.example", "chat.example:80", false),
            ("https://chat.example", "example", false),
            ("https://chat.example", "chat.example, evil.example", false),
            ("https://chat.example", "", false),
        ] {
            assert_eq!(origin(text).is_served_by(host), own, "{text} {host}");
        }
        assert_eq!(origin("http://[::1]:3000").host(), "[::1]");
    }

    #[test]
    fn hosts_of_allowed_origins_are_known() {
        let allowed = allowed(&["http://localhost:5173", "https://*.example.com"]);
        assert!(allowed.name("localhost") && allowed.name("a.example.com"));
        assert!(!allowed.name("example.com") && !allowed.name("evil.example"));
    }
}
