//! Hostile input of every kind that has broken other servers. After each the server is up, two other users are
//! undisturbed and received nothing forged, and memory is bounded. The offending connection may be closed.

mod attachments;
mod budget;
mod controls;
mod exhausting;
mod frames;
mod limits;
mod parser;
mod polling;
mod refusals;
mod requests;

use crate::program::server;
use test_support::harness::Relay;
use test_support::memory;
use test_support::raw::{Client, Closed, Event};
use test_support::scene::{Bystanders, all_is_well, message, stop};

/// Whom hostile events are meant to reach.
const VICTIM: &str = "bystander-bob";

/// A `send_message` to the victim, whose ciphertext is this JSON text.
fn to_victim(ciphertext: &str) -> String {
    format!(r#"{{"recipientId":"{VICTIM}","ciphertext":{ciphertext},"iv":"i","tag":"t","seq":1}}"#)
}

/// A server, and two users who must not notice anything.
pub(crate) struct Stage {
    pub(crate) relay: Relay,
    pub(crate) bystanders: Bystanders,
}

impl Stage {
    pub(crate) async fn set(env: &[(&str, &str)]) -> Self {
        let relay = server(&[env, &[memory::RETURNED_AT_ONCE]].concat());
        let bystanders = Bystanders::connect(&relay).await;
        Self { relay, bystanders }
    }

    /// All is well after this input.
    pub(crate) async fn unharmed(&mut self, input: &str) {
        println!("after {input}"); // shown when the next line fails
        all_is_well(&mut self.relay, &mut self.bystanders).await;
        let held = memory::held(&self.relay);
        assert!(held <= memory::bound(0, 0.0), "{held:.0} MiB after {input}");
    }

    pub(crate) fn strike(mut self) {
        stop(&mut self.relay);
    }
}

/// What became of a client that sent something hostile.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It can still send messages. The events that it received before the confirmation of one.
    Alive(Vec<Event>),
    /// It was closed.
    Closed,
}

/// Has the client send a valid message to itself, and waits for its confirmation or for the end.
pub(crate) async fn outcome(client: &mut Client) -> Outcome {
    const MARK: u64 = 424_242;
    let own = message(&client.user, MARK);
    let mut seen = Vec::new();
    if client.writer.emit("send_message", &own).await.is_err() {
        return Outcome::Closed;
    }
    loop {
        let Ok(packet) = client.reader.packet().await else {
            return Outcome::Closed;
        };
        let Some(event) = Event::parse(&packet) else {
            continue;
        };
        if event.name == "message:sent" && event.get("seq") == MARK {
            return Outcome::Alive(seen);
        }
        seen.push(event);
    }
}

/// The events that a client received that must have stayed connected.
async fn survives(client: &mut Client, input: &str) -> Vec<Event> {
    match outcome(client).await {
        Outcome::Alive(seen) => seen,
        Outcome::Closed => panic!("{input} closed the connection"),
    }
}

/// Sends; a connection that is closed meanwhile is what some of these inputs earn.
fn may_be_closed(sent: Result<(), Closed>) {
    drop(sent);
}
