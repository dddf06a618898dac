//! A client that asks with callbacks, and knows all that it was sent in between.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Message;

use test_support::harness::Relay;
use test_support::raw::{Client, Closed, Dial, Event, Packet, acknowledged};

/// A client whose events all have a callback.
pub(crate) struct RequestClient {
    pub(crate) connection: Client,
    asked: u64,
    /// Everything it was sent so far by [`Self::ask`] and [`Self::next`].
    pub(crate) received: Vec<Packet>,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What the asker was sent before its callback was called.
    pub(crate) events: Vec<Event>,
    /// What the callback was called with; it has no name.
    pub(crate) ack: Event,
}

impl RequestClient {
    /// One who is in the namespace already.
    pub(crate) fn new(connection: Client) -> Self {
        Self {
            connection,
            asked: 0,
            received: Vec::new(),
        }
    }

    /// Connects and enters without a token.
    pub(crate) async fn enter(relay: &Relay) -> Self {
        Self::enter_by(relay, Dial::default()).await
    }

    /// The same, dialling in an unusual way.
    pub(crate) async fn enter_by(relay: &Relay, dial: Dial) -> Self {
        let mut client = Client::open(relay, dial).await.unwrap();
        client.writer.text("40").await.unwrap();
        let entered = client.reader.packet().await.unwrap();
        assert!(entered.text.starts_with("0{"), "{entered:?}");
        Self::new(client)
    }

    /// Asks with a callback, and waits until it is called.
    pub(crate) async fn ask(&mut self, event: &str, argument: &str) -> Answer {
        self.ask_with(event, argument, &[]).await
    }

    /// The same with attachments, for which the argument has placeholders.
    pub(crate) async fn ask_with(
        &mut self,
        event: &str,
        argument: &str,
        attachments: &[Bytes],
    ) -> Answer {
        let answer = self.try_ask(event, argument, attachments).await;
        answer.unwrap_or_else(|Closed| panic!("{event} closed the connection"))
    }

    /// The same, for what may close the connection. An empty argument is none at all.
    pub(crate) async fn try_ask(
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
        self.connection.writer.text(text).await?;
        for bytes in attachments {
            let frame = Message::binary(bytes.clone());
            self.connection.writer.send(frame).await?;
        }
        let mut events = Vec::new();
        loop {
            let packet = self.packet().await?;
            if let Some(event) = Event::parse(&packet) {
                events.push(event);
            } else if let Some((number, ack)) = acknowledged(&packet)
                && number == asked
            {
                return Ok(Answer { events, ack });
            }
        }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Event {
        let packet = self.packet().await.expect("an open connection");
        Event::parse(&packet).unwrap_or_else(|| panic!("not an event: {packet:?}"))
    }

    /// The next event, which must be this one.
    pub(crate) async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await;
        assert_eq!(
            event.name, name,
            "{} got {}",
            self.connection.user, event.text
        );
        event
    }

    async fn packet(&mut self) -> Result<Packet, Closed> {
        let packet = self.connection.reader.packet().await?;
        self.received.push(packet.clone());
        Ok(packet)
    }
}

impl Answer {
    /// Whether the callback reports success.
    pub(crate) fn succeeded(&self) -> bool {
        self.ack.get("success") == true
    }

    /// The names of the events.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.events.iter().map(|event| &*event.name).collect()
    }

    /// All events with this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&Event> {
        let named = |event: &&Event| event.name == name;
        self.events.iter().filter(named).collect()
    }

    /// The event with this name; there must be one.
    pub(crate) fn one(&self, name: &str) -> &Event {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in {:?}", self.names());
        all[0]
    }
}
