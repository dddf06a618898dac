//! Hostile events by guests, by members and by members of another session: the server lives, the sender is sent what is
//! documented and nothing more, the members of the session are sent nothing, and nothing is stored of it.

use bytes::Bytes;
use serde_json::json;

use super::stage::{ROOM, Refused, SENDERS, Sender, Stage, assert_refused};
use super::{Guest, items, join, message, raw, server};
use test_support::scene::stop;

const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn placeholders_that_name_no_attachment_are_refused() {
    let mut stage = Stage::set(&[]).await;
    let one = [Bytes::from_static(b"one")];
    for number in [
        "\"splice\"",
        "\"__proto__\"",
        "-1",
        "1",
        "999",
        "0.5",
        "null",
        "[0]",
        "{}",
    ] {
        let encrypted = format!(r#"{{"_placeholder":true,"num":{number}}}"#);
        let keys = format!(r#"{{"sessionId":"room","encryptedKeys":{{"bob":{encrypted}}}}}"#);
        let events = [
            ("send-message", message(ROOM, "carol", &encrypted)),
            ("set-session-key", keys),
        ];
        for (event, argument) in &events {
            for sender in SENDERS {
                let answer = stage.ask(sender, event, argument, &one).await;
                assert_refused(&answer, event, Refused::Payload);
            }
            stage.unharmed(argument).await;
        }
    }
    let twice = message(ROOM, "carol", &format!("[{PLACEHOLDER},{PLACEHOLDER}]"));
    let answer = stage
        .ask(Sender::Member, "send-message", &twice, &one)
        .await;
    assert_refused(&answer, "send-message", Refused::Payload);
    stage.unharmed("a placeholder twice").await;
    stage.strike();
}

/// A history has messages of many events in one, where a placeholder of one must not stand for an attachment of
/// another, or for none: a client's parser gives up its connection then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_looks_like_a_placeholder_takes_no_attachment_of_another_message() {
    let mut relay = server(&[]);
    let mut alice = Guest::member(&relay, ROOM, "alice").await;
    let texts = [
        r#"{"_placeholder":true,"num":0}"#,
        r#"["deep",{"er":{"_pl\u0061ceholder":true,"num":"splice"}}]"#,
        r#"{"num":99,"_placeholder":true}"#,
    ];
    let bytes = [Bytes::from_static(b"bytes")];
    for text in texts {
        let binary = message(ROOM, "alice", PLACEHOLDER);
        assert!(
            alice
                .ask_with("send-message", &binary, &bytes)
                .await
                .succeeded()
        );
        assert!(
            alice
                .ask("send-message", &message(ROOM, "alice", text))
                .await
                .succeeded()
        );
    }
    let mut bob = Guest::enter(&relay).await;
    let joined = bob.join(ROOM, "bob").await;
    let mut got = Vec::new();
    for part in joined.all("messages-history") {
        for message in items(part) {
            let encrypted = raw(&message, "encrypted").to_owned();
            let is_text = texts.contains(&encrypted.as_str()) && encrypted != PLACEHOLDER;
            if is_text {
                assert!(part.attachments.is_empty(), "{}", part.text);
            }
            got.push((encrypted, part.attachments.clone()));
        }
    }
    let expected: Vec<_> = texts
        .iter()
        .flat_map(|text| {
            [
                (PLACEHOLDER.to_owned(), bytes.to_vec()),
                ((*text).to_owned(), Vec::new()),
            ]
        })
        .collect();
    assert_eq!(got, expected);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn binary_where_text_belongs_is_refused() {
    let mut stage = Stage::set(&[]).await;
    let bytes = [Bytes::from_static(b"room")];
    let cases = [
        ("join-session", join(ROOM, "carol"), "publicKey"),
        ("join-session", join(ROOM, "carol"), "sessionId"),
        ("join-session", join(ROOM, "carol"), "userId"),
        ("join-session", join(ROOM, "carol"), "displayName"),
        ("join-session", join(ROOM, "carol"), "isCreator"),
        (
            "save-public-key",
            r#"{"sessionId":"room","userId":"carol","publicKey":"k"}"#.to_owned(),
            "publicKey",
        ),
        (
            "set-session-key",
            r#"{"sessionId":"room","encryptedKeys":{}}"#.to_owned(),
            "encryptedKeys",
        ),
        ("send-message", message(ROOM, "carol", "\"c\""), "from"),
        (
            "leave-session",
            message(ROOM, "carol", "\"c\"").replace("from", "userId"),
            "userId",
        ),
    ];
    for (event, argument, field) in cases {
        // The last one of a name is the one that counts.
        let argument = format!(
            "{},\"{field}\":{PLACEHOLDER}}}",
            argument.strip_suffix('}').unwrap()
        );
        for sender in SENDERS {
            let answer = stage.ask(sender, event, &argument, &bytes).await;
            assert_refused(&answer, event, Refused::Field(field));
        }
        stage.unharmed(&format!("a binary {field}")).await;
    }
    let empty = [Bytes::new()];
    let argument = message(ROOM, "carol", PLACEHOLDER);
    for sender in SENDERS {
        let answer = stage.ask(sender, "send-message", &argument, &empty).await;
        assert_refused(&answer, "send-message", Refused::Field("encrypted"));
    }
    stage.unharmed("an empty attachment").await;
    stage.strike();
}

fn with_attachments(count: usize) -> (String, Vec<Bytes>) {
    let placeholders: Vec<_> = (0..count)
        .map(|number| format!(r#"{{"_placeholder":true,"num":{number}}}"#))
        .collect();
    let encrypted = format!("[{}]", placeholders.join(","));
    let bytes = (0..count).map(|number| Bytes::from(number.to_string()));
    (encrypted, bytes.collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_attachments_are_relayed_and_eleven_close_their_connection_only() {
    let mut stage = Stage::set(&[]).await;
    let (encrypted, bytes) = with_attachments(11);
    for member in [false, true] {
        let mut mallory = Guest::enter(&stage.relay).await;
        if member {
            mallory.join("another", "mallory").await;
        }
        let argument = message("another", "mallory", &encrypted);
        let asked = mallory.try_ask("send-message", &argument, &bytes).await;
        assert!(asked.is_err(), "{asked:?}");
    }
    let (encrypted, bytes) = with_attachments(10);
    let argument = message(ROOM, "carol", &encrypted);
    let sent = stage
        .carol
        .ask_with("send-message", &argument, &bytes)
        .await;
    assert!(sent.succeeded(), "{sent:?}");
    for member in [&mut stage.alice, &mut stage.bob] {
        let got = member.expect("new-message").await;
        assert_eq!(got.raw("encrypted"), encrypted);
        assert_eq!(got.attachments, bytes);
    }
    let mut late = Guest::enter(&stage.relay).await;
    let joined = late.join(ROOM, "late").await;
    let last = joined.all("messages-history").pop().unwrap();
    assert_eq!(last.attachments, bytes);
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausting_events_are_refused_or_close_their_connection_only() {
    let mut stage = Stage::set(&[]).await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(200_000), "}".repeat(200_000));
    let long = format!("\"{}\"", "x".repeat(9_900_000));
    let digits = "9".repeat(1_000_000);
    let keys: Vec<_> = (0..100_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let keys = keys.join(",");
    let twice = vec!["\"sessionId\":\"room\""; 100_000].join(",");
    let mut cases = vec![
        ("send-message", deep.clone(), Refused::Payload),
        ("send-message", format!("{{{keys}}}"), Refused::Payload),
        ("send-message", format!("{{{twice}}}"), Refused::Payload),
        ("leave-session", format!("{{{twice}}}"), Refused::Payload),
        ("set-session-key", format!("{{{keys}}}"), Refused::Payload),
    ];
    for value in [&deep, &objects, &long, &digits] {
        let key = format!(r#"{{"sessionId":"room","userId":"carol","publicKey":{value}}}"#);
        let id = format!(r#"{{"sessionId":{value},"from":"carol","encrypted":"c"}}"#);
        let named = format!(
            r#"{{"sessionId":"room","from":"carol","encrypted":"c","clientMessageId":{value}}}"#
        );
        let user = format!(r#"{{"sessionId":"room","userId":{value},"isCreator":true}}"#);
        cases.extend([
            ("save-public-key", key, Refused::Field("publicKey")),
            ("send-message", id, Refused::Field("sessionId")),
            ("send-message", named, Refused::Field("clientMessageId")),
            ("join-session", user, Refused::Field("userId")),
        ]);
    }
    for (event, argument, why) in &cases {
        for sender in [Sender::NonMember, Sender::Member] {
            let answer = stage.ask(sender, event, argument, &[]).await;
            assert_refused(&answer, event, *why);
        }
        // More than a guest may send.
        let mut guest = Guest::enter(&stage.relay).await;
        let asked = guest.try_ask(event, argument, &[]).await;
        assert!(
            asked.is_err(),
            "{:?}",
            asked.map(|answer| answer.names().join(" "))
        );
        stage.unharmed(&format!("{event} {argument:.100}")).await;
    }
    stage.strike();
}

/// Names that only the server may say, or that mean something to a library, are no event of a guest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_with_reserved_names_are_refused() {
    let mut stage = Stage::set(&[]).await;
    let names = [
        "error",
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
        "__proto__",
        "constructor",
        "new-message",
        "message-sent",
        "session-error",
        "user-joined",
        "user-left",
        "public-keys-updated",
        "session-key-available",
        "send-message ",
        "SEND-MESSAGE",
        "message:send",
        "send_message",
    ];
    for name in names {
        for sender in SENDERS {
            let answer = stage
                .ask(sender, name, &message(ROOM, "carol", "\"c\""), &[])
                .await;
            assert_eq!(answer.names(), ["auth:error"], "{name}");
            let error = &answer.events[0];
            assert_eq!(error.get("code"), "MISSING_TOKEN", "{name}");
            let failed =
                json!({"message": "Authentication token required", "code": "MISSING_TOKEN"});
            assert_eq!(answer.ack.get("error"), failed, "{name}");
        }
        stage.unharmed(name).await;
    }
    stage.strike();
}

/// To the server they are names like any other; the one that stands for all is nobody's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_mean_something_to_a_script_are_names_like_any_other() {
    let mut stage = Stage::set(&[]).await;
    for name in [
        "__proto__",
        "constructor",
        "toString",
        "ALL",
        "null",
        "0",
        "*",
    ] {
        let mut guest = Guest::enter(&stage.relay).await;
        let joined = guest.join(ROOM, name).await;
        let metadata = joined.one("session-metadata");
        assert_eq!(metadata.raw("encryptedSessionKey"), "null", "{name}");
        for member in [&mut stage.alice, &mut stage.bob, &mut stage.carol] {
            assert_eq!(member.expect("user-joined").await.get("userId"), name);
            let keys = items(&member.expect("public-keys-updated").await);
            assert_eq!(raw(keys.last().unwrap(), "userId"), format!("\"{name}\""));
        }
        let to = format!(r#"{{"sessionId":"room","from":"{name}","to":"{name}","encrypted":"c"}}"#);
        let sent = guest.ask("send-message", &to).await;
        assert_eq!(sent.names(), ["new-message", "message-sent"], "{name}");
        let leave = format!(r#"{{"sessionId":"room","userId":"{name}"}}"#);
        assert!(guest.ask("leave-session", &leave).await.succeeded());
        for member in [&mut stage.alice, &mut stage.bob, &mut stage.carol] {
            assert_eq!(member.expect("user-left").await.get("userId"), name);
            member.expect("public-keys-updated").await;
        }
    }
    for sender in SENDERS {
        let answer = stage
            .ask(sender, "join-session", &join(ROOM, "all"), &[])
            .await;
        assert_refused(&answer, "join-session", Refused::Field("userId"));
    }
    stage.accept().await;
    stage.unharmed("userId all").await;
    stage.strike();
}
