//! The web origins that may use the server, and the hosts that are this server's own: which they are, and how people
//! write them. Requests are refused by the routes.

use std::fmt;
use std::net::IpAddr;

use super::origin::{Origin, is_authority, split_port};
use super::raw::Raw;
use super::types::{SettingType, quoted, quoted_list};

/// What origins are allowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AllowedOrigin {
    /// This one.
    One(Origin),
    /// Those with the scheme and the port of this one whose hosts are below its host: `https://*.example.com`.
    Below(Origin),
}

impl AllowedOrigin {
    /// Reads what people write: an origin, or the address of a page there.
    ///
    /// # Errors
    /// What to write instead.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let Some((scheme, rest)) = text.split_once("://*.") else {
            return Origin::parse(without_path(text))
                .filter(|origin| !matches!(origin.scheme(), "ws" | "wss"))
                .map(Self::One)
                .ok_or_else(|| advice(text));
        };
        let domain = Origin::parse(&format!("{scheme}://{rest}")).ok_or(WRONG_WILDCARD)?;
        // Below a single name, or an address, is nobody's domain.
        let is_domain = domain.host().contains('.') && domain.host().parse::<IpAddr>().is_err();
        match is_domain {
            true => Ok(Self::Below(domain)),
            false => Err(WRONG_WILDCARD),
        }
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
            Self::One(one) => one.is_of_web() && one.host() == host,
            Self::Below(domain) => host.strip_suffix(domain.host()).is_some_and(is_subdomain),
        }
    }
}

/// The address of a page without its path, its query and its fragment.
fn without_path(text: &str) -> &str {
    let authority = text.find("://").map_or(0, |at| at + 3);
    let end = text[authority..].find(['/', '?', '#']);
    end.map_or(text, |end| &text[..authority + end])
}

/// What to write instead of something that is no origin.
fn advice(text: &str) -> &'static str {
    let lower = text.to_ascii_lowercase();
    match lower.split_once("://") {
        None if lower == "null" => {
            "null cannot be allowed by name: sandboxed frames and local files of anybody have it; give the \
             application a scheme of its own, such as app://localhost, or allow every origin by *"
        }
        None if matches!(lower.as_str(), "true" | "all" | "any") => "write * to allow every origin",
        None => "each must begin with its scheme, such as https://app.example or app://localhost",
        Some(("ws" | "wss", _)) => {
            "each is the origin of a page, not of a socket: write http:// for ws://, https:// for wss://"
        }
        Some(_) if lower.contains('*') => WRONG_WILDCARD,
        Some(_) if !lower.is_ascii() => {
            "write names of hosts as browsers send them, in ASCII: https://xn--bcher-kva.example"
        }
        Some(_) => WRONG,
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
            let origin = AllowedOrigin::parse(item)?;
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Ok(if any { Self::Any } else { Self::List(origins) })
    }
}

const WRONG: &str =
    "each must be an origin such as https://app.example or https://*.app.example, or *";
const WRONG_WILDCARD: &str = "a wildcard stands for all names in front of a domain, as in https://*.app.example; ports and \
     addresses have none, and * alone allows every origin";

impl SettingType for AllowedOrigins {
    const UNION: bool = true;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.words()?.into_iter())
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
        // The address of a page there names it, too.
        let host = |item: &str| {
            let lower = item.to_ascii_lowercase();
            let authority = match Origin::parse(without_path(&lower)) {
                Some(origin) if origin.is_of_web() => origin.parts().1.to_owned(),
                _ => lower,
            };
            let host = split_port(&authority).0.to_owned();
            is_authority(&authority)
                .then_some(host)
                .ok_or("each must be a host such as chat.example")
        };
        let hosts = raw.words()?.into_iter().map(host);
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
    fn hosts_of_allowed_origins_are_known() {
        let allowed = allowed(&[
            "http://localhost:5173",
            "https://*.example.com",
            "app://chat.example",
            "file://",
        ]);
        assert!(allowed.name("localhost") && allowed.name("a.example.com"));
        for none in ["example.com", "evil.example", "chat.example", ""] {
            assert!(!allowed.name(none), "{none}");
        }
    }

    #[test]
    fn shells_are_allowed_by_their_exact_name() {
        let allowed = allowed(&["file:///", "app://.", "tauri://localhost"]);
        for origin in ["file://", "app://.", "tauri://localhost"] {
            assert!(allowed.allows(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "file",
            "file:",
            "file://x",
            "app://",
            "app://-",
            "http://localhost",
            "tauri://localhost:1",
            "tauri://a.localhost",
        ] {
            assert!(!allowed.allows(origin), "{origin}");
        }
    }
}
