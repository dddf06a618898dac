//! Where Redis is, as the setting `redis_url` names it.
//!
//! Owns which URLs are accepted and what is read from them. It must not connect.

use std::fmt;

use percent_encoding::percent_decode_str;
use redis::{ConnectionInfo, IntoConnectionInfo};

use super::raw::Raw;
use super::secret::{REDACTED, Secret};
use super::types::SettingType;

/// The port of a sentinel whose URL names none.
const SENTINEL_PORT: u16 = 26_379;
/// The port of a cluster node whose URL names none.
const REDIS_PORT: u16 = 6_379;

/// A checked URL of a Redis deployment. It may hold a password, so `Debug` shows nothing of it.
#[derive(Clone)]
pub struct RedisUrl {
    servers: RedisServers,
    /// As it is written.
    text: Secret,
}

/// The servers that a URL names.
#[derive(Clone)]
pub(crate) enum RedisServers {
    /// One server: `redis://`, `rediss://`, `redis+unix://`, `unix://`.
    Single(Box<ConnectionInfo>),
    /// The primary that sentinels name: `redis-sentinel://`, `rediss-sentinel://`.
    Sentinel {
        /// The sentinels.
        sentinels: RedisNodes,
        /// The name under which the sentinels know the primary.
        primary: String,
        /// The database on the primary; the default is 0.
        database: Option<i64>,
    },
    /// A cluster: `redis-cluster://`, `rediss-cluster://`.
    Cluster(RedisNodes),
}

/// The hosts that a URL lists, and how to log in to Redis.
#[derive(Clone)]
pub(crate) struct RedisNodes {
    /// Names or addresses with their ports; never empty.
    pub(crate) hosts: Vec<(String, u16)>,
    /// Whether connections are encrypted.
    pub(crate) tls: bool,
    /// The user name, when the URL has one.
    pub(crate) user: Option<String>,
    /// The password, when the URL has one.
    pub(crate) password: Option<Secret>,
}

impl RedisUrl {
    /// Reads a URL. `None`: it is not one of a Redis.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let servers = RedisServers::parse(url)?;
        let text = Secret::new(url);
        Some(Self { servers, text })
    }

    /// The servers that it names. They hold the password: never log it.
    pub(crate) fn servers(&self) -> &RedisServers {
        &self.servers
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl RedisServers {
    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        match scheme {
            "redis" | "rediss" | "redis+unix" | "unix" => {
                Some(Self::Single(Box::new(url.into_connection_info().ok()?)))
            }
            "redis-sentinel" => Self::sentinel(rest, false),
            "rediss-sentinel" => Self::sentinel(rest, true),
            "redis-cluster" => Self::cluster(rest, false),
            "rediss-cluster" => Self::cluster(rest, true),
            _ => None,
        }
    }

    /// `[user:password@]host[:port],…/name[/database]`
    fn sentinel(rest: &str, tls: bool) -> Option<Self> {
        let (sentinels, path) = RedisNodes::parse(rest, SENTINEL_PORT, tls)?;
        let (primary, database) = path.split_once('/').unwrap_or((path, ""));
        Some(Self::Sentinel {
            sentinels,
            primary: (!primary.is_empty()).then(|| primary.to_owned())?,
            database: match database {
                "" => None,
                number => Some(number.parse().ok()?),
            },
        })
    }

    /// `[user:password@]host[:port],…`
    fn cluster(rest: &str, tls: bool) -> Option<Self> {
        let (nodes, path) = RedisNodes::parse(rest, REDIS_PORT, tls)?;
        path.is_empty().then_some(Self::Cluster(nodes))
    }
}

impl RedisNodes {
    /// Reads what follows the scheme of a URL with several hosts. Returns the path behind the hosts
    /// as well.
    fn parse(rest: &str, default_port: u16, tls: bool) -> Option<(Self, &str)> {
        let (user_info, rest) = match rest.rsplit_once('@') {
            Some((user_info, rest)) => (user_info, rest),
            None => ("", rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let nodes = Self {
            hosts: parse_hosts(hosts, default_port)?,
            tls,
            user: decode(user)?,
            password: decode(password)?.map(Secret::new),
        };
        Some((nodes, path))
    }
}

/// The decoded text, unless it is empty. `None`: it is not valid UTF-8.
fn decode(text: &str) -> Option<Option<String>> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some((!text.is_empty()).then(|| text.into_owned()))
}

fn parse_hosts(hosts: &str, default_port: u16) -> Option<Vec<(String, u16)>> {
    let parse = |host: &str| match host.rsplit_once(':') {
        // The colons of an IPv6 address are inside its brackets.
        Some((name, port)) if !port.ends_with(']') => Some((name.to_owned(), port.parse().ok()?)),
        _ => Some((host.to_owned(), default_port)),
    };
    let hosts = hosts.split(',').map(parse).collect::<Option<Vec<_>>>()?;
    hosts
        .iter()
        .all(|(name, _)| !name.is_empty())
        .then_some(hosts)
}

impl SettingType for RedisUrl {
    // What is wrong with it is not said either: it may hold a password.
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.text()?.trim()).ok_or_else(|| {
            "must be a valid redis://, rediss://, redis-sentinel:// or redis-cluster:// URL"
                .to_owned()
        })
    }

    fn to_text(&self) -> String {
        REDACTED.to_owned()
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_all_three_kinds_are_read() {
        let one = ["redis://h", "redis://u:p@h:1/2", "rediss://h", "unix:///s"];
        for url in one {
            let parsed = RedisServers::parse(url);
            assert!(matches!(parsed, Some(RedisServers::Single(_))), "{url}");
        }
        for url in [
            "redis-sentinel://a,b:1/main",
            "rediss-sentinel://u:p%40@a:1/main/3",
        ] {
            let parsed = RedisServers::parse(url);
            assert!(
                matches!(parsed, Some(RedisServers::Sentinel { .. })),
                "{url}"
            );
        }
        for url in ["redis-cluster://a,b:1", "rediss-cluster://:p@[::1]:7000"] {
            let parsed = RedisServers::parse(url);
            assert!(matches!(parsed, Some(RedisServers::Cluster(_))), "{url}");
        }
        for url in [
            "",
            "redis",
            "http://h",
            "redis://h/x",
            "redis-sentinel://a",
            "redis-sentinel://a/main/x",
            "redis-sentinel://a:x/main",
            "redis-cluster://",
            "redis-cluster://a,,b",
            "redis-cluster://a/1",
        ] {
            assert!(RedisServers::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn the_parts_of_a_url_are_told_apart() {
        let (nodes, path) = RedisNodes::parse("u:p%3A@a,b:1,[::1]:2/name", 9, false).unwrap();
        assert_eq!(nodes.user.as_deref(), Some("u"));
        assert_eq!(nodes.password.as_ref().map(Secret::expose), Some("p:"));
        assert_eq!(path, "name");
        let hosts = [("a", 9), ("b", 1), ("[::1]", 2)].map(|(host, port)| (host.to_owned(), port));
        assert_eq!(nodes.hosts, hosts);
    }

    #[test]
    fn nothing_of_a_url_is_shown() {
        let url = RedisUrl::parse("redis-cluster://canary:canary@canary").unwrap();
        assert_eq!(format!("{url:?}"), REDACTED);
        assert_eq!(url.to_text(), REDACTED);
    }
}
