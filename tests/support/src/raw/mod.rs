//! A client that speaks Engine.IO and Socket.IO frames by hand, so that a test decides every byte it sends, when it
//! reads, and sees the bytes it gets.
//!
//! Owns the wire; knows no event but `auth:success`. Every wait is for a condition and has a deadline.

pub mod http;
pub mod line;
pub mod polling;
pub mod socket;
pub mod token;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::harness::Relay;

/// How long anything that must come may take. Two processors carry all tests at once.
pub const TIMEOUT: Duration = Duration::from_secs(20);

type Stream = WebSocketStream<TcpStream>;

/// A connection over WebSocket.
pub struct Client {
    /// Whom it speaks for.
    pub user: String,
    /// Its sending half.
    pub writer: Writer,
    /// Its receiving half.
    pub reader: Reader,
}

/// The sending half; clones share one connection.
#[derive(Clone)]
pub struct Writer(Arc<Mutex<SplitSink<Stream, Message>>>);

/// The receiving half. It answers pings while it is read, and only then.
pub struct Reader {
    stream: SplitStream<Stream>,
    writer: Writer,
}

/// A Socket.IO packet as it came: its text from the packet type on, and its attachments.
#[derive(Debug, Clone)]
pub struct Packet {
    /// The text, without the digit of Engine.IO.
    pub text: String,
    /// As many as the text announced.
    pub attachments: Vec<Bytes>,
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
        let (sink, stream) = stream.split();
        let writer = Writer(Arc::new(Mutex::new(sink)));
        let reader = Reader {
            stream,
            writer: writer.clone(),
        };
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
                    Some(("1", _)) => return Err(Closed),
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

    async fn message(&mut self) -> Result<Message, Closed> {
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

    async fn tcp(&self, relay: &Relay) -> TcpStream {
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

/// `127.0.0.1:<port>`.
pub fn address(relay: &Relay) -> &str {
    relay.url().strip_prefix("http://").unwrap()
}

/// An event as it came.
#[derive(Debug, Clone)]
pub struct Event {
    /// Empty for what a callback was called with.
    pub name: String,
    /// The members of its argument in order, each value as its bytes.
    pub members: Vec<(String, String)>,
    /// The attachments of its packet.
    pub attachments: Vec<Bytes>,
    /// The whole text, `["name",…]`.
    pub text: String,
}

impl Event {
    /// The event in a packet, if it is one.
    pub fn parse(packet: &Packet) -> Option<Self> {
        let text = match packet.text.as_bytes().first()? {
            b'2' => &packet.text[1..],
            b'5' => packet.text.split_once('-')?.1,
            _ => return None,
        };
        let items: Vec<&RawValue> =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("not JSON ({e}): {text}"));
        let name = serde_json::from_str(items[0].get()).unwrap();
        let members = items
            .get(1)
            .map_or_else(Vec::new, |argument| members(argument.get()));
        Some(Self {
            name,
            members,
            attachments: packet.attachments.clone(),
            text: text.to_owned(),
        })
    }

    /// The bytes of a field; it must be there exactly once.
    pub fn raw(&self, field: &str) -> &str {
        let mut found = self.members.iter().filter(|(name, _)| name == field);
        let (_, value) = found
            .next()
            .unwrap_or_else(|| panic!("no {field} in {}", self.text));
        assert!(
            found.next().is_none(),
            "{field} is there twice in {}",
            self.text
        );
        value
    }

    /// A field decoded; `Null` when it is missing.
    pub fn get(&self, field: &str) -> Value {
        let found = self.members.iter().find(|(name, _)| name == field);
        found.map_or(Value::Null, |(_, value)| {
            serde_json::from_str(value).unwrap()
        })
    }

    /// A field that is a whole number.
    pub fn number(&self, field: &str) -> u64 {
        self.get(field)
            .as_u64()
            .unwrap_or_else(|| panic!("no number {field} in {}", self.text))
    }
}

/// What the callback with which number was called with, if the packet is that. It has no name.
pub fn acknowledged(packet: &Packet) -> Option<(u64, Event)> {
    let text = match packet.text.as_bytes().first()? {
        b'3' => &packet.text[1..],
        b'6' => packet.text.split_once('-')?.1,
        _ => return None,
    };
    let (number, arguments) = text.split_at(text.find('[')?);
    let parsed: Vec<&RawValue> = serde_json::from_str(arguments).unwrap();
    let answer = Event {
        name: String::new(),
        members: members(parsed[0].get()),
        attachments: packet.attachments.clone(),
        text: arguments.to_owned(),
    };
    Some((number.parse().unwrap(), answer))
}

/// The members of a JSON object in order, duplicates and all, each value as its bytes. Empty for what is no object.
pub fn members(object: &str) -> Vec<(String, String)> {
    struct Members;
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, String)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                members.push((name, value.get().to_owned()));
            }
            Ok(members)
        }
    }
    let mut text = serde_json::Deserializer::from_str(object);
    serde::Deserializer::deserialize_map(&mut text, Members).unwrap_or_default()
}
