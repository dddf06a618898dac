//! A WebSocket whose frames need not be valid: a TCP connection after the upgrade.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{TIMEOUT, address, token};
use crate::harness::Relay;

/// The opcode of a further frame of a message.
pub const CONTINUATION: u8 = 0;
/// The opcode of a text message.
pub const TEXT: u8 = 1;
/// The opcode of a binary message.
pub const BINARY: u8 = 2;
/// The opcode of a ping.
pub const PING: u8 = 9;
/// The opcode of a pong.
pub const PONG: u8 = 10;
/// The last frame of a message.
pub const FIN: u8 = 0x80;

/// An upgraded TCP connection.
pub struct RawSocket {
    tcp: TcpStream,
}

impl RawSocket {
    /// Upgrades; what is sent next is for the test to decide.
    pub async fn open(relay: &Relay) -> Self {
        let (tcp, head) = upgrade(relay, "").await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        Self { tcp }
    }

    /// Upgrades and authenticates.
    pub async fn connect(relay: &Relay, user: &str) -> Self {
        let mut socket = Self::open(relay).await;
        let enter = format!("40{{\"token\":\"{}\"}}", token::for_user(user));
        socket.send(&frame(FIN | TEXT, enter.as_bytes())).await;
        socket.until("auth:success").await;
        socket
    }

    /// Sends bytes as they are. Whether they got out is not the point: the relay may close at any byte.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sending = async {
            self.tcp.write_all(bytes).await.ok();
        };
        timeout(TIMEOUT, sending)
            .await
            .expect("the relay to read or to close");
    }

    /// Reads until this text came by.
    pub async fn until(&mut self, text: &str) {
        let mut seen = Vec::new();
        let reading = async {
            let mut buffer = [0; 4096];
            while !String::from_utf8_lossy(&seen).contains(text) {
                let read = self.tcp.read(&mut buffer).await.unwrap();
                assert!(read > 0, "closed while waiting for {text}");
                seen.extend_from_slice(&buffer[..read]);
            }
        };
        timeout(TIMEOUT, reading).await.expect("the text in time");
    }

    /// Waits until the relay has closed the connection.
    pub async fn closed(&mut self) {
        let mut buffer = [0; 4096];
        let reading =
            async { while self.tcp.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
        let ended = timeout(TIMEOUT, reading).await;
        assert!(ended.is_ok(), "still open");
    }
}

/// Asks for an upgrade with further header lines; the connection and the head of the answer.
pub async fn upgrade(relay: &Relay, headers: &str) -> (TcpStream, String) {
    let mut tcp = TcpStream::connect(address(relay)).await.unwrap();
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n",
        address(relay)
    );
    // It may be refused before it was read.
    tcp.write_all(request.as_bytes()).await.ok();
    let mut head = Vec::new();
    let reading = async {
        while !head.ends_with(b"\r\n\r\n") {
            match tcp.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
    };
    timeout(TIMEOUT, reading).await.expect("an answer in time");
    (tcp, String::from_utf8_lossy(&head).into_owned())
}

/// A masked frame; `first` is the opcode with its flags.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(first, payload.len() as u64);
    frame[1] |= 0x80;
    frame.extend([0x5a; 4]);
    frame.extend(payload.iter().map(|byte| byte ^ 0x5a));
    frame
}

/// The header of an unmasked frame, which may announce any length.
pub fn header(first: u8, length: u64) -> Vec<u8> {
    let mut header = vec![first];
    match length {
        0..=125 => header.push(length as u8),
        126..=0xffff => {
            header.push(126);
            header.extend((length as u16).to_be_bytes());
        }
        _ => {
            header.push(127);
            header.extend(length.to_be_bytes());
        }
    }
    header
}
