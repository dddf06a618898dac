//! The TCP listener of a server, with the limits of its configuration. What arrives on a connection
//! is for `transport` and the edges.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, lookup_host};
use tokio::sync::Notify;

use super::error::StartError;
use crate::app::App;
use crate::config::{Config, Host, Live, LiveConfig, ProxyProtocol, TlsIdentity};
use crate::engine_io::FRAMING;
use crate::limits::address::is_trusted;
use crate::transport::{
    BeforeWrite, Front, GuardedListener, LinkLimits, Links, Pace, RequestLimits,
};

/// How many TCP connections a client may have for one Socket.IO connection: polling uses two, and an
/// upgrade one more.
const TCP_PER_CONNECTION: u32 = 4;

/// A single address may have one in so many of all TCP connections.
const SHARE: usize = 4;

/// Listens on the configured address. Also returns the address, in which the port is never 0.
pub(super) async fn bind(config: &Config) -> Result<(TcpListener, SocketAddr), StartError> {
    bind_to(&config.host, config.port).await
}

/// The same for any host and port.
pub(super) async fn bind_to(
    host: &Host,
    port: u16,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(host.to_string(), port, error);
    let addresses = resolve(host, port).await.map_err(failed)?;
    let tcp = listen(&addresses).await.map_err(failed)?;
    let address = tcp.local_addr().map_err(failed)?;
    Ok((tcp, address))
}

/// The addresses of a host, those of IPv4 first: whatever connects by the name tries these, too.
async fn resolve(host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<_> = match host {
        Host::Address(address) => vec![SocketAddr::new(*address, port)],
        Host::Name(name) => lookup_host((name.as_str(), port)).await?.collect(),
    };
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

/// Listens on the first of these addresses that this machine has. One where somebody else listens is not passed over:
/// by the name, clients would reach them.
async fn listen(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut missing = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => missing = error,
            other => return other,
        }
    }
    Err(missing)
}

/// Guards what `tcp` accepts: its connections are added to `links`, and after `stop` is notified it
/// accepts no more.
pub(super) fn guard(
    tcp: TcpListener,
    links: &Arc<Links>,
    app: &App,
    (limits, identity): (&Live<LinkLimits>, Option<Live<TlsIdentity>>),
    stop: Arc<Notify>,
) -> GuardedListener {
    // What a client received must be in the audit even after a kill.
    let audit = app.audit.clone();
    GuardedListener::new(
        tcp,
        links.clone(),
        limits.clone(),
        front(&app.config, links.max(), identity),
        BeforeWrite::new(move || audit.secure()),
        stop,
    )
}

/// How many TCP connections an address may have, of so many, and what comes before HTTP on them.
/// Whoever a load balancer passes on takes a slot as well: the balancer itself is trusted, and takes none.
fn front(config: &LiveConfig, all: usize, identity: Option<Live<TlsIdentity>>) -> Front {
    let is_required = config.now().proxy_protocol == ProxyProtocol::Required;
    let trusted = config.clone();
    let config = config.clone();
    let share = u32::try_from(all.div_ceil(SHARE)).unwrap_or(u32::MAX);
    let most_of = move |peer: IpAddr| {
        let config = config.now();
        let most = config
            .max_connections_per_ip
            .saturating_mul(TCP_PER_CONNECTION);
        let is_client = !is_trusted(peer, &config.trusted_proxies);
        is_client.then_some(most.min(share))
    };
    let is_balancer = move |peer: IpAddr| is_trusted(peer, &trusted.now().trusted_proxies);
    Front {
        most_of: Box::new(most_of),
        balancers: is_required.then(|| Box::new(is_balancer) as _),
        identity,
    }
}

impl From<&Config> for RequestLimits {
    fn from(config: &Config) -> Self {
        Self {
            max_head: config.max_head_bytes,
            pace: Pace {
                grace: config.request_timeout,
                min_rate: config.min_request_rate,
            },
        }
    }
}

impl From<&Config> for LinkLimits {
    fn from(config: &Config) -> Self {
        Self {
            handshake_timeout: config.connect_timeout,
            head_timeout: config.request_timeout,
            keep_alive: 3 * config.ping_interval,
            handshake_max_bytes: config.handshake_max_bytes,
            write_deadline: config.write_deadline,
            min_drain_rate: config.min_drain_rate,
            max_frame: (config.max_event_bytes + FRAMING) as u64,
            heartbeat: config.ping_timeout / 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_is_not_here_is_passed_over_and_one_that_is_taken_is_not() {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
        let taken = listen(&[elsewhere, local]).await.unwrap();
        let taken = taken.local_addr().unwrap();
        let refused = listen(&[taken, local]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        let nowhere = listen(&[elsewhere]).await.unwrap_err();
        assert_eq!(nowhere.kind(), io::ErrorKind::AddrNotAvailable);
        assert!(listen(&[]).await.is_err());
    }
}
