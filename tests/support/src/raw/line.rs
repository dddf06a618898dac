//! A line between a client and the relay that carries so much and no more.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::interval;

use super::{Dial, address};
use crate::harness::Relay;

/// A line on which a client of the relay is sent so many bytes per second, in small pieces.
pub async fn slow_line(relay: &Relay, bytes_per_second: usize) -> Dial {
    const TICK: Duration = Duration::from_millis(20);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = Some(listener.local_addr().unwrap());
    let relay: SocketAddr = address(relay).parse().unwrap();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(64 * 1024).unwrap();
        let server = socket.connect(relay).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        // Whichever side ends ends the line.
        tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
        let mut piece = vec![0; bytes_per_second / 50];
        let mut pace = interval(TICK);
        loop {
            pace.tick().await;
            match from_server.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(length) => {
                    if to_client.write_all(&piece[..length]).await.is_err() {
                        return;
                    }
                }
            }
        }
    });
    Dial {
        through,
        ..Dial::default()
    }
}
