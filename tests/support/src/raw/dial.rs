//! How a client connects.

use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{TIMEOUT, address};
use crate::harness::Relay;

/// How a connection is made when it is not as usual.
#[derive(Debug, Default, Clone)]
pub struct Dial {
    /// Added to the query, with a leading `&`.
    pub query: String,
    /// Added to the request.
    pub headers: Vec<(String, String)>,
    /// Bytes the kernel may hold for the client; `None` leaves it to the kernel.
    pub receive_buffer: Option<u32>,
    /// Where to connect instead of the relay itself.
    pub through: Option<SocketAddr>,
    /// The address of this machine to connect from; `None` leaves it to the kernel.
    pub from: Option<IpAddr>,
}

impl Dial {
    /// A client that leaves little room for what it does not read.
    pub fn narrow() -> Self {
        Self {
            receive_buffer: Some(64 * 1024),
            ..Self::default()
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) async fn tcp(&self, relay: &Relay) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        if let Some(from) = self.from {
            socket.bind((from, 0).into()).unwrap();
        }
        let direct = || address(relay).parse().unwrap();
        let connecting = socket.connect(self.through.unwrap_or_else(direct));
        let tcp = timeout(TIMEOUT, connecting)
            .await
            .expect("to connect in time")
            .unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp
    }
}
