//! A session whose members must not notice anything, and those who send what they should not: what the tests of hostile
//! events and of spoofing share.

use bytes::Bytes;
use serde_json::json;

use super::{Answer, Guest, server};
use test_support::harness::Relay;
use test_support::memory;
use test_support::raw::{Event, http};
use test_support::scene::stop;

/// The session that hostile events are about.
pub(super) const ROOM: &str = "room";
/// A session that is there to wait for something in.
pub(super) const FENCE: &str = "fence";
/// A session with three members, something of everything that is stored, and a member of another session.
pub(super) struct Stage {
    pub relay: Relay,
    pub alice: Guest,
    pub bob: Guest,
    /// A member who misbehaves.
    pub carol: Guest,
    /// A member of another session who misbehaves.
    pub dave: Guest,
    before: Vec<String>,
}

impl Stage {
    pub(super) async fn set(more: &[(&str, &str)]) -> Self {
        let relay = server(&[more, &[memory::RETURNED_AT_ONCE]].concat());
        let mut alice = Guest::member(&relay, ROOM, "alice").await;
        let mut bob = Guest::member(&relay, ROOM, "bob").await;
        let carol = Guest::member(&relay, ROOM, "carol").await;
        let dave = Guest::member(&relay, "another", "dave").await;
        let keys = r#"{"sessionId":"room","encryptedKeys":{"alice":"ka","bob":"kb"}}"#;
        assert!(alice.ask("set-session-key", keys).await.succeeded());
        let first =
            r#"{"sessionId":"room","from":"alice","encrypted":"first","clientMessageId":"first"}"#;
        assert!(alice.ask("send-message", first).await.succeeded());
        let private = r#"{"sessionId":"room","from":"bob","to":"alice","encrypted":"private"}"#;
        assert!(bob.ask("send-message", private).await.succeeded());
        let mut stage = Self {
            relay,
            alice,
            bob,
            carol,
            dave,
            before: Vec::new(),
        };
        stage.alice.expect("new-message").await;
        while stage.carol.next().await.name != "new-message" {}
        stage.before = stage.look().await;
        stage
    }

    /// All that is stored of the session, and which others there are, as alice is sent it when she joins again and as it is listed. Nobody may have
    /// been sent anything since the last look but the keys, which this has sent to all of them.
    async fn look(&mut self) -> Vec<String> {
        let joined = self.alice.join(ROOM, "alice").await;
        let names = [
            "messages-history",
            "session-metadata",
            "public-keys-updated",
        ];
        assert_eq!(joined.names(), names);
        let mut seen: Vec<_> = joined.events.into_iter().map(|event| event.text).collect();
        for other in [&mut self.bob, &mut self.carol] {
            let keys = other.expect("public-keys-updated").await;
            assert_eq!(Some(&keys.text), seen.last());
        }
        let listed = http::get(&self.relay, "/sessions").await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let mut sessions: Vec<serde_json::Value> = serde_json::from_str(&listed.body).unwrap();
        sessions.retain(|session| session["sessionId"] != FENCE);
        seen.push(json!(sessions).to_string());
        seen
    }

    /// The server lives, nobody was sent anything and nothing was stored.
    pub(super) async fn unharmed(&mut self, input: &str) {
        println!("after {input:.300}"); // shown when what follows fails
        assert!(self.relay.is_running(), "{}", self.relay.log());
        assert_eq!(self.look().await, self.before);
        let held = memory::held(&self.relay);
        assert!(held <= memory::bound(0, 0.0), "{held:.0} MiB");
    }

    /// What is stored is, from now on, what it is now.
    pub(super) async fn accept(&mut self) {
        self.before = self.look().await;
    }

    pub(super) fn strike(mut self) {
        stop(&mut self.relay);
    }
}

/// Who sends something hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// Someone who has not joined anything.
    Guest,
    /// A member of another session.
    NonMember,
    /// A member.
    Member,
}

pub(super) const SENDERS: [Sender; 3] = [Sender::Guest, Sender::NonMember, Sender::Member];

impl Stage {
    /// Has someone ask for something. A guest is a new one each time.
    pub(super) async fn ask(
        &mut self,
        sender: Sender,
        event: &str,
        argument: &str,
        attachments: &[Bytes],
    ) -> Answer {
        let mut guest;
        let asker = match sender {
            Sender::Member => &mut self.carol,
            Sender::NonMember => &mut self.dave,
            Sender::Guest => {
                guest = Guest::enter(&self.relay).await;
                &mut guest
            }
        };
        asker.ask_with(event, argument, attachments).await
    }
}

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Payload,
    Field(&'static str),
    NotAMember,
}

impl Refused {
    fn code(self) -> &'static str {
        match self {
            Self::Payload | Self::Field(_) => "INVALID_REQUEST",
            Self::NotAMember => "NOT_A_MEMBER",
        }
    }

    fn message(self) -> String {
        match self {
            Self::Payload => "Missing or invalid payload".to_owned(),
            Self::Field(field) => format!("Missing or invalid {field}"),
            Self::NotAMember => "You are not a member of this session.".to_owned(),
        }
    }

    fn error(self) -> serde_json::Value {
        let (code, message) = (self.code(), self.message());
        match self {
            Self::Field(field) => json!({"error": code, "message": message, "field": field}),
            _ => json!({"error": code, "message": message}),
        }
    }
}

/// The answer is this refusal and nothing else. Clients leave on an error, so what they send unasked is not answered
/// by one, and who asks for keys it may not see gets none.
pub(super) fn assert_refused(answer: &Answer, event: &str, why: Refused) {
    let received: Vec<_> = answer.events.iter().map(argument).collect();
    match event {
        "typing" | "stopped-typing" => assert_eq!(answer.names(), [""; 0]),
        "get-public-keys" => {
            assert_eq!(answer.names(), ["public-keys-updated"]);
            assert_eq!(received, [json!([])]);
        }
        _ => {
            assert_eq!(answer.names(), ["session-error"], "{answer:?}");
            assert_eq!(received, [why.error()]);
        }
    }
    let expected = match event {
        // Not to be a member is no fault there.
        "get-public-keys" if why == Refused::NotAMember => json!([{"success": true}]),
        _ => {
            let error = json!({"message": why.message(), "code": why.code()});
            json!([{"success": false, "error": error}])
        }
    };
    let ack: serde_json::Value = serde_json::from_str(&answer.ack.text).unwrap();
    assert_eq!(ack, expected);
}

fn argument(event: &Event) -> serde_json::Value {
    let arguments: Vec<serde_json::Value> = serde_json::from_str(&event.text).unwrap();
    arguments[1].clone()
}
