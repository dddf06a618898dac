//! Accepts TCP connections and puts each under guard. It must not know what they will carry.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use dashmap::DashMap;
use tokio::net::TcpListener;

use super::link::{Link, LinkLimits};
use super::stream::GuardedStream;
use super::watch::Links;

/// A TCP listener whose connections are guarded.
#[derive(Debug)]
pub struct GuardedListener {
    tcp: TcpListener,
    links: Arc<Links>,
    limits: LinkLimits,
    per_peer: PeerLimit,
}

impl GuardedListener {
    /// Guards what `tcp` accepts. At most `max_per_peer` connections may be open from one address
    /// for which `counts` says yes; more are closed as soon as they are accepted.
    pub fn new(
        tcp: TcpListener,
        links: Arc<Links>,
        limits: LinkLimits,
        max_per_peer: u32,
        counts: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        let per_peer = PeerLimit { open: Arc::default(), most: max_per_peer, counts: Box::new(counts) };
        Self { tcp, links, limits, per_peer }
    }
}

impl Listener for GuardedListener {
    type Io = GuardedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (GuardedStream, SocketAddr) {
        loop {
            match self.tcp.accept().await {
                Ok((tcp, peer)) => {
                    let Some(place) = self.per_peer.take(peer.ip()) else { continue };
                    // Events are small and wanted at once. A socket that is already gone says so
                    // when it is read.
                    let _ = tcp.set_nodelay(true);
                    let link = self.links.add(Link::new(peer, self.limits));
                    return (GuardedStream::new(tcp, link, place), peer);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections for now");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// Errors that concern the connection being accepted only, not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The link of the connection that a request came in on.
#[derive(Debug, Clone)]
pub struct PeerLink(pub Arc<Link>);

impl Connected<IncomingStream<'_, GuardedListener>> for PeerLink {
    fn connect_info(stream: IncomingStream<'_, GuardedListener>) -> Self {
        Self(stream.io().link().clone())
    }
}

type OpenPerPeer = Arc<DashMap<IpAddr, u32>>;

struct PeerLimit {
    open: OpenPerPeer,
    most: u32,
    counts: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl PeerLimit {
    fn take(&self, peer: IpAddr) -> Option<PeerPlace> {
        if !(self.counts)(peer) {
            return Some(PeerPlace(None));
        }
        let mut open = self.open.entry(peer).or_insert(0);
        if *open >= self.most {
            return None;
        }
        *open += 1;
        Some(PeerPlace(Some((self.open.clone(), peer))))
    }
}

impl std::fmt::Debug for PeerLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerLimit").field("most", &self.most).finish_non_exhaustive()
    }
}

/// One counted connection of a peer; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct PeerPlace(Option<(OpenPerPeer, IpAddr)>);

impl Drop for PeerPlace {
    fn drop(&mut self) {
        if let Some((open, peer)) = self.0.take() {
            open.remove_if_mut(&peer, |_, count| {
                *count -= 1;
                *count == 0
            });
        }
    }
}
