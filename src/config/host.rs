//! What is listened on: an address of this machine, or a name that has one. Names are resolved at the start.

use std::fmt;
use std::net::IpAddr;

use super::raw::Raw;
use super::types::SettingType;

/// The longest name, and the longest part of one (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// An address, or a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An IP address.
    Address(IpAddr),
    /// The name of a host.
    Name(String),
}

impl Host {
    pub(super) fn of(text: &str) -> Option<Self> {
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse() {
            return Some(Self::Address(address));
        }
        is_name(text).then(|| Self::Name(text.to_owned()))
    }
}

/// Whether this can be the name of a host; what ends in a number is meant to be an address.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    let last = name.rsplit('.').next().unwrap_or(name);
    name.len() <= MAX_NAME_BYTES
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

impl SettingType for Host {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = "must be an IP address, such as 0.0.0.0 or :: for all of them, or the name of a host, such as \
             localhost; the port has its own setting";
        let text = raw.text().map_err(|_| wrong)?;
        Ok(Self::of(text.trim()).ok_or(wrong)?)
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_names_are_read_and_nothing_else() {
        for address in ["0.0.0.0", "127.0.0.1", "::", "::1"] {
            let read = Host::Address(address.parse().expect("an address"));
            assert_eq!(Host::of(address), Some(read), "{address}");
        }
        assert_eq!(Host::of("[::1]"), Host::of("::1"));
        for name in [
            "localhost",
            "relay-1",
            "relay.example.com.",
            "a_b",
            "4relay",
        ] {
            assert_eq!(Host::of(name), Some(Host::Name(name.into())), "{name}");
        }
        let long = format!("{}.{}", "a".repeat(64), "b");
        for wrong in [
            "",
            ".",
            "256.0.0.1",
            "127.0.0",
            "localhost:3000",
            "127.0.0.1:3000",
            "http://localhost",
            "local host",
            "a..b",
            "*",
            "[localhost]",
            &long,
        ] {
            assert_eq!(Host::of(wrong), None, "{wrong}");
        }
    }
}
