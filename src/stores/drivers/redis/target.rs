//! Where Redis is: one server, the master that sentinels name, or a cluster. Owns connecting.

use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, Pipeline, ProtocolVersion, PushInfo,
    RedisFuture, RedisResult, TlsMode, Value,
};
use tokio::sync::Mutex;

use crate::config::{RedisNodes, RedisServers, RedisUrl};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a reply may take, while a client waits.
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);

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
pub(crate) enum RedisLink {
    /// To one server.
    One(MultiplexedConnection),
    /// To a cluster.
    Cluster(ClusterConnection),
}

impl Target {
    /// Prepares a client; it does not connect yet.
    pub(super) fn new(url: &RedisUrl) -> RedisResult<Self> {
        match url.servers() {
            RedisServers::Single(info) => {
                let settings = info.redis_settings().clone();
                let settings = settings.set_protocol(ProtocolVersion::RESP3);
                let info = (**info).clone().set_redis_settings(settings);
                Ok(Self::One(Client::open(info)?))
            }
            RedisServers::Sentinel {
                sentinels,
                primary,
                database,
            } => Self::sentinel(sentinels, primary, *database),
            RedisServers::Cluster(nodes) => Self::cluster(nodes),
        }
    }

    fn sentinel(sentinels: &RedisNodes, primary: &str, database: Option<i64>) -> RedisResult<Self> {
        let address = |(host, port): (String, u16)| match sentinels.tls {
            false => ConnectionAddr::Tcp(host, port),
            true => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: false,
                tls_params: None,
            },
        };
        let hosts = sentinels.hosts.iter().cloned().map(address);
        let mut builder = SentinelClientBuilder::new(hosts, primary, MASTER)?
            .set_client_to_redis_protocol(ProtocolVersion::RESP3);
        if sentinels.tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
        }
        if let Some(user) = &sentinels.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &sentinels.password {
            builder = builder.set_client_to_redis_password(password.expose());
        }
        if let Some(database) = database {
            builder = builder.set_client_to_redis_db(database);
        }
        Ok(Self::Sentinel(Mutex::new(builder.build()?)))
    }

    fn cluster(nodes: &RedisNodes) -> RedisResult<Self> {
        let mut builder = ClusterClient::builder(nodes.hosts.clone())
            .use_protocol(ProtocolVersion::RESP3)
            // What failed may have been done: repeated, clients would receive events twice.
            .retries(0)
            .connection_timeout(CONNECT_TIMEOUT)
            .response_timeout(REPLY_TIMEOUT);
        if nodes.tls {
            builder = builder.tls(TlsMode::Secure);
        }
        if let Some(user) = &nodes.user {
            builder = builder.username(user);
        }
        if let Some(password) = &nodes.password {
            builder = builder.password(password.expose());
        }
        Ok(Self::Cluster(builder.build()?))
    }

    /// Connects. What Redis pushes goes to `pushed`.
    pub(super) async fn connect(
        &self,
        pushed: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> RedisResult<RedisLink> {
        let pushed = move |info| {
            pushed(info);
            Ok::<_, std::convert::Infallible>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(REPLY_TIMEOUT));
        match self {
            Self::One(client) => {
                let config = config.set_push_sender(pushed);
                let connection = client.get_multiplexed_async_connection_with_config(&config);
                Ok(RedisLink::One(connection.await?))
            }
            Self::Sentinel(client) => {
                let config = config.set_push_sender(pushed);
                let mut client = client.lock().await;
                let connection = client.get_async_connection_with_config(&config);
                Ok(RedisLink::One(connection.await?))
            }
            Self::Cluster(client) => {
                let config = redis::cluster::ClusterConfig::new().set_push_sender(pushed);
                let connection = client.get_async_connection_with_config(config);
                Ok(RedisLink::Cluster(connection.await?))
            }
        }
    }
}

const MASTER: SentinelServerType = SentinelServerType::Master;

impl ConnectionLike for RedisLink {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::new(&RedisUrl::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn urls_of_all_three_kinds_make_clients_of_their_kind() {
        for url in ["redis://h", "redis://u:p@h:1/2", "rediss://h", "unix:///s"] {
            assert!(matches!(target(url), Target::One(_)), "{url}");
        }
        for url in [
            "redis-sentinel://a,b:1/main",
            "rediss-sentinel://u:p%40@a:1/main/3",
        ] {
            assert!(matches!(target(url), Target::Sentinel(_)), "{url}");
        }
        for url in ["redis-cluster://a,b:1", "rediss-cluster://:p@[::1]:7000"] {
            assert!(matches!(target(url), Target::Cluster(_)), "{url}");
        }
    }
}
