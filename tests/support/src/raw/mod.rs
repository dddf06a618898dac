//! A client that speaks Engine.IO and Socket.IO frames by hand, so that a test decides every byte it sends, when it
//! reads, and sees the bytes it gets.
//!
//! Owns the wire; knows no event but `auth:success`. Every wait is for a condition and has a deadline.

mod dial;
mod event;
mod halves;
pub mod http;
pub mod line;
pub mod polling;
pub mod socket;
pub mod token;

use std::time::Duration;

use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub use self::dial::Dial;
pub use self::event::{Event, Packet, acknowledged, members};
use self::halves::split;
pub use self::halves::{Reader, Writer};
use crate::harness::Relay;

/// How long anything that must come may take. Two processors carry all tests at once.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A connection over WebSocket.
pub struct Client {
    /// Whom it speaks for.
    pub user: String,
    /// Its sending half.
    pub writer: Writer,
    /// Its receiving half.
    pub reader: Reader,
}

/// The connection is over. Why is not the reader's to know: the relay closes a hostile one in several ways.
#[derive(Debug)]
pub struct Closed;

impl Client {
    /// Connects, authenticates and waits until the relay says so.
    pub async fn connect(relay: &Relay, user: &str) -> Self {
        Self::with(relay, user, Dial::default()).await
    }

    /// The same, dialling in an unusual way.
    pub async fn with(relay: &Relay, user: &str, dial: Dial) -> Self {
        let mut client = Self::open(relay, dial).await.unwrap();
        user.clone_into(&mut client.user);
        client.enter(&token::for_user(user)).await.unwrap();
        client.event("auth:success").await;
        client
    }

    /// Opens a WebSocket and reads the open packet of Engine.IO; not in the namespace yet.
    pub async fn open(relay: &Relay, dial: Dial) -> Result<Self, Closed> {
        let tcp = dial.tcp(relay).await;
        let path = "/socket.io/?EIO=4&transport=websocket";
        let url = format!("ws://{}{path}{}", address(relay), dial.query);
        let mut request = http::request_for(&url);
        for (name, value) in &dial.headers {
            request.headers_mut().append(
                http::header_name(name),
                value.parse().expect("a header value"),
            );
        }
        let config = WebSocketConfig::default()
            .max_message_size(None)
            .max_frame_size(None);
        let connecting = tokio_tungstenite::client_async_with_config(request, tcp, Some(config));
        let (stream, _) = timeout(TIMEOUT, connecting)
            .await
            .expect("an answer")
            .map_err(|_| Closed)?;
        let (writer, reader) = split(stream);
        let mut client = Self {
            user: String::new(),
            writer,
            reader,
        };
        match client.reader.message().await? {
            Message::Text(text) if text.starts_with('0') => Ok(client),
            other => panic!("no open packet but {other:?}"),
        }
    }

    /// Enters the namespace with a token. The answer of the relay when it refuses.
    pub async fn enter(&mut self, token: &str) -> Result<(), String> {
        self.writer
            .text(format!("40{{\"token\":\"{token}\"}}"))
            .await
            .map_err(|_| "closed".to_owned())?;
        let answer = self
            .reader
            .packet()
            .await
            .map_err(|_| "closed".to_owned())?
            .text;
        match answer.strip_prefix('0') {
            Some(_) => Ok(()),
            None => Err(answer),
        }
    }

    /// Sends an event whose argument is this JSON text, byte for byte.
    pub async fn emit(&self, event: &str, argument: &str) {
        self.writer
            .emit(event, argument)
            .await
            .expect("an open connection");
    }

    /// The next event with this name; others are passed over.
    pub async fn event(&mut self, name: &str) -> Event {
        self.reader.event(name).await
    }

    /// Waits until the relay has closed this connection; what came before that.
    pub async fn closed(&mut self) -> Vec<Packet> {
        self.closed_within(TIMEOUT).await
    }

    /// The same with a deadline of one's own.
    pub async fn closed_within(&mut self, deadline: Duration) -> Vec<Packet> {
        let mut seen = Vec::new();
        let reading = async {
            while let Ok(packet) = self.reader.packet_whenever().await {
                seen.push(packet);
            }
        };
        let ended = timeout(deadline, reading).await;
        assert!(ended.is_ok(), "still open after {deadline:?}; got {seen:?}");
        seen
    }
}

/// `127.0.0.1:<port>`.
pub fn address(relay: &Relay) -> &str {
    relay.url().strip_prefix("http://").unwrap()
}
