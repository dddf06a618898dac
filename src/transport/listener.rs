//! Accepts TCP connections and wraps each in a [`GuardedStream`]. It must not know what they carry.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::before_write::BeforeWrite;
use super::flusher::Flusher;
use super::link::{Link, LinkLimits};
use super::links::Links;
use super::output::Sink;
use super::stream::GuardedStream;
use crate::config::Live;
use crate::limits::{AddressSlot, AddressSlots, Memory};
use crate::metrics::refusals::{self, Limit};

/// A TCP listener whose connections are guarded.
pub(crate) struct GuardedListener {
    /// `None` once it has stopped.
    tcp: Option<TcpListener>,
    stop: Arc<Notify>,
    links: Arc<Links>,
    limits: Live<LinkLimits>,
    slots: AddressSlots,
    most_of: MostOf,
    before_write: BeforeWrite,
    flusher: Flusher,
}

/// How many connections an address may have; `None`: any number.
pub(crate) type MostOf = Box<dyn Fn(IpAddr) -> Option<u32> + Send + Sync>;

impl GuardedListener {
    /// Guards what `tcp` accepts. An address has as many connections as `most_of` says; more are closed as soon as they
    /// are accepted. `before_write` runs before each write to any of them. After `stop` is notified it accepts no more.
    pub(crate) fn new(
        tcp: TcpListener,
        links: Arc<Links>,
        limits: Live<LinkLimits>,
        most_of: MostOf,
        before_write: BeforeWrite,
        stop: Arc<Notify>,
    ) -> Self {
        Self {
            tcp: Some(tcp),
            stop,
            links,
            limits,
            slots: AddressSlots::default(),
            most_of,
            flusher: Flusher::start(),
            before_write,
        }
    }

    /// The budget of what connections hold.
    pub(super) fn memory(&self) -> &Arc<Memory> {
        self.links.memory()
    }

    /// The next connection. Those that arrived before the stop are still accepted, so that none is
    /// closed without an answer.
    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let Some(tcp) = &self.tcp else {
            return std::future::pending().await;
        };
        tokio::select! {
            biased;
            accepted = tcp.accept() => return accepted,
            () = self.stop.notified() => {}
        }
        self.tcp = None;
        std::future::pending().await
    }

    /// `None`: refuse the connection. `Some(None)`: it is not limited.
    fn slot(&self, peer: IpAddr) -> Option<Option<AddressSlot>> {
        match (self.most_of)(peer) {
            Some(most) => self.slots.take(peer, most).map(Some),
            None => Some(None),
        }
    }

    /// The next connection that is served.
    pub(super) async fn accept(&mut self) -> GuardedStream {
        loop {
            match self.next().await {
                Ok((tcp, peer)) => {
                    let Some(slot) = self.slot(peer.ip()) else {
                        refusals::limited(Limit::ConnectionsPerIp);
                        continue;
                    };
                    let Some(open) = self.links.make_room().await else {
                        continue;
                    };
                    tune(&tcp);
                    let link = self.links.add(Link::new(peer, self.limits.clone()));
                    let (tcp, to_client) = tcp.into_split();
                    let sink = Sink {
                        tcp: to_client,
                        shard: self.flusher.shard(),
                        before_write: self.before_write.clone(),
                    };
                    return GuardedStream::new((tcp, sink), link, (open, slot));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot accept connections for now");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// Bytes that may wait unsent in the kernel. The default is much larger, and the stream becomes
/// writable again only after a third of it was sent: on a slow line, later than the write deadline.
#[cfg(target_os = "linux")]
const MAX_UNSENT_BYTES: u32 = 128 * 1024;

fn tune(tcp: &TcpStream) {
    // Events are small and must not be delayed. A socket that is already closed fails when it is read.
    let _ = tcp.set_nodelay(true);
    // Optional: older kernels do not have it.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(tcp).set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
}

/// Errors that concern the connection being accepted only, not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
