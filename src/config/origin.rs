//! A web origin: what it is, and how two are compared. Which ones may call is for `origins`.

use std::fmt;

/// A web origin, `scheme://host[:port]`, lower case and without the scheme's default port. Those of application shells
/// have a scheme of their own, such as `tauri://localhost`, and perhaps no host, as `file://`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(Box<str>);

impl Origin {
    /// Reads an origin; a trailing `/` is accepted. `None`: it is not an origin.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let (scheme, rest) = lower.split_once("://")?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let is_bare = authority.is_empty() && !is_web(scheme);
        if !is_scheme(scheme) || !(is_bare || is_authority(authority)) {
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
    pub(super) fn parts(&self) -> (&str, &str) {
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

    /// Whether its pages come from a web server; others come with an application.
    pub(super) fn is_of_web(&self) -> bool {
        is_web(self.scheme())
    }

    /// Whether it is the origin of what a server serves that is called by this `Host`.
    pub(crate) fn is_served_by(&self, host: &str) -> bool {
        let own = Self::parse(&format!("{}://{host}", self.scheme()));
        self.is_of_web() && own.as_ref() == Some(self)
    }
}

fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}

pub(super) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // The colons of an IPv6 address are inside its brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

pub(super) fn is_authority(authority: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_shell_has_a_scheme_of_its_own_and_perhaps_no_host() {
        for (text, origin) in [
            ("file://", "file://"),
            ("file:///", "file://"),
            ("app://.", "app://."),
            ("app://-", "app://-"),
            ("App://Obsidian.md", "app://obsidian.md"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("ionic://localhost/", "ionic://localhost"),
            ("tauri://localhost", "tauri://localhost"),
            ("wails://wails:34115", "wails://wails:34115"),
            ("ms-appx-web://app_1.0", "ms-appx-web://app_1.0"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            let read = Origin::parse(text);
            assert_eq!(read.as_ref().map(Origin::as_str), Some(origin), "{text}");
        }
        for none in [
            "null",
            "http://",
            "https:///",
            "file:",
            "file:///index.html",
            "://",
            "app",
        ] {
            assert_eq!(Origin::parse(none), None, "{none}");
        }
    }

    #[test]
    fn no_server_serves_the_pages_of_a_shell() {
        for (text, host) in [
            ("file://", ""),
            ("app://.", "."),
            ("capacitor://localhost", "localhost"),
        ] {
            let origin = Origin::parse(text).unwrap();
            assert!(!origin.is_served_by(host), "{text}");
        }
    }
}
