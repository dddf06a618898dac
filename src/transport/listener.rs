//! Accepts TCP connections and puts each under guard. It must not know what they will carry.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::link::{Link, LinkLimits};
use super::stream::{BeforeWrite, GuardedStream};
use super::watch::Links;
use crate::limits::{AddressSlot, AddressSlots};

/// A TCP listener whose connections are guarded.
pub struct GuardedListener {
    /// `None` once it has stopped listening.
    tcp: Option<TcpListener>,
    enough: Arc<Notify>,
    links: Arc<Links>,
    limits: LinkLimits,
    slots: AddressSlots,
    counts: Counts,
    before_write: BeforeWrite,
}

type Counts = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

impl GuardedListener {
    /// Guards what `tcp` accepts. Connections from an address for which `counts` says yes take
    /// one of `slots`; where there is none left, they are closed as soon as they are accepted.
    /// `before_write` is called before anything is written to any of them. After `enough` was said,
    /// it accepts no more.
    pub fn new(
        tcp: TcpListener,
        links: Arc<Links>,
        limits: LinkLimits,
        slots: AddressSlots,
        counts: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
        before_write: BeforeWrite,
        enough: Arc<Notify>,
    ) -> Self {
        Self {
            tcp: Some(tcp),
            enough,
            links,
            limits,
            slots,
            counts: Box::new(counts),
            before_write,
        }
    }

    /// The next connection. Those that came before it was enough are accepted, so that none is
    /// closed without an answer.
    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let Some(tcp) = &self.tcp else {
            return std::future::pending().await;
        };
        tokio::select! {
            biased;
            accepted = tcp.accept() => return accepted,
            () = self.enough.notified() => {}
        }
        self.tcp = None;
        std::future::pending().await
    }

    fn slot(&self, peer: IpAddr) -> Option<Option<AddressSlot>> {
        match (self.counts)(peer) {
            true => self.slots.take(peer).map(Some),
            false => Some(None),
        }
    }
}

impl Listener for GuardedListener {
    type Io = GuardedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (GuardedStream, SocketAddr) {
        loop {
            match self.next().await {
                Ok((tcp, peer)) => {
                    let Some(slot) = self.slot(peer.ip()) else {
                        continue;
                    };
                    tune(&tcp);
                    let link = self.links.add(Link::new(peer, self.limits));
                    let before_write = self.before_write.clone();
                    return (GuardedStream::new(tcp, link, before_write, slot), peer);
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
        let tcp = self.tcp.as_ref();
        tcp.ok_or(io::ErrorKind::NotConnected)?.local_addr()
    }
}

/// Bytes that may wait in the kernel unsent. Much more would wait by default, and the stream could
/// be written to again only after a third of that: on a slow line, later than the write deadline.
#[cfg(target_os = "linux")]
const MOST_UNSENT: u32 = 128 * 1024;

fn tune(tcp: &TcpStream) {
    // Events are small and wanted at once. A socket that is already gone says so when it is read.
    let _ = tcp.set_nodelay(true);
    // A kernel without this option does without.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(tcp).set_tcp_notsent_lowat(MOST_UNSENT);
}

/// Errors that concern the connection being accepted only, not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// The link of the connection that a request came in on.
#[derive(Debug, Clone)]
pub struct PeerLink(pub Arc<Link>);

impl Connected<IncomingStream<'_, GuardedListener>> for PeerLink {
    fn connect_info(stream: IncomingStream<'_, GuardedListener>) -> Self {
        Self(stream.io().link().clone())
    }
}
