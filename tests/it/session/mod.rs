//! The `session` dialect over raw frames. Here is what its tests share: a server, and guests who join sessions and ask
//! for things, and see every byte they are told.

mod canary;
mod hostile;
mod misshapen;
mod model;
mod order;
mod slow;
mod spoofing;
mod stage;
mod verbatim;

use std::path::Path;

use bytes::Bytes;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::Relay;
use crate::raw::{Client, Closed, Dial, Event, Packet, members};

/// A server for `session` without rate limits, which lists its sessions.
pub fn server(more: &[(&str, &str)]) -> Relay {
    Relay::start(&settings(more))
}

/// The same, in a data directory that outlives it.
pub fn server_in(data: &Path, more: &[(&str, &str)]) -> Relay {
    Relay::start_in(data, &settings(more))
}

fn settings<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let basics = [
        ("DIALECTS", "session"),
        ("RATE_LIMITS", "off"),
        ("DEBUG", "true"),
    ];
    [&basics, more].concat()
}

/// A client without a token.
pub struct Guest {
    pub client: Client,
    asked: u64,
    /// Everything it was told so far by [`Self::ask`] and [`Self::next`].
    pub told: Vec<Packet>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    /// What the asker was told before its callback was called.
    pub events: Vec<Event>,
    /// What the callback was called with; it has no name.
    pub ack: Event,
}

impl Guest {
    /// Connects and enters without a token.
    pub async fn enter(relay: &Relay) -> Self {
        Self::enter_by(relay, Dial::default()).await
    }

    /// The same, dialling in an unusual way.
    pub async fn enter_by(relay: &Relay, dial: Dial) -> Self {
        let mut client = Client::open(relay, dial).await.unwrap();
        client.writer.text("40").await.unwrap();
        let entered = client.reader.packet().await.unwrap();
        assert!(entered.text.starts_with("0{"), "{entered:?}");
        Self {
            client,
            asked: 0,
            told: Vec::new(),
        }
    }

    /// Connects, and joins a session.
    pub async fn member(relay: &Relay, session: &str, user: &str) -> Self {
        let mut guest = Self::enter(relay).await;
        guest.join(session, user).await;
        guest
    }

    /// Joins a session, which is made if there is none.
    pub async fn join(&mut self, session: &str, user: &str) -> Answer {
        user.clone_into(&mut self.client.user);
        let answer = self.ask("join-session", &join(session, user)).await;
        assert!(answer.succeeded(), "{answer:?}");
        answer
    }

    /// Asks with a callback, and waits until it is called.
    pub async fn ask(&mut self, event: &str, argument: &str) -> Answer {
        self.ask_with(event, argument, &[]).await
    }

    /// The same with attachments, for which the argument has placeholders.
    pub async fn ask_with(&mut self, event: &str, argument: &str, attachments: &[Bytes]) -> Answer {
        let answer = self.try_ask(event, argument, attachments).await;
        answer.unwrap_or_else(|Closed| panic!("{event} closed the connection"))
    }

    /// The same, for what may close the connection. An empty argument is none at all.
    pub async fn try_ask(
        &mut self,
        event: &str,
        argument: &str,
        attachments: &[Bytes],
    ) -> Result<Answer, Closed> {
        self.asked += 1;
        let asked = self.asked;
        let kind = match attachments.len() {
            0 => "42".to_owned(),
            count => format!("45{count}-"),
        };
        let comma = if argument.is_empty() { "" } else { "," };
        let text = format!("{kind}{asked}[\"{event}\"{comma}{argument}]");
        self.client.writer.text(text).await?;
        for bytes in attachments {
            let frame = Message::binary(bytes.clone());
            self.client.writer.send(frame).await?;
        }
        let mut events = Vec::new();
        loop {
            let packet = self.packet().await?;
            if let Some(event) = Event::parse(&packet) {
                events.push(event);
            } else if let Some(ack) = acknowledged(&packet, asked) {
                return Ok(Answer { events, ack });
            }
        }
    }

    /// The next event.
    pub async fn next(&mut self) -> Event {
        let packet = self.packet().await.expect("an open connection");
        Event::parse(&packet).unwrap_or_else(|| panic!("not an event: {packet:?}"))
    }

    /// The next event, which must be this one.
    pub async fn told(&mut self, name: &str) -> Event {
        let event = self.next().await;
        assert_eq!(event.name, name, "{} got {}", self.client.user, event.text);
        event
    }

    async fn packet(&mut self) -> Result<Packet, Closed> {
        let packet = self.client.reader.packet().await?;
        self.told.push(packet.clone());
        Ok(packet)
    }
}

impl Answer {
    /// Whether the callback was told so.
    pub fn succeeded(&self) -> bool {
        self.ack.get("success") == true
    }

    /// The names of the events.
    pub fn names(&self) -> Vec<&str> {
        self.events.iter().map(|event| &*event.name).collect()
    }

    /// All events with this name.
    pub fn all(&self, name: &str) -> Vec<&Event> {
        let named = |event: &&Event| event.name == name;
        self.events.iter().filter(named).collect()
    }

    /// The event with this name; there must be one.
    pub fn one(&self, name: &str) -> &Event {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in {:?}", self.names());
        all[0]
    }
}

/// The answer to the request with this number, if the packet is that.
fn acknowledged(packet: &Packet, asked: u64) -> Option<Event> {
    let text = match packet.text.as_bytes().first()? {
        b'3' => &packet.text[1..],
        b'6' => packet.text.split_once('-')?.1,
        _ => return None,
    };
    let text = text.strip_prefix(&*asked.to_string())?;
    let arguments: Vec<&RawValue> = serde_json::from_str(text).unwrap();
    Some(Event {
        name: String::new(),
        members: members(arguments[0].get()),
        attachments: packet.attachments.clone(),
        text: text.to_owned(),
    })
}

/// The argument of a `join-session`. All say that they made the session: the first one does.
pub fn join(session: &str, user: &str) -> String {
    format!(
        r#"{{"sessionId":"{session}:key","userId":"{user}","displayName":"Name of {user}","publicKey":"public key of {user}","isCreator":true}}"#
    )
}

/// The argument of a `send-message` for all, whose ciphertext is this JSON text.
pub fn message(session: &str, from: &str, encrypted: &str) -> String {
    format!(r#"{{"sessionId":"{session}","from":"{from}","encrypted":{encrypted}}}"#)
}

/// What an event's argument, an array of objects, has in it.
pub fn items(event: &Event) -> Vec<Vec<(String, String)>> {
    let arguments: Vec<&RawValue> = serde_json::from_str(&event.text).unwrap();
    let items: Vec<&RawValue> = serde_json::from_str(arguments[1].get()).unwrap();
    items.into_iter().map(|item| members(item.get())).collect()
}

/// The bytes of a field of an object; it must be there exactly once.
pub fn raw<'a>(object: &'a [(String, String)], field: &str) -> &'a str {
    let found: Vec<_> = object.iter().filter(|(name, _)| name == field).collect();
    assert_eq!(found.len(), 1, "{field} in {object:?}");
    &found[0].1
}
