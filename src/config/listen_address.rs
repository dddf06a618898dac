//! What is listened on, with its port in one text: `HOST:PORT`.

use std::fmt;
use std::net::IpAddr;

use super::host::Host;
use super::raw::Raw;
use super::types::SettingType;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// The host.
    pub host: Host,
    /// The port; 0 takes any free one.
    pub port: u16,
}

impl ListenAddress {
    fn of(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        // Without brackets, nobody can say where an address of IPv6 ends.
        let is_plain = !host.contains(':') || host.starts_with('[');
        Some(Self {
            host: Host::of(host).filter(|_| is_plain)?,
            port: port.parse().ok()?,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{port}"),
            _ => write!(f, "{host}:{port}"),
        }
    }
}

impl SettingType for ListenAddress {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong =
            "must be an address and a port, such as 127.0.0.1:9090, [::1]:9090 or localhost:9090";
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
    fn an_address_is_written_as_it_is_read() {
        for text in [
            "127.0.0.1:9090",
            "[::1]:0",
            "localhost:9090",
            "0.0.0.0:65535",
        ] {
            let address = ListenAddress::of(text).expect(text);
            assert_eq!(address.to_string(), text);
        }
        for wrong in [
            "",
            "9090",
            ":9090",
            "::1",
            "::1:9090",
            "localhost",
            "localhost:",
            "a:65536",
            "http://a:1",
        ] {
            assert_eq!(ListenAddress::of(wrong), None, "{wrong}");
        }
    }
}
