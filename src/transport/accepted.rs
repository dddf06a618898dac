//! A connection that was accepted, until HTTP is spoken on it: who it is from, if a load balancer says so, and TLS. All of
//! that has the deadline of a new connection. It must not know who is trusted.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::before_write::BeforeWrite;
use super::endings::Endings;
use super::flusher::Shard;
use super::link::Link;
use super::links::OpenLink;
use super::output::Sink;
use super::stream::GuardedStream;
use super::tls::SESSION_BYTES;
use super::wire::{Reading, Writing};
use super::{proxy_header, tls};
use crate::config::{Live, TlsIdentity};
use crate::limits::{AddressSlot, AddressSlots, Memory};
use crate::metrics::edge;
use crate::metrics::refusals::{self, Limit};

/// What stands in front of HTTP on the connections of a listener.
pub(crate) struct Front {
    /// How many connections an address may have; `None`: any number.
    pub(crate) most_of: Box<dyn Fn(std::net::IpAddr) -> Option<u32> + Send + Sync>,
    /// Who may say for whom they pass a connection on, and has to, if that is wanted.
    pub(crate) balancers: Option<Box<dyn Fn(std::net::IpAddr) -> bool + Send + Sync>>,
    /// By what the server is known, if TLS is spoken.
    pub(crate) identity: Option<Live<TlsIdentity>>,
}

/// The addresses of a listener's connections, and what stands in front of HTTP there.
pub(super) struct Fronts {
    front: Front,
    slots: AddressSlots,
    memory: Arc<Memory>,
}

impl Fronts {
    pub(super) fn new(front: Front, memory: Arc<Memory>) -> Self {
        Self {
            front,
            slots: AddressSlots::default(),
            memory,
        }
    }

    /// The slot of an address; none, where it is not limited.
    ///
    /// # Errors
    /// It has as many as it may.
    fn slot(&self, address: SocketAddr) -> io::Result<Option<AddressSlot>> {
        let address = address.ip();
        let Some(most) = (self.front.most_of)(address) else {
            return Ok(None);
        };
        let slot = self.slots.take(address, most);
        slot.map(Some).ok_or_else(|| {
            refusals::limited(Limit::ConnectionsPerIp);
            io::ErrorKind::ConnectionRefused.into()
        })
    }

    /// Whether this peer may connect, with its slot. Where load balancers do, whose slot it is is not known yet.
    pub(super) fn admits(&self, peer: SocketAddr) -> io::Result<Option<AddressSlot>> {
        let Some(is_one) = &self.front.balancers else {
            return self.slot(peer);
        };
        if is_one(peer.ip()) {
            return Ok(None);
        }
        edge::without_proxy_header();
        Err(io::ErrorKind::ConnectionRefused.into())
    }
}

/// Counts a connection on which a request could not come in time.
fn late(front: &Front) {
    match (&front.balancers, &front.identity) {
        (None, None) => {}
        (Some(_), None) => edge::without_proxy_header(),
        (_, Some(_)) => edge::handshake_failed(),
    }
}

/// A connection on which nothing was read.
pub(super) struct Accepted {
    pub(super) tcp: TcpStream,
    pub(super) link: Arc<Link>,
    pub(super) counted: (OpenLink, Option<AddressSlot>),
    pub(super) shard: Arc<Shard>,
    pub(super) endings: Arc<Endings>,
    pub(super) before_write: BeforeWrite,
    pub(super) fronts: Arc<Fronts>,
}

impl Accepted {
    /// Waits until HTTP may be spoken on it.
    ///
    /// # Errors
    /// It does not come to that, or not in time.
    pub(super) async fn open(self) -> io::Result<GuardedStream> {
        let (link, fronts) = (self.link.clone(), self.fronts.clone());
        tokio::select! {
            biased;
            error = link.closed() => {
                late(&fronts.front);
                Err(error)
            }
            opened = self.opened() => opened,
        }
    }

    async fn opened(self) -> io::Result<GuardedStream> {
        let Self {
            tcp,
            link,
            counted: (open, mut slot),
            shard,
            endings,
            before_write,
            fronts,
        } = self;
        let (mut reading, writing) = tcp.into_split();
        if fronts.front.balancers.is_some() {
            let client = Box::pin(proxy_header::read(&mut reading)).await;
            let client = client.inspect_err(|_| edge::without_proxy_header())?;
            if let Some(client) = client {
                slot = fronts.slot(client)?;
                link.is_from(client);
            }
        }
        let (reading, tcp) = match &fronts.front.identity {
            None => (Reading::Plain(reading), Writing::Plain(writing)),
            Some(identity) => {
                let (server, memory) = (identity.now().server(), &fronts.memory);
                let held = memory.hold(SESSION_BYTES);
                // In a box, as is the header: connections without need no room for it.
                let shaken = Box::pin(tls::accept((reading, writing), server, held)).await;
                let (reading, writing) = shaken.inspect_err(|_| edge::handshake_failed())?;
                (Reading::Tls(reading), Writing::Tls(writing))
            }
        };
        let sink = Sink {
            tcp,
            shard,
            endings,
            before_write,
        };
        Ok(GuardedStream::new((reading, sink), link, (open, slot)))
    }
}
