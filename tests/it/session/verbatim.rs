//! What is encrypted and what is a key arrives with the bytes it was sent with, now and in the history.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

use super::{Answer, Guest, items, raw, server};
use test_support::harness::Relay;
use test_support::json_text::{
    SPACES, json, placeholder, required, resolved, text, with_attachments,
};
use test_support::raw::Event;
use test_support::scene::stop;

const CASES: u32 = 100;

/// A message as it is sent.
#[derive(Debug, Clone)]
struct Content {
    encrypted: String,
    /// How many of the attachments are in `encrypted`.
    encrypted_attachments: usize,
    original: Option<String>,
    attachments: Vec<Bytes>,
}

fn any_content() -> impl Strategy<Value = Content> {
    let binary = with_attachments().prop_map(|(shape, bytes)| {
        let mut shape = shape;
        for number in 0..bytes.len() {
            shape = shape.replace(&format!("@{number}@"), &placeholder(number));
        }
        let encrypted = format!("[{}]", shape.replace('|', ","));
        (encrypted, bytes)
    });
    let plain = required().prop_map(|text| (text, Vec::new()));
    let original = prop_oneof![Just(None), json().prop_map(Some)];
    let binary_original = prop_oneof![3 => Just(None), 1 => vec(any::<u8>(), 1..50).prop_map(Some)];
    let parts = (
        prop_oneof![3 => plain, 2 => binary],
        original,
        binary_original,
    );
    parts.prop_map(|((encrypted, mut bytes), mut original, binary_original)| {
        let encrypted_attachments = bytes.len();
        if let Some(more) = binary_original {
            let placeholder = placeholder(bytes.len());
            original = Some(format!("{{\"n\":1.0,\"k\":[{placeholder}]}}"));
            bytes.push(more);
        }
        Content {
            encrypted,
            encrypted_attachments,
            original,
            attachments: bytes.into_iter().map(Bytes::from).collect(),
        }
    })
}

/// A public key: a string that is not empty, or an object.
fn public_key() -> impl Strategy<Value = String> {
    let filled = text().prop_map(|text| match &*text {
        "\"\"" => "\"\\u0000\"".to_owned(),
        _ => text,
    });
    let object = (select(SPACES), json())
        .prop_map(|(space, json)| format!("{{{space}\"kty\":{space}{json}{space},\"kty\":1.0}}"));
    prop_oneof![filled, object]
}

/// Session keys for some members, and for others.
fn session_keys() -> impl Strategy<Value = Vec<(String, String)>> {
    let user = select(&["alice", "bob", "carol", "erin", "constructor", ""][..]);
    vec((user.prop_map(str::to_owned), json()), 0..6)
}

#[test]
fn messages_and_keys_arrive_with_the_same_bytes_now_and_in_the_history() {
    let runtime = Runtime::new().unwrap();
    let mut relay = server(&[]);
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let strategy = (
        vec(any_content(), 1..7),
        public_key(),
        session_keys(),
        select(SPACES),
    );
    let outcome = runner.run(&strategy, |(contents, key, keys, space)| {
        runtime.block_on(talk(&relay, &contents, &key, &keys, space))
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    stop(&mut relay);
}

/// Alice talks to bob; carol comes later.
async fn talk(
    relay: &Relay,
    contents: &[Content],
    key: &str,
    keys: &[(String, String)],
    space: &str,
) -> Result<(), TestCaseError> {
    let mut alice = Guest::enter(relay).await;
    let mut bob = Guest::enter(relay).await;
    let mut carol = Guest::enter(relay).await;
    let session = format!("s-{}", uuid::Uuid::new_v4());
    let enter = |user: &str, key: &str| {
        format!(
            r#"{{"sessionId":"{session}:k","userId":"{user}","publicKey":{key},"isCreator":true}}"#
        )
    };
    alice.ask("join-session", &enter("alice", "null")).await;
    bob.ask("join-session", &enter("bob", "\"of bob\"")).await;
    alice.expect("user-joined").await;
    alice.expect("public-keys-updated").await;

    let save =
        format!(r#"{{"sessionId":"{session}","userId":"alice","publicKey":{space}{key}{space}}}"#);
    let saved = alice.ask("save-public-key", &save).await;
    for event in [
        saved.one("public-keys-updated"),
        &bob.expect("public-keys-updated").await,
    ] {
        same_key(event, "alice", key)?;
    }

    let entries: Vec<_> = keys
        .iter()
        .map(|(user, value)| format!("{space}\"{user}\"{space}:{space}{value}"))
        .collect();
    let encrypted_keys = format!("{{{space}{}{space}}}", entries.join(","));
    let argument = format!(r#"{{"encryptedKeys":{encrypted_keys},"sessionId":"{session}"}}"#);
    let set = alice.ask("set-session-key", &argument).await;
    for event in [
        set.one("session-key-available"),
        &bob.expect("session-key-available").await,
    ] {
        prop_assert_eq!(event.raw("encryptedKeys"), &encrypted_keys);
    }

    for (number, message) in contents.iter().enumerate() {
        // That it is for all may be named or not.
        let to = if number % 2 == 1 {
            r#""to":"all","#
        } else {
            ""
        };
        let sent = send(&mut alice, &session, to, message).await;
        let got = bob.expect("new-message").await;
        same_message(message, got.raw("encrypted"), &got.attachments)?;
        prop_assert_eq!(got.attachments.len(), message.encrypted_attachments);
        for confirmed in [sent.one("message-sent"), &sent.ack] {
            same_message(message, confirmed.raw("encrypted"), &confirmed.attachments)?;
            prop_assert_eq!(confirmed.attachments.len(), message.attachments.len());
            match &message.original {
                Some(original) => prop_assert_eq!(
                    resolved(confirmed.raw("originalContent"), &confirmed.attachments),
                    resolved(original, &message.attachments)
                ),
                None => prop_assert!(!confirmed.text.contains("originalContent")),
            }
        }
        prop_assert!(!got.text.contains("originalContent"));
    }

    let joined = carol.ask("join-session", &enter("carol", "null")).await;
    let mut stored = Vec::new();
    for part in joined.all("messages-history") {
        prop_assert!(part.attachments.len() <= 10);
        let messages = items(part).into_iter();
        stored.extend(messages.map(|message| (message, &part.attachments)));
    }
    prop_assert_eq!(stored.len(), contents.len());
    for (sent, (message, attachments)) in contents.iter().zip(stored) {
        let encrypted = resolved(raw(&message, "encrypted"), attachments);
        prop_assert_eq!(&encrypted, &resolved(&sent.encrypted, &sent.attachments));
        let names: Vec<_> = message.iter().map(|(name, _)| &**name).collect();
        prop_assert!(!names.contains(&"originalContent"));
    }
    let own = keys.iter().rev().find(|(user, _)| user == "carol");
    let own = own.map_or("null", |(_, value)| value);
    prop_assert_eq!(
        joined.one("session-metadata").raw("encryptedSessionKey"),
        own
    );
    same_key(joined.one("public-keys-updated"), "alice", key)?;

    Ok(())
}

async fn send(alice: &mut Guest, session: &str, to: &str, message: &Content) -> Answer {
    let original = message.original.as_ref();
    let original = original.map_or_else(String::new, |original| {
        format!(r#","originalContent":{original}"#)
    });
    let argument = format!(
        r#"{{{to}"encrypted":{},"sessionId":"{session}","from":"alice"{original}}}"#,
        message.encrypted
    );
    alice
        .ask_with("send-message", &argument, &message.attachments)
        .await
}

fn same_message(
    sent: &Content,
    encrypted: &str,
    attachments: &[Bytes],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        resolved(encrypted, attachments),
        resolved(&sent.encrypted, &sent.attachments)
    );
    Ok(())
}

fn same_key(event: &Event, user: &str, key: &str) -> Result<(), TestCaseError> {
    let id = format!("\"{user}\"");
    let entries = items(event);
    let entry = entries.iter().find(|entry| raw(entry, "userId") == id);
    prop_assert_eq!(entry.map(|entry| raw(entry, "publicKey")), Some(key));
    Ok(())
}

#[tokio::test]
async fn binary_session_keys_arrive_byte_for_byte_each_joiner_its_own() {
    let mut relay = server(&[]);
    let mut alice = Guest::member(&relay, "room", "alice").await;
    let keys = format!(
        r#"{{"carol":{{"k":[{}],"n":1.0}},"bob":{},"erin":"text"}}"#,
        placeholder(1),
        placeholder(0)
    );
    let bytes = [
        Bytes::from_static(b"for bob"),
        Bytes::from_static(b"for carol"),
    ];
    let argument = format!(r#"{{"sessionId":"room","encryptedKeys":{keys}}}"#);
    let set = alice.ask_with("set-session-key", &argument, &bytes).await;
    let received = set.one("session-key-available");
    assert_eq!(
        resolved(received.raw("encryptedKeys"), &received.attachments),
        resolved(&keys, &bytes)
    );
    for (user, own, attachments) in [
        ("bob", placeholder(0), &bytes[..1]),
        (
            "carol",
            format!(r#"{{"k":[{}],"n":1.0}}"#, placeholder(0)),
            &bytes[1..],
        ),
        ("erin", "\"text\"".to_owned(), &[]),
        ("dave", "null".to_owned(), &[]),
    ] {
        let mut guest = Guest::enter(&relay).await;
        let joined = guest.join("room", user).await;
        let metadata = joined.one("session-metadata");
        assert_eq!(metadata.raw("encryptedSessionKey"), own, "{user}");
        assert_eq!(metadata.attachments, attachments, "{user}");
    }
    stop(&mut relay);
}
