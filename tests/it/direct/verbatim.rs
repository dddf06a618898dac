//! Verbatim relay: what is opaque leaves with the bytes it came in with, whatever JSON or binary it is.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use crate::program::server;
use test_support::json_text::{SPACES, json, placeholder, required, resolved, with_attachments};
use test_support::raw::{Client, Event, members};
use test_support::scene::stop;

pub(super) const CASES: u32 = 150;

/// Fields that the relay does not know, in any order and twice at times.
fn unknown() -> impl Strategy<Value = Vec<(String, String)>> {
    let names = select(&["nonce", "payload", "envelope", "x", "é", "constructor"][..]);
    vec((names.prop_map(str::to_owned), json()), 0..5)
}

/// `{…}` of these fields, with some white space.
fn object(fields: &[(String, String)], space: &str) -> String {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{space}\"{name}\":{space}{value}{space}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// Sends random payloads of one kind and has each compared with what arrives.
fn relayed_as_it_came(
    event: &str,
    received: &str,
    required_fields: &'static [&'static str],
    fixed: &'static str,
) {
    let runtime = Runtime::new().unwrap();
    let mut relay = server(&[]);
    let alice = runtime.block_on(Client::connect(&relay, "alice"));
    let bob = Mutex::new(runtime.block_on(Client::connect(&relay, "bob")));
    let values = vec(required(), required_fields.len());
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(
        &(values, unknown(), select(SPACES), any::<bool>()),
        |(values, unknown, space, last)| {
            let known: Vec<_> = required_fields
                .iter()
                .map(|name| (*name).to_owned())
                .zip(values)
                .collect();
            let mut fields = if last {
                [known, unknown].concat()
            } else {
                [unknown, known].concat()
            };
            fields.extend(members(fixed));
            let sent = object(&fields, space);
            runtime.block_on(alice.emit(event, &sent));
            let got = runtime.block_on(async { bob.lock().await.event(received).await });
            same_bytes(&fields, &got)
        },
    );
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    drop((alice, bob));
    stop(&mut relay);
}

/// Every field that was sent but the recipient arrived with the same bytes, duplicates in their order, and nothing
/// arrived beside them but what the relay adds.
fn same_bytes(sent: &[(String, String)], got: &Event) -> Result<(), TestCaseError> {
    const ADDED: [&str; 3] = ["senderId", "senderUsername", "timestamp"];
    let mut sent: Vec<_> = sent
        .iter()
        .filter(|(name, _)| name != "recipientId")
        .collect();
    let mut arrived: Vec<_> = got.members.iter().collect();
    for name in ADDED {
        let times = arrived.iter().filter(|(found, _)| found == name).count();
        // A key exchange has no time.
        let right = times == 1 || (times == 0 && name == "timestamp");
        prop_assert!(right, "{} in {}", name, got.text);
    }
    arrived.retain(|(name, value)| {
        let default_type = name == "messageType" && value == "\"text\"";
        !(default_type || ADDED.contains(&name.as_str()))
    });
    sent.sort_by_key(|(name, _)| name);
    arrived.sort_by_key(|(name, _)| name);
    prop_assert_eq!(sent, arrived);
    Ok(())
}

#[test]
fn the_fields_of_a_message_arrive_with_the_same_bytes() {
    let fixed = r#"{"recipientId":"bob","seq":12345678901234567890123}"#;
    relayed_as_it_came(
        "send_message",
        "receive_message",
        &["ciphertext", "iv", "tag"],
        fixed,
    );
}

#[test]
fn the_fields_of_a_file_chunk_arrive_with_the_same_bytes() {
    let fixed = r#"{"recipientId":"bob","messageId":"m\u0041","chunkNumber":1,"totalChunks":3,"fileName":"\u0041\/","fileSize":1.50,"mimeType":"a\/b"}"#;
    relayed_as_it_came(
        "send_file_chunk",
        "receive_file_chunk",
        &["encryptedData", "iv", "tag", "hash"],
        fixed,
    );
}

#[test]
fn the_fields_of_a_key_exchange_arrive_with_the_same_bytes() {
    let fixed = r#"{"recipientId":"bob","signature":"{\"a\":1.0}"}"#;
    relayed_as_it_came(
        "key-exchange:send",
        "key-exchange:receive",
        &["publicKey"],
        fixed,
    );
}

#[test]
fn attachments_arrive_byte_for_byte_wherever_they_are() {
    let runtime = Runtime::new().unwrap();
    let mut relay = server(&[]);
    let alice = runtime.block_on(Client::connect(&relay, "alice"));
    let bob = Mutex::new(runtime.block_on(Client::connect(&relay, "bob")));
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&with_attachments(), |(shape, bytes)| {
        let mut shape = shape;
        for number in 0..bytes.len() {
            shape = shape.replace(&format!("@{number}@"), &placeholder(number));
        }
        let (ciphertext, envelope) = shape.split_once('|').unwrap_or((&shape, "[]"));
        let bytes: Vec<_> = bytes.into_iter().map(Bytes::from).collect();
        let sent = format!(
            r#"{{"recipientId":"bob","envelope":{envelope},"ciphertext":{ciphertext},"iv":"i","tag":"t","seq":1}}"#
        );
        let got = runtime.block_on(async {
            alice.writer.emit_binary("send_message", &sent, &bytes).await.unwrap();
            let mut bob = bob.lock().await;
            bob.event("receive_message").await
        });
        for (name, field) in [("ciphertext", ciphertext), ("envelope", envelope)] {
            prop_assert_eq!(resolved(field, &bytes), resolved(got.raw(name), &got.attachments), "{}", name);
        }
        prop_assert_eq!(got.attachments.len(), bytes.len());
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    drop((alice, bob));
    stop(&mut relay);
}

#[tokio::test]
async fn placeholders_written_in_an_unusual_way_still_stand_for_their_attachment() {
    let mut relay = server(&[]);
    let alice = Client::connect(&relay, "alice").await;
    let mut bob = Client::connect(&relay, "bob").await;
    let bytes = [Bytes::from_static(b"zero"), Bytes::from_static(b"one")];
    let sent = r#"{"iv":"i","ciphertext":{ "num" : 1 ,"_placeholder":true },"recipientId":"bob","tag":{"_placeholder": true, "num":0},"seq":1}"#;
    alice
        .writer
        .emit_binary("send_message", sent, &bytes)
        .await
        .unwrap();
    let got = bob.event("receive_message").await;
    let attachment = |field| {
        let placeholder = got.get(field);
        assert_eq!(placeholder["_placeholder"], true, "{}", got.text);
        got.attachments[placeholder["num"].as_u64().unwrap() as usize].clone()
    };
    assert_eq!(attachment("ciphertext"), bytes[1]);
    assert_eq!(attachment("tag"), bytes[0]);
    stop(&mut relay);
}

/// No client that uses JSON.stringify writes any; all else in such a container stays as it was.
#[tokio::test]
async fn only_white_space_beside_an_attachment_is_not_preserved() {
    let mut relay = server(&[]);
    let alice = Client::connect(&relay, "alice").await;
    let mut bob = Client::connect(&relay, "bob").await;
    let field = r#"[ {"_placeholder":true,"num":0} , { "a" : 1.0 }]"#;
    let sent =
        format!(r#"{{"recipientId":"bob","ciphertext":{field},"iv":"i","tag":"t","seq":1}}"#);
    alice
        .writer
        .emit_binary("send_message", &sent, &[Bytes::from_static(b"zero")])
        .await
        .unwrap();
    let got = bob.event("receive_message").await;
    assert_eq!(
        got.raw("ciphertext"),
        r#"[{"_placeholder":true,"num":0},{ "a" : 1.0 }]"#
    );
    stop(&mut relay);
}
