//! Where Redis is: one server, the master that sentinels name, or a cluster. What the setting
//! `redis_url` may say is read here, and connections are made here.

use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, IntoConnectionInfo, Pipeline,
    ProtocolVersion, PushInfo, RedisFuture, RedisResult, TlsMode, Value,
};
use percent_encoding::percent_decode_str;
use tokio::sync::Mutex;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take. Who waits for one holds up a client.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The port of a sentinel, and of a Redis, that is not said.
const SENTINEL_PORT: u16 = 26_379;
const PORT: u16 = 6_379;

/// Where Redis is.
pub(super) enum Target {
    /// `redis://`, `rediss://`, `redis+unix://`
    One(Client),
    /// `redis-sentinel://`, `rediss-sentinel://`
    Sentinel(Mutex<SentinelClient>),
    /// `redis-cluster://`, `rediss-cluster://`
    Cluster(ClusterClient),
}

/// One connection, or those to the servers of a cluster. Cheap to clone.
#[derive(Clone)]
pub enum Link {
    /// To one server.
    One(MultiplexedConnection),
    /// To a cluster.
    Cluster(ClusterConnection),
}

impl Target {
    /// Reads a URL. `None`: it is none.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        match scheme {
            "redis" | "rediss" | "redis+unix" | "unix" => {
                let info = url.into_connection_info().ok()?;
                let settings = info.redis_settings().clone();
                let settings = settings.set_protocol(ProtocolVersion::RESP3);
                let client = Client::open(info.set_redis_settings(settings)).ok()?;
                Some(Self::One(client))
            }
            "redis-sentinel" => Self::sentinel(&Parts::of(rest)?, None),
            "rediss-sentinel" => Self::sentinel(&Parts::of(rest)?, Some(TlsMode::Secure)),
            "redis-cluster" => Self::cluster(&Parts::of(rest)?, None),
            "rediss-cluster" => Self::cluster(&Parts::of(rest)?, Some(TlsMode::Secure)),
            _ => None,
        }
    }

    /// `[user:password@]host[:port],…/name[/database]`
    fn sentinel(parts: &Parts<'_>, tls: Option<TlsMode>) -> Option<Self> {
        let (name, database) = parts.path.split_once('/').unwrap_or((parts.path, ""));
        let address = |(host, port): (String, u16)| match tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(_) => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: false,
                tls_params: None,
            },
        };
        let hosts = parts.hosts(SENTINEL_PORT)?.into_iter().map(address);
        let builder =
            SentinelClientBuilder::new(hosts, (!name.is_empty()).then_some(name)?, MASTER);
        let mut builder = builder
            .ok()?
            .set_client_to_redis_protocol(ProtocolVersion::RESP3);
        if let Some(tls) = tls {
            builder = builder.set_client_to_redis_tls_mode(tls);
        }
        if let Some(user) = &parts.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &parts.password {
            builder = builder.set_client_to_redis_password(password);
        }
        if !database.is_empty() {
            builder = builder.set_client_to_redis_db(database.parse().ok()?);
        }
        Some(Self::Sentinel(Mutex::new(builder.build().ok()?)))
    }

    /// `[user:password@]host[:port],…`
    fn cluster(parts: &Parts<'_>, tls: Option<TlsMode>) -> Option<Self> {
        if !parts.path.is_empty() {
            return None;
        }
        let hosts = parts.hosts(PORT)?.into_iter();
        let mut builder = ClusterClient::builder(hosts.collect::<Vec<_>>())
            .use_protocol(ProtocolVersion::RESP3)
            // What failed may have been done: done again, clients would be told twice.
            .retries(0)
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(ANSWER_TIMEOUT);
        if let Some(tls) = tls {
            builder = builder.tls(tls);
        }
        if let Some(user) = &parts.user {
            builder = builder.username(user);
        }
        if let Some(password) = &parts.password {
            builder = builder.password(password);
        }
        Some(Self::Cluster(builder.build().ok()?))
    }

    /// Connects. What comes without being asked for goes to `pushed`.
    pub(super) async fn connect(
        &self,
        pushed: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> RedisResult<Link> {
        let pushed = move |info| {
            pushed(info);
            Ok::<_, std::convert::Infallible>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        match self {
            Self::One(client) => {
                let config = config.set_push_sender(pushed);
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Ok(Link::One(connection.await?))
            }
            Self::Sentinel(client) => {
                let config = config.set_push_sender(pushed);
                let mut client = client.lock().await;
                let connection = client.get_async_connection_with_config(&config);
                Ok(Link::One(connection.await?))
            }
            Self::Cluster(client) => {
                let config = redis::cluster::ClusterConfig::new().set_push_sender(pushed);
                let connection = client.get_async_connection_with_config(config);
                Ok(Link::Cluster(connection.await?))
            }
        }
    }
}

const MASTER: SentinelServerType = SentinelServerType::Master;

impl ConnectionLike for Link {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// What follows the scheme of a URL with several hosts.
struct Parts<'a> {
    user: Option<String>,
    password: Option<String>,
    hosts: &'a str,
    path: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Option<Self> {
        let (user_info, rest) = match rest.rsplit_once('@') {
            Some((user_info, rest)) => (Some(user_info), rest),
            None => (None, rest),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let decoded = |text: &str| -> Option<Option<String>> {
            let text = percent_decode_str(text).decode_utf8().ok()?;
            Some((!text.is_empty()).then(|| text.into_owned()))
        };
        let (user, password) =
            user_info.map_or(("", ""), |info| info.split_once(':').unwrap_or((info, "")));
        Some(Self {
            user: decoded(user)?,
            password: decoded(password)?,
            hosts,
            path,
        })
    }

    fn hosts(&self, default: u16) -> Option<Vec<(String, u16)>> {
        let host = |host: &str| match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => {
                Some((name.to_owned(), port.parse().ok()?))
            }
            _ => Some((host.to_owned(), default)),
        };
        let known = |host: &(String, u16)| !host.0.is_empty();
        let hosts = self
            .hosts
            .split(',')
            .map(host)
            .collect::<Option<Vec<_>>>()?;
        hosts.iter().all(known).then_some(hosts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_all_three_kinds_are_read() {
        let one = ["redis://h", "redis://u:p@h:1/2", "rediss://h", "unix:///s"];
        for url in one {
            assert!(matches!(Target::parse(url), Some(Target::One(_))), "{url}");
        }
        for url in [
            "redis-sentinel://a,b:1/main",
            "rediss-sentinel://u:p%40@a:1/main/3",
        ] {
            let target = Target::parse(url);
            assert!(matches!(target, Some(Target::Sentinel(_))), "{url}");
        }
        for url in ["redis-cluster://a,b:1", "rediss-cluster://:p@[::1]:7000"] {
            let target = Target::parse(url);
            assert!(matches!(target, Some(Target::Cluster(_))), "{url}");
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
            assert!(Target::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn the_parts_of_a_url_are_told_apart() {
        let parts = Parts::of("u:p%3A@a,b:1,[::1]:2/name").unwrap();
        assert_eq!(parts.user.as_deref(), Some("u"));
        assert_eq!(parts.password.as_deref(), Some("p:"));
        assert_eq!(parts.path, "name");
        let hosts = [("a", 9), ("b", 1), ("[::1]", 2)].map(|(host, port)| (host.to_owned(), port));
        assert_eq!(parts.hosts(9).unwrap(), hosts);
    }
}
