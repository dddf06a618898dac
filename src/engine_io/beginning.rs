//! Sessions that begin on a WebSocket, which the library reads and writes itself; and those whose client takes no bytes,
//! so that attachments are text for it, of which the library sees no WebSocket of the client's. It must not look into an
//! event.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::OnUpgrade;
use socketioxide::socket::Sid;
use tokio::io::AsyncWriteExt as _;
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

/// A session whose client takes no bytes, on its WebSocket.
type AsText = WebSocketStream<GuardedStream>;

impl Settings {
    /// The WebSocket of a session that begins, once its client has been told of it.
    pub(crate) async fn begin(self, on_upgrade: OnUpgrade) -> io::Result<GuardedStream> {
        let mut stream = upgraded(on_upgrade).await?;
        let mut frame = BytesMut::new();
        let open = self.open(Sid::new().to_string(), &[]);
        put_server_frame(&open, Revision::V4, &mut frame);
        stream.write_all(&frame).await?;
        stream.begins();
        Ok(stream)
    }
}

impl Session {
    /// It begins on this WebSocket, which carries it to its end.
    pub(crate) fn begin_as_text(self: Arc<Self>, link: &Arc<Link>, on_upgrade: OnUpgrade) {
        self.choose(link);
        tokio::spawn(async move {
            let open = self.settings.open(self.id.to_string(), &[]);
            match upgraded(on_upgrade).await {
                Ok(stream) => self.carry_as_text(stream, Vec::new(), Some(open)).await,
                // The client was gone before it had the answer.
                Err(_) => self.end(),
            }
        });
    }

    /// This WebSocket carries it to its end. Of it, something may be read already, and something is to be said first.
    pub(super) async fn carry_as_text(
        &self,
        stream: GuardedStream,
        unread: Vec<u8>,
        first: Option<Packet>,
    ) {
        let most = Some(self.settings.max_body);
        let config = WebSocketConfig::default()
            .max_message_size(most)
            .max_frame_size(most);
        let socket = AsText::from_partially_read(stream, unread, Role::Server, Some(config)).await;
        // However it comes to an end, the WebSocket is closed, and the library told.
        let ended = self.pass_as_text(socket, first).await;
        tracing::debug!(?ended, "a session without bytes has ended");
        self.end();
    }

    async fn pass_as_text(&self, socket: AsText, first: Option<Packet>) -> Result<(), Error> {
        let (mut to_client, from_client) = socket.split();
        if let Some(first) = first {
            to_client.send(self.message(&first)).await?;
        }
        tokio::select! {
            read = self.read_text(from_client) => read?,
            written = self.write_text(&mut to_client) => written?,
        }
        to_client.close().await
    }

    async fn read_text(&self, mut client: SplitStream<AsText>) -> Result<(), Error> {
        while let Some(message) = client.next().await {
            let packet = match message? {
                Message::Text(text) => payload::packet_of(self.revision, text.into()),
                Message::Binary(bytes) => payload::attachment_of(self.revision, bytes),
                _ => continue,
            };
            let Ok(packet) = packet else { return Ok(()) };
            if self.hand_in(&packet).is_err() || !self.is_read().await {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn write_text(&self, client: &mut SplitSink<AsText, Message>) -> Result<(), Error> {
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
        Message::Text(match packet {
            // The library writes text as text.
            Packet::Text(text) => Utf8Bytes::try_from(text.clone()).unwrap_or_default(),
            Packet::Binary(bytes) => payload::as_text(self.revision, bytes).into(),
        })
    }
}
