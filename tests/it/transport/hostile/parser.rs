//! Packets and JSON that are not what they should be.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Message;

use super::{Outcome, Stage, VICTIM, may_be_closed, outcome, survives};
use test_support::raw::Client;
use test_support::scene::message;

fn to_victim(ciphertext: &str) -> String {
    format!(r#"{{"recipientId":"{VICTIM}","ciphertext":{ciphertext},"iv":"i","tag":"t","seq":1}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_packets() {
    let mut stage = Stage::set(&[]).await;
    let valid = message(VICTIM, 1);
    let truncated = format!("42[\"send_message\",{}", &valid[..valid.len() - 1]);
    let trailing = format!("42[\"send_message\",{valid}]x");
    let unknown = format!("42/unknown,[\"send_message\",{valid}]");
    let packets = [
        "",
        "4",
        "42",
        "49",
        "4x",
        "5",
        "6",
        "7",
        "9",
        "b",
        "bAAAA",
        "2probe",
        "3probe",
        "42[]",
        "42{}",
        "42\"x\"",
        "42[\"x\"",
        "42[\"x\",",
        "42[,]",
        "42[null]",
        "42[1]",
        "42[{}]",
        r#"42[{"toString":"foo"}]"#,
        r#"42[["send_message"]]"#,
        r#"42["\u0000"]"#,
        r#"42["",{}]"#,
        "43[]",
        "430",
        "45",
        "45-",
        "451",
        "451-",
        "46",
        "461-[]",
        "40{",
        "40/unknown,",
        "40/unknown",
        "41/unknown,",
        "44{\"message\":\"x\"}",
        "42/,",
        "42/é",
        "421é",
        &truncated,
        &trailing,
        &unknown,
    ];
    for packet in packets {
        let mut mallory = Client::connect(&stage.relay, "mallory").await;
        may_be_closed(mallory.writer.text(packet).await);
        outcome(&mut mallory).await;
        stage.unharmed(packet).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entering_twice_and_entering_many_namespaces() {
    let mut stage = Stage::set(&[]).await;
    let mut twice = Client::connect(&stage.relay, "mallory").await;
    may_be_closed(twice.writer.text("40").await);
    may_be_closed(
        twice
            .writer
            .text(format!(
                "40{{\"token\":\"{}\"}}",
                test_support::raw::token::for_user(VICTIM)
            ))
            .await,
    );
    // It speaks for the first user, if at all.
    if let Outcome::Alive(seen) = outcome(&mut twice).await {
        let own = seen
            .iter()
            .find(|event| event.name == "receive_message")
            .expect("the message to itself");
        assert_eq!(own.get("senderId"), "mallory");
    }
    stage.unharmed("CONNECT twice").await;
    let mut many = Client::connect(&stage.relay, "mallory").await;
    for number in 0..50 {
        may_be_closed(many.writer.text(format!("40/unknown-{number},")).await);
    }
    outcome(&mut many).await;
    stage.unharmed("50 unknown namespaces").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_that_do_not_fit_their_event() {
    let mut stage = Stage::set(&[]).await;
    let placeholder =
        |number: &str| to_victim(&format!(r#"{{"_placeholder":true,"num":{number}}}"#));
    for number in [
        "\"splice\"",
        "\"length\"",
        "\"__proto__\"",
        "-1",
        "999",
        "1",
        "0.5",
        "1e0",
        "null",
        "[0]",
        "{}",
    ] {
        let mut mallory = Client::connect(&stage.relay, "mallory").await;
        let sent = mallory
            .writer
            .emit_binary(
                "send_message",
                &placeholder(number),
                &[Bytes::from_static(b"x")],
            )
            .await;
        may_be_closed(sent);
        outcome(&mut mallory).await;
        stage.unharmed(&format!("placeholder {number}")).await;
    }
    let repeated = r#"{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":0}]}"#;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    may_be_closed(
        mallory
            .writer
            .emit_binary(
                "send_message",
                &to_victim(repeated),
                &[Bytes::from_static(b"x")],
            )
            .await,
    );
    outcome(&mut mallory).await;
    stage.unharmed("a placeholder repeated").await;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    // Without attachments it is text like any other, and no receiver takes it for more.
    let text = placeholder("0").replace(VICTIM, "mallory");
    mallory.emit("send_message", &text).await;
    let packet = loop {
        let packet = mallory.reader.packet().await.unwrap();
        if packet.text.contains("receive_message") {
            break packet;
        }
    };
    assert!(
        packet.text.starts_with('2') && packet.attachments.is_empty(),
        "{packet:?}"
    );
    outcome(&mut mallory).await;
    stage.unharmed("a placeholder without attachments").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_that_were_not_announced_or_do_not_come() {
    let mut stage = Stage::set(&[]).await;
    let valid = to_victim(r#"{"_placeholder":true,"num":0}"#);
    for (announced, sent) in [
        ("4599999-", 100),
        ("4518446744073709551616-", 3),
        ("45-1-", 1),
        ("4517-", 17),
    ] {
        let mallory = Client::connect(&stage.relay, "mallory").await;
        may_be_closed(
            mallory
                .writer
                .text(format!("{announced}[\"send_message\",{valid}]"))
                .await,
        );
        for _ in 0..sent {
            may_be_closed(
                mallory
                    .writer
                    .send(Message::binary(vec![7; 1_000_000]))
                    .await,
            );
        }
        stage.unharmed(announced).await;
    }
    // An event that says it is binary and has nothing: it may be relayed as what it is.
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    may_be_closed(
        mallory
            .writer
            .text(format!(
                "450-[\"send_message\",{}]",
                valid.replace(VICTIM, "mallory")
            ))
            .await,
    );
    may_be_closed(mallory.writer.send(Message::binary(vec![7; 100])).await);
    outcome(&mut mallory).await;
    stage.unharmed("a binary event without attachments").await;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    for _ in 0..20 {
        may_be_closed(
            mallory
                .writer
                .send(Message::binary(vec![7; 1_000_000]))
                .await,
        );
    }
    outcome(&mut mallory).await;
    stage.unharmed("binaries that belong to nothing").await;
    // An event is never put together from the pieces of two.
    let mallory = Client::connect(&stage.relay, "mallory").await;
    may_be_closed(
        mallory
            .writer
            .text(format!("451-[\"send_message\",{valid}]"))
            .await,
    );
    may_be_closed(
        mallory
            .writer
            .emit("typing:start", r#"{"recipientId":"nobody"}"#)
            .await,
    );
    stage
        .unharmed("an event between an event and its attachment")
        .await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_with_reserved_and_unknown_names_are_answered() {
    let mut stage = Stage::set(&[]).await;
    let names = [
        "error",
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
        "auth:success",
        "receive_message",
        "user:offline",
        "__proto__",
        "constructor",
        "toString",
        "send_message ",
        "SEND_MESSAGE",
    ];
    for name in names {
        let mut mallory = Client::connect(&stage.relay, "mallory").await;
        mallory.emit(name, &message(VICTIM, 1)).await;
        let seen = survives(&mut mallory, name).await;
        let error = seen
            .iter()
            .find(|event| event.name == "error")
            .unwrap_or_else(|| panic!("{name}: {seen:?}"));
        assert_eq!(error.get("code"), "UNKNOWN_EVENT", "{name}");
        assert_eq!(error.get("context")["event"], name);
        stage.unharmed(name).await;
    }
    stage.strike();
}

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

/// What is opaque is not looked into, so its depth and size are the receiver's business.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausting_opaque_fields_are_relayed_as_they_are() {
    let mut stage = Stage::set(&[]).await;
    let mut friend = Client::connect(&stage.relay, "friend").await;
    let sender = Client::connect(&stage.relay, "sender").await;
    let keys: Vec<_> = (0..100_000)
        .map(|number| format!("\"k\":{number}"))
        .collect();
    let fields = [
        (
            "deep",
            format!("{}{}", "[".repeat(200_000), "]".repeat(200_000)),
        ),
        ("keys", format!("{{{}}}", keys.join(","))),
        ("surrogates", "\"\\ud800\\udfff\\ud800\"".to_owned()),
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_the_wrong_kind_are_refused_by_name() {
    let mut stage = Stage::set(&[]).await;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    let long = format!("\"{}\"", "a".repeat(129));
    let cases = [
        r#"{"$gt":""}"#,
        r#"{"$ne":null}"#,
        r#"["bystander-bob"]"#,
        "true",
        "null",
        "\"\"",
        "1.5",
        "12345678901234567890123",
        "\"\\ud800\"",
        "\"a\\nb\"",
        "\"\\u0000\"",
        &long,
    ];
    for recipient in cases {
        let argument =
            format!(r#"{{"recipientId":{recipient},"ciphertext":"c","iv":"i","tag":"t","seq":1}}"#);
        mallory.emit("send_message", &argument).await;
        let error = mallory.event("message:error").await;
        assert_eq!(error.get("error"), "Missing required fields", "{recipient}");
        assert_eq!(error.get("field"), "recipientId", "{recipient}");
    }
    survives(&mut mallory, "wrong recipients").await;
    stage.unharmed("wrong recipients").await;
    stage.strike();
}
