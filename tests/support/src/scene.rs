//! What the tests over raw frames share: the messages they send, two users who must not notice whatever happens to
//! others, and clients that do not read.

use std::time::{Duration, Instant};

use crate::harness::Relay;
use crate::raw::{Client, Dial, Event, http};

/// The argument of a `send_message`.
pub fn message(recipient: &str, seq: impl std::fmt::Display) -> String {
    format!(r#"{{"recipientId":"{recipient}","ciphertext":"c","iv":"i","tag":"t","seq":{seq}}}"#)
}

/// The argument of a `send_file_chunk` whose data is this JSON text.
pub fn chunk(recipient: &str, message: &str, number: usize, total: usize, data: &str) -> String {
    format!(
        r#"{{"recipientId":"{recipient}","messageId":"{message}","chunkNumber":{number},"totalChunks":{total},"encryptedData":{data},"iv":"i","tag":"t","hash":"h","fileName":"f","fileSize":1,"mimeType":"a/b"}}"#
    )
}

/// Two users who exchange messages while others misbehave.
pub struct Bystanders {
    alice: Client,
    bob: Client,
    next: u64,
}

impl Bystanders {
    /// Connects both.
    pub async fn connect(relay: &Relay) -> Self {
        Self::named(relay, "bystander-alice", "bystander-bob").await
    }

    /// The same with these user ids.
    pub async fn named(relay: &Relay, alice: &str, bob: &str) -> Self {
        let alice = Client::connect(relay, alice).await;
        let bob = Client::connect(relay, bob).await;
        Self {
            alice,
            bob,
            next: 0,
        }
    }

    /// One message from one to the other, confirmed; how long it took to arrive. Fails when the two received anything
    /// else since the last one.
    pub async fn exchange(&mut self) -> Duration {
        self.next += 1;
        let began = Instant::now();
        self.alice
            .emit("send_message", &message(&self.bob.user, self.next))
            .await;
        let received = undisturbed(&mut self.bob, "receive_message").await;
        let took = began.elapsed();
        assert_eq!(received.number("seq"), self.next);
        assert_eq!(received.get("senderId"), self.alice.user.as_str());
        let confirmed = undisturbed(&mut self.alice, "message:sent").await;
        assert_eq!(confirmed.number("seq"), self.next);
        took
    }
}

/// The next event, which must be this one: only presence may come before it.
pub async fn undisturbed(client: &mut Client, name: &str) -> Event {
    loop {
        let packet = client.reader.packet().await.expect("an open connection");
        let event = Event::parse(&packet).unwrap_or_else(|| panic!("not an event: {packet:?}"));
        if event.name == name {
            return event;
        }
        assert!(
            event.name.starts_with("user:o"),
            "instead of {name} came {}",
            event.text
        );
    }
}

/// The server runs, is healthy and two users are undisturbed.
pub async fn all_is_well(relay: &mut Relay, bystanders: &mut Bystanders) {
    assert!(
        relay.is_running(),
        "the server ended; its log:\n{}",
        relay.log()
    );
    let health = http::get(relay, "/health").await;
    assert_eq!(health.status, 200, "{health:?}");
    bystanders.exchange().await;
}

/// Stops the server, which must end well and must not have panicked on the way.
pub fn stop(relay: &mut Relay) {
    let status = relay.terminate();
    assert!(
        status.success(),
        "stopped with {status}; the log:\n{}",
        relay.log()
    );
    assert!(
        !relay.log().contains("panicked"),
        "something panicked; the log:\n{}",
        relay.log()
    );
}

/// A client that has more waiting than it reads, so that a stop has something to wait for.
pub async fn stall(relay: &Relay) -> [Client; 2] {
    let stalled = Client::with(relay, "stalled", Dial::narrow()).await;
    let sender = Client::connect(relay, "stalling").await;
    let data = format!("\"{}\"", "x".repeat(1_000_000));
    // The kernel may hold some 40 MB on the way.
    for number in 0..100 {
        let argument = chunk("stalled", "file", number, 100, &data);
        let sending = sender.writer.emit("send_file_chunk", &argument);
        if tokio::time::timeout(Duration::from_secs(1), sending)
            .await
            .is_err()
        {
            return [stalled, sender];
        }
    }
    panic!("100 MB were read from a client whose receiver reads nothing");
}
