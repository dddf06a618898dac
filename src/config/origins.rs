//! The web origins that may use the server.
//!
//! Owns what an origin is and how two are compared. Requests are refused by the routes.

use std::fmt;

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
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn is_authority(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address are inside its brackets.
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
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
    List(Vec<Origin>),
}

impl AllowedOrigins {
    /// Whether a request with this `Origin` header may pass.
    #[must_use]
    pub fn allows(&self, header: &str) -> bool {
        match self {
            Self::Any => true,
            Self::List(origins) => {
                Origin::parse(header).is_some_and(|origin| origins.contains(&origin))
            }
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
            let origin = Origin::parse(item)
                .ok_or("each must be an origin such as https://app.example, or *")?;
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        Ok(if any { Self::Any } else { Self::List(origins) })
    }
}

impl SettingType for AllowedOrigins {
    const UNION: bool = true;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.items()?.into_iter())
    }

    fn to_text(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::List(origins) => {
                let origins: Vec<_> = origins.iter().map(|origin| origin.as_str()).collect();
                origins.join(",")
            }
        }
    }

    fn to_toml(&self) -> String {
        match self {
            Self::Any => quoted("*"),
            Self::List(origins) => quoted_list(origins.iter().map(|o| o.as_str().to_owned())),
        }
    }
}
