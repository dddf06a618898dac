//! Accepts TCP connections and counts them. It must not know what they carry.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::accepted::{Accepted, Front, Fronts};
use super::before_write::BeforeWrite;
use super::endings::Endings;
use super::flusher::Flusher;
use super::link::{Link, LinkLimits};
use super::links::Links;
use crate::config::Live;
use crate::limits::Memory;

/// A TCP listener whose connections are guarded.
pub(crate) struct GuardedListener {
    /// `None` once it has stopped.
    tcp: Option<TcpListener>,
    stop: Arc<Notify>,
    links: Arc<Links>,
    limits: Live<LinkLimits>,
    fronts: Arc<Fronts>,
    before_write: BeforeWrite,
    flusher: Flusher,
    endings: Arc<Endings>,
}

impl GuardedListener {
    /// Guards what `tcp` accepts. What comes before HTTP there, and how many connections an address may have, `front`
    /// says. `before_write` runs before each write to any of them. After `stop` is notified it accepts no more.
    pub(crate) fn new(
        tcp: TcpListener,
        links: Arc<Links>,
        limits: Live<LinkLimits>,
        front: Front,
        before_write: BeforeWrite,
        stop: Arc<Notify>,
    ) -> Self {
        if INHERITS {
            tune(&SockRef::from(&tcp));
        }
        Self {
            tcp: Some(tcp),
            stop,
            limits,
            fronts: Arc::new(Fronts::new(front, links.memory().clone())),
            links,
            flusher: Flusher::start(),
            endings: Endings::start(),
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

    /// The next connection that is served.
    pub(super) async fn accept(&mut self) -> Accepted {
        loop {
            match self.next().await {
                Ok((tcp, peer)) => {
                    let Ok(slot) = self.fronts.admits(peer) else {
                        continue;
                    };
                    let Some(open) = self.links.make_room().await else {
                        continue;
                    };
                    if !INHERITS {
                        tune(&SockRef::from(&tcp));
                    }
                    let link = self.links.add(Link::new(peer, self.limits.clone()));
                    return Accepted {
                        tcp,
                        link,
                        counted: (open, slot),
                        shard: self.flusher.shard(),
                        endings: self.endings.clone(),
                        before_write: self.before_write.clone(),
                        fronts: self.fronts.clone(),
                    };
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

/// Whether the system gives the options of a listener to what it accepts, which saves two system calls each.
const INHERITS: bool = cfg!(target_os = "linux");

/// Bytes that may wait unsent in the kernel. The default is much larger, and the stream becomes
/// writable again only after a third of it was sent: on a slow line, later than the write deadline.
#[cfg(target_os = "linux")]
const MAX_UNSENT_BYTES: u32 = 128 * 1024;

fn tune(socket: &SockRef<'_>) {
    // Events are small and must not be delayed. A socket that is already closed fails when it is read.
    let _ = socket.set_tcp_nodelay(true);
    // Optional: older kernels do not have it.
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
}

/// Errors that concern the connection being accepted only, not the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_accepted_is_tuned_as_its_listener_is() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        tune(&SockRef::from(&listener));
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (accepted, client) = (accepted.unwrap().0, client.unwrap());
        let accepted = SockRef::from(&accepted);
        assert!(accepted.tcp_nodelay().unwrap() && !client.nodelay().unwrap());
        assert_eq!(accepted.tcp_notsent_lowat().unwrap(), MAX_UNSENT_BYTES);
    }
}
