//! Sessions that begin on a WebSocket. The library reads and writes that itself, but where a client takes something else than
//! the library writes: there packets are passed on one by one. It must not look into an event.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::OnUpgrade;
use socketioxide::socket::Sid;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::packet::{Packet, put_server_frame};
use super::payload;
use super::pipe::Stage;
use super::revision::Revision;
use super::session::Session;
use super::settings::Settings;
use crate::transport::{GuardedStream, Link, upgraded};

type Socket = WebSocketStream<GuardedStream>;

impl Settings {
    /// What the client of a session that begins is told first, as a frame.
    pub(crate) fn first_frame(self) -> Bytes {
        let mut frame = BytesMut::new();
        let open = self.open(Sid::new().to_string(), &[]);
        put_server_frame(&open, Revision::V4, &mut frame);
        frame.freeze()
    }
}

/// The WebSocket of a session that begins, whose client has been told of it.
pub(crate) async fn begun(on_upgrade: OnUpgrade) -> io::Result<GuardedStream> {
    let mut stream = upgraded(on_upgrade).await?;
    stream.begins();
    Ok(stream)
}

impl Session {
    /// It begins on this WebSocket, which carries it to its end.
    pub(crate) fn begin_by_packets(self: Arc<Self>, link: &Arc<Link>, on_upgrade: OnUpgrade) {
        self.choose(link);
        tokio::spawn(async move {
            let open = self.settings.open(self.id.to_string(), &[]);
            match upgraded(on_upgrade).await {
                Ok(stream) => self.carry_by_packets(stream, Vec::new(), Some(open)).await,
                // The client was gone before it had the answer.
                Err(_) => self.end(),
            }
        });
    }

    /// This WebSocket carries it to its end. Of it, something may be read already, and something is to be said first.
    pub(super) async fn carry_by_packets(
        &self,
        stream: GuardedStream,
        unread: Vec<u8>,
        first: Option<Packet>,
    ) {
        let most = Some(self.settings.max_body);
        let config = WebSocketConfig::default()
            .max_message_size(most)
            .max_frame_size(most);
        let socket = Socket::from_partially_read(stream, unread, Role::Server, Some(config)).await;
        // However it comes to an end, the WebSocket is closed, and the library told.
        let ended = self.pass_packets(socket, first).await;
        tracing::debug!(?ended, "a session by packets has ended");
        self.end();
    }

    async fn pass_packets(&self, socket: Socket, first: Option<Packet>) -> Result<(), Error> {
        let (mut to_client, from_client) = socket.split();
        if let Some(first) = first {
            to_client.send(self.message(&first)).await?;
        }
        let passed = tokio::select! {
            read = self.read_packets(from_client) => read,
            written = self.write_packets(&mut to_client) => written,
        };
        // Also behind what cannot be read, such as a message that is too large.
        let closed = to_client.close().await;
        passed.and(closed)
    }

    async fn read_packets(&self, mut client: SplitStream<Socket>) -> Result<(), Error> {
        while let Some(message) = client.next().await {
            let packet = match message? {
                Message::Text(text) => payload::packet_of(self.revision, text.into()),
                Message::Binary(bytes) => payload::attachment_of(self.revision, bytes),
                _ => continue,
            };
            let Ok(packet) = packet else { return Ok(()) };
            self.wait_to_enter(&packet).await;
            if self.take_packet(packet).await.is_err() || !self.is_read().await {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn write_packets(&self, client: &mut SplitSink<Socket, Message>) -> Result<(), Error> {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let (packets, has_ended) = {
                let mut pipe = self.pipe.lock();
                (pipe.take(), matches!(pipe.stage, Stage::Ended))
            };
            if packets.is_empty() {
                if has_ended {
                    return Ok(());
                }
                changed.await;
                continue;
            }
            for packet in packets {
                client.feed(self.message(&packet)).await?;
            }
            client.flush().await?;
            self.writer.wake();
        }
    }

    fn message(&self, packet: &Packet) -> Message {
        match packet {
            // The library writes text as text.
            Packet::Text(text) => {
                Message::Text(Utf8Bytes::try_from(text.clone()).unwrap_or_default())
            }
            Packet::Binary(bytes) if self.as_text => {
                Message::Text(payload::as_text(self.revision, bytes).into())
            }
            Packet::Binary(bytes) => {
                Message::Binary(payload::as_message(self.revision, bytes.clone()))
            }
        }
    }
}
