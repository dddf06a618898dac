//! The two halves of a connection over WebSocket.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Closed, Event, Packet, TIMEOUT};

type Stream = WebSocketStream<TcpStream>;

/// The sending half; clones share one connection.
#[derive(Clone)]
pub struct Writer(Arc<Mutex<SplitSink<Stream, Message>>>);

/// The receiving half. It answers pings while it is read, and only then.
pub struct Reader {
    stream: SplitStream<Stream>,
    writer: Writer,
}

/// Both halves of a connection.
pub(super) fn split(stream: Stream) -> (Writer, Reader) {
    let (sink, stream) = stream.split();
    let writer = Writer(Arc::new(Mutex::new(sink)));
    let reader = Reader {
        stream,
        writer: writer.clone(),
    };
    (writer, reader)
}

impl Writer {
    /// Sends an event whose argument is this JSON text, byte for byte.
    pub async fn emit(&self, event: &str, argument: &str) -> Result<(), Closed> {
        self.text(format!("42[\"{event}\",{argument}]")).await
    }

    /// Sends an event with attachments; the argument has the placeholders.
    pub async fn emit_binary(
        &self,
        event: &str,
        argument: &str,
        attachments: &[Bytes],
    ) -> Result<(), Closed> {
        let mut sink = self.0.lock().await;
        let text = format!("45{}-[\"{event}\",{argument}]", attachments.len());
        sink.feed(Message::text(text)).await.map_err(|_| Closed)?;
        for bytes in attachments {
            sink.feed(Message::binary(bytes.clone()))
                .await
                .map_err(|_| Closed)?;
        }
        sink.flush().await.map_err(|_| Closed)
    }

    /// Sends one text frame.
    pub async fn text(&self, text: impl Into<String>) -> Result<(), Closed> {
        self.send(Message::text(text.into())).await
    }

    /// Sends one frame.
    pub async fn send(&self, message: Message) -> Result<(), Closed> {
        self.0.lock().await.send(message).await.map_err(|_| Closed)
    }
}

impl Reader {
    /// The next event with this name; others are passed over. Fails the test when none comes in time.
    pub async fn event(&mut self, name: &str) -> Event {
        let mut passed = Vec::new();
        loop {
            let packet = match timeout(TIMEOUT, self.packet_whenever()).await {
                Ok(Ok(packet)) => packet,
                Ok(Err(Closed)) => {
                    panic!("closed while waiting for {name}; passed over {passed:?}")
                }
                Err(_) => panic!("no {name} in {TIMEOUT:?}; passed over {passed:?}"),
            };
            match Event::parse(&packet) {
                Some(event) if event.name == name => return event,
                Some(event) => passed.push(event.name),
                None => passed.push(packet.text.chars().take(80).collect()),
            }
        }
    }

    /// The next Socket.IO packet. Fails the test when none comes in time.
    pub async fn packet(&mut self) -> Result<Packet, Closed> {
        timeout(TIMEOUT, self.packet_whenever())
            .await
            .expect("a packet in time")
    }

    /// The next Socket.IO packet, however long that takes.
    pub async fn packet_whenever(&mut self) -> Result<Packet, Closed> {
        loop {
            match self.next().await? {
                Message::Text(text) => match text.as_str().split_at_checked(1) {
                    Some(("4", packet)) => return self.with_attachments(packet.to_owned()).await,
                    Some(("2", _)) => self.answer_ping(),
                    Some(("1", _)) => panic!("the end of a WebSocket is said by a packet"),
                    _ => {}
                },
                Message::Close(_) => return Err(Closed),
                _ => {}
            }
        }
    }

    async fn with_attachments(&mut self, text: String) -> Result<Packet, Closed> {
        let announced = match text.split_once('-') {
            Some((count, _)) if count.starts_with(['5', '6']) => count[1..].parse().unwrap_or(0),
            _ => 0,
        };
        let mut attachments = Vec::new();
        while attachments.len() < announced {
            match self.next().await? {
                Message::Binary(bytes) => attachments.push(bytes),
                Message::Text(ping) if ping.as_str() == "2" => self.answer_ping(),
                other => panic!("instead of an attachment came {other:?}"),
            }
        }
        Ok(Packet { text, attachments })
    }

    /// The next message of the WebSocket, whatever it is.
    pub async fn message(&mut self) -> Result<Message, Closed> {
        timeout(TIMEOUT, self.next())
            .await
            .expect("a message in time")
    }

    async fn next(&mut self) -> Result<Message, Closed> {
        match self.stream.next().await {
            Some(Ok(message)) => Ok(message),
            Some(Err(_)) | None => Err(Closed),
        }
    }

    /// In a task of its own: the sending half may be busy, and reading must go on meanwhile.
    fn answer_ping(&self) {
        let writer = self.writer.clone();
        // A connection that ends needs no answer.
        tokio::spawn(async move { writer.text("3").await.ok() });
    }
}
