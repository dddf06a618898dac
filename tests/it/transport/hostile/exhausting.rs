//! Events that are deep, wide or large.

use bytes::Bytes;

use super::{Stage, VICTIM, may_be_closed, outcome, to_victim};
use test_support::raw::Client;

/// Text that takes a parser that recurses, or keeps what it reads, down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausting_json() {
    let mut stage = Stage::set(&[]).await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let deep_objects = format!("{}1{}", "{\"a\":".repeat(200_000), "}".repeat(200_000));
    let keys: Vec<_> = (0..100_000)
        .map(|number| format!("\"k{number}\":{number}"))
        .collect();
    let same_key = vec!["\"k\":1"; 100_000].join(",");
    let inputs = [
        ("deep argument", format!("42[\"send_message\",{deep}]")),
        (
            "deep objects",
            format!("42[\"send_message\",{deep_objects}]"),
        ),
        ("deep name", format!("42{deep}")),
        (
            "deep and open",
            format!(
                "42[\"send_message\",{{\"recipientId\":\"{VICTIM}\",\"ciphertext\":{}",
                "[".repeat(200_000)
            ),
        ),
        (
            "a deep second argument",
            format!("42[\"typing:start\",{{\"recipientId\":\"nobody\"}},{deep}]"),
        ),
        (
            "a deep id",
            format!("42[\"send_message\",{{\"recipientId\":{deep}}}]"),
        ),
        ("a deep token", format!("42[\"authenticate\",{deep}]")),
        (
            "a deep token in an object",
            format!("42[\"authenticate\",{{\"token\":{deep}}}]"),
        ),
        (
            "100 000 keys",
            format!("42[\"send_message\",{{{}}}]", keys.join(",")),
        ),
        (
            "one key 100 000 times",
            format!("42[\"send_message\",{{{same_key}}}]"),
        ),
        (
            "100 000 arguments",
            format!("42[\"send_message\",{}]", vec!["1"; 100_000].join(",")),
        ),
        (
            "a number of a million digits",
            format!(
                "42[\"send_message\",{{\"recipientId\":{}}}]",
                "9".repeat(1_000_000)
            ),
        ),
        (
            "a name of a megabyte",
            format!("42[\"{}\",{{}}]", "n".repeat(1_000_000)),
        ),
        (
            "a million backslashes",
            format!("42[\"{}\",{{}}]", "\\\\".repeat(500_000)),
        ),
    ];
    for (what, text) in inputs {
        let mut mallory = Client::connect(&stage.relay, "mallory").await;
        may_be_closed(mallory.writer.text(text).await);
        outcome(&mut mallory).await;
        stage.unharmed(what).await;
    }
    stage.strike();
}

/// What is opaque is not changed, however large it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausting_opaque_fields_are_relayed_as_they_are() {
    let mut stage = Stage::set(&[]).await;
    let mut friend = Client::connect(&stage.relay, "friend").await;
    let sender = Client::connect(&stage.relay, "sender").await;
    let keys: Vec<_> = (0..100_000)
        .map(|number| format!("\"k\":{number}"))
        .collect();
    let fields = [
        ("keys", format!("{{{}}}", keys.join(","))),
        ("digits", "12345678901234567890123".to_owned()),
        (
            "a string of 9.9 MB",
            format!("\"{}\"", "x".repeat(9_900_000)),
        ),
    ];
    for (what, field) in fields {
        let text = to_victim(&field).replace(VICTIM, "friend");
        sender.emit("send_message", &text).await;
        let packet = loop {
            let packet = friend.reader.packet().await.expect(what);
            if packet.text.starts_with("2[\"receive_message\"") {
                break packet;
            }
        };
        assert!(packet.text.contains(&field), "{what} arrived changed");
        stage.unharmed(what).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_over_the_limit_closes_its_connection_only() {
    let mut stage = Stage::set(&[]).await;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    let large = to_victim(&format!("\"{}\"", "x".repeat(10_100_000)));
    may_be_closed(mallory.writer.emit("send_message", &large).await);
    mallory.closed().await;
    stage.unharmed("an event of 10.1 MB").await;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    let bytes = [
        Bytes::from(vec![1; 6_000_000]),
        Bytes::from(vec![2; 6_000_000]),
    ];
    let text = to_victim(r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
    may_be_closed(
        mallory
            .writer
            .emit_binary("send_message", &text, &bytes)
            .await,
    );
    mallory.closed().await;
    stage.unharmed("attachments of 12 MB").await;
    stage.strike();
}
