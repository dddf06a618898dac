//! Hostile events by members, by members of another conversation and by guests: the server lives, the sender is sent what
//! is documented and nothing more, nobody else is sent anything, and nothing is stored of it.

use bytes::Bytes;
use serde_json::json;

use super::stage::{ROOM, Refused, Sender, Stage, USERS, assert_guest_refused, assert_refused};
use super::{ConversationClient, Received, SHAPES, Shape, create, history, rest, server};
use test_support::scene::stop;

const PLACEHOLDER: &str = r#"{"_placeholder":true,"num":0}"#;
const CONVERSATION: Shape = Shape::Conversation;

fn message(content: &str) -> String {
    format!(r#"{{"conversationId":{ROOM},"content":{content}}}"#)
}

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
        let content = format!(r#"{{"_placeholder":true,"num":{number}}}"#);
        let deep = format!(r#"[{PLACEHOLDER},{{"k":{content}}}]"#);
        for content in [&content, &deep] {
            let update =
                format!(r#"{{"conversationId":{ROOM},"messageId":"<own>","content":{content}}}"#);
            for (event, argument) in [
                ("message:send", message(content)),
                ("message:update", update),
            ] {
                let argument = stage.with_ids(&argument);
                for sender in USERS {
                    let answer = stage
                        .ask(sender, CONVERSATION, event, &argument, &one)
                        .await;
                    assert_refused(&answer, CONVERSATION, event, "null", Refused::Payload);
                }
            }
        }
        stage.unharmed(&content).await;
    }
    let twice = message(&format!("[{PLACEHOLDER},{PLACEHOLDER}]"));
    // An attachment is looked for this deep and no deeper.
    let deep = message(&format!(
        "{}{PLACEHOLDER}{}",
        "[".repeat(20),
        "]".repeat(20)
    ));
    for argument in [twice, deep] {
        let asked = stage.ask(
            Sender::Member,
            CONVERSATION,
            "message:send",
            &argument,
            &one,
        );
        let answer = asked.await;
        assert_refused(
            &answer,
            CONVERSATION,
            "message:send",
            "null",
            Refused::Payload,
        );
        stage.unharmed(&argument).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn binary_where_text_belongs_is_refused() {
    let mut stage = Stage::set(&[]).await;
    let own = format!(r#"{{"conversationId":{ROOM},"messageId":"<own>"}}"#);
    let react = own.replace('}', r#","emoji":"+"}"#);
    let take_back = own.replace('}', r#","reactionId":"<own reaction>"}"#);
    let read = format!(r#"{{"conversationId":{ROOM},"messageIds":["<first>"]}}"#);
    let cases = [
        ("conversation:join", message("1"), "conversationId"),
        ("conversation:leave", message("1"), "conversationId"),
        ("message:send", message("\"c\""), "conversationId"),
        ("message:send", message("\"c\""), "tempId"),
        (
            "message:update",
            own.replace('}', r#","content":1}"#),
            "messageId",
        ),
        ("message:delete", own, "messageId"),
        ("message:read", read, "messageIds"),
        ("reaction:add", react, "emoji"),
        ("reaction:remove", take_back, "reactionId"),
        ("typing:start", message("1"), "conversationId"),
        ("presence:request", message("1"), "conversationId"),
    ];
    for (event, argument, field) in cases {
        // The last one of a name is the one that counts.
        let argument = format!(
            "{},\"{field}\":{PLACEHOLDER}}}",
            argument.strip_suffix('}').unwrap()
        );
        let argument = stage.with_ids(&argument);
        for bytes in [stage.own.clone().into_bytes(), b"room".to_vec()] {
            let bytes = [Bytes::from(bytes)];
            for sender in USERS {
                let answer = stage
                    .ask(sender, CONVERSATION, event, &argument, &bytes)
                    .await;
                assert_refused(
                    &answer,
                    CONVERSATION,
                    event,
                    &argument,
                    Refused::Field(field),
                );
            }
        }
        stage
            .unharmed(&format!("{event} with a binary {field}"))
            .await;
    }
    for (shape, event) in [
        (Shape::Feed, "join-conversation"),
        (Shape::Feed, "leave-conversation"),
        (Shape::Chat, "user:typing"),
        (Shape::Chat, "user:stop-typing"),
    ] {
        let bytes = [Bytes::from_static(b"room")];
        for sender in USERS {
            let answer = stage.ask(sender, shape, event, PLACEHOLDER, &bytes).await;
            assert_refused(&answer, shape, event, PLACEHOLDER, Refused::Payload);
        }
        stage.unharmed(event).await;
    }
    let empty = [Bytes::new()];
    let argument = message(PLACEHOLDER);
    let answer = stage
        .ask(
            Sender::Member,
            CONVERSATION,
            "message:send",
            &argument,
            &empty,
        )
        .await;
    assert_refused(
        &answer,
        CONVERSATION,
        "message:send",
        &argument,
        Refused::Field("content"),
    );
    let long = [Bytes::from(vec![0; 10_001])];
    let answer = stage
        .ask(
            Sender::Member,
            CONVERSATION,
            "message:send",
            &argument,
            &long,
        )
        .await;
    assert_refused(
        &answer,
        CONVERSATION,
        "message:send",
        &argument,
        Refused::Field("content"),
    );
    stage.unharmed("attachments of no use").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_attachments_than_clients_take_close_their_connection_only() {
    let mut stage = Stage::set(&[]).await;
    let eleven: Vec<_> = (0..11)
        .map(|number| format!(r#"{{"_placeholder":true,"num":{number}}}"#))
        .collect();
    let argument = message(&format!("[{}]", eleven.join(",")));
    let bytes = vec![Bytes::from_static(b"bytes"); 11];
    for user in ["mallory", "eve"] {
        let mut client = ConversationClient::connect(&stage.relay, user, CONVERSATION).await;
        let asked = client.try_ask("message:send", &argument, &bytes).await;
        assert!(asked.is_err(), "{asked:?}");
    }
    // They come back to their other connections at once, so nobody is notified that they went.
    stage.unharmed("eleven attachments").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exhausting_events_are_refused() {
    let mut stage = Stage::set(&[]).await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(200_000), "}".repeat(200_000));
    let long = format!("\"{}\"", "x".repeat(9_900_000));
    let digits = "9".repeat(1_000_000);
    let keys: Vec<_> = (0..100_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let keys = keys.join(",");
    let twice = vec![format!("\"conversationId\":{ROOM}"); 100_000].join(",");
    let ids = vec!["\"01890000-0000-7000-8000-000000000000\""; 200_000].join(",");
    let mut cases = vec![
        ("message:send", deep.clone(), Refused::Payload),
        ("message:send", format!("{{{keys}}}"), Refused::Payload),
        ("message:send", format!("{{{twice}}}"), Refused::Payload),
        (
            "message:read",
            format!(r#"{{"conversationId":{ROOM},"messageIds":[{ids}]}}"#),
            Refused::Field("messageIds"),
        ),
        (
            "message:send",
            format!(r#"{{"conversationId":{ROOM},"content":{{{keys}}}}}"#),
            Refused::Field("content"),
        ),
    ];
    for value in [&deep, &objects, &long, &digits] {
        let in_room = |field: &str| {
            format!(r#"{{"conversationId":{ROOM},"messageId":"<first>","{field}":{value}}}"#)
        };
        cases.extend([
            (
                "message:send",
                in_room("content"),
                Refused::Field("content"),
            ),
            (
                "message:update",
                in_room("messageId"),
                Refused::Field("messageId"),
            ),
            (
                "message:read",
                in_room("messageIds"),
                Refused::Field("messageIds"),
            ),
            ("reaction:add", in_room("emoji"), Refused::Field("emoji")),
            (
                "conversation:join",
                in_room("conversationId"),
                Refused::Field("conversationId"),
            ),
        ]);
    }
    for (event, argument, why) in &cases {
        let argument = stage.with_ids(argument);
        for sender in USERS {
            let answer = stage.ask(sender, CONVERSATION, event, &argument, &[]).await;
            assert_refused(&answer, CONVERSATION, event, &argument, *why);
        }
        // More than a guest may send.
        let mut guest = ConversationClient::enter(&stage.relay).await;
        let asked = guest.try_ask(event, &argument, &[]).await;
        assert!(
            asked.is_err(),
            "{:?}",
            asked.map(|answer| answer.names().join(" "))
        );
        stage.unharmed(&format!("{event} {argument:.100}")).await;
    }
    for (shape, event) in [
        (Shape::Feed, "join-conversation"),
        (Shape::Chat, "user:typing"),
    ] {
        for value in [&deep, &objects, &digits] {
            for sender in USERS {
                let answer = stage.ask(sender, shape, event, value, &[]).await;
                assert_refused(&answer, shape, event, value, Refused::Payload);
            }
        }
        stage.unharmed(event).await;
    }
    stage.strike();
}

/// Names that only the server may say, that mean something to a library, or that belong to another dialect.
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
        "message:new",
        "message:updated",
        "message:delivered",
        "message:read:receipt",
        "conversation:joined",
        "conversation:left",
        "conversation:join:error",
        "reaction:added",
        "presence:response",
        "typing:user:start",
        "user:online",
        "auth:success",
        "new-message",
        "conversation-created",
        "message:send ",
        "MESSAGE:SEND",
        "send_message",
        "send-message",
        "join-session",
    ];
    for name in names {
        for shape in SHAPES {
            for sender in USERS {
                let answer = stage.ask(sender, shape, name, &message("\"c\""), &[]).await;
                let failed = json!({"message": "Unknown event", "code": "UNKNOWN_EVENT"});
                assert_eq!(answer.ack.get("error"), failed, "{name}");
                // It is said at most once a second.
                assert!(answer.events.len() <= 1, "{answer:?}");
                for event in answer.events {
                    assert_eq!(event.name, "error");
                    assert_eq!(event.get("code"), "UNKNOWN_EVENT");
                    assert_eq!(event.get("context"), json!({"event": name}));
                }
            }
        }
        let answer = stage
            .ask(Sender::Guest, CONVERSATION, name, &message("\"c\""), &[])
            .await;
        assert_guest_refused(&answer);
        stage.unharmed(name).await;
    }
    // What another dialect understands is unknown where one was declared.
    for (shape, event) in [
        (Shape::Feed, "message:send"),
        (Shape::Chat, "message:send"),
        (Shape::Chat, "conversation:join"),
        (Shape::Conversation, "join-conversation"),
        (Shape::Conversation, "user:typing"),
        (Shape::Feed, "user:typing"),
    ] {
        let answer = stage
            .ask(Sender::Member, shape, event, &message("\"c\""), &[])
            .await;
        assert_eq!(answer.ack.get("error")["code"], "UNKNOWN_EVENT", "{event}");
        stage.unharmed(event).await;
    }
    stage.strike();
}

/// To the server they are ids like any other, and none leads to another conversation.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_mean_something_to_someone_are_ids_like_any_other() {
    let mut relay = server(&[]);
    let ids = [
        "\"__proto__\"",
        "\"constructor\"",
        "\"toString\"",
        "\"null\"",
        "\"7\"",
        "-7",
        "\"x\"",
        "\"text:x\"",
        "\"conversation:text:x\"",
        "\"conversation:conversation:text:x\"",
        "\"X\"",
        "\"x \"",
        "\"x%20\"",
        "\"x%\"",
        "\"_\"",
        "\"../x\"",
        "\"x' OR 1=1 --\"",
        "\"$ne\"",
        "\"e\u{301}\"",
        "\"\u{e9}\"",
    ];
    let mut members = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let user = format!("user-{number}");
        create(&relay, id, &[&user]).await;
        for shape in SHAPES {
            let client = ConversationClient::subscriber(&relay, &user, shape, id).await;
            members.push((id, shape, client));
        }
    }
    for (number, id) in ids.iter().enumerate() {
        let user = format!("user-{number}");
        let body = format!(r#"{{"conversationId":{id},"content":{number}}}"#);
        let sent = rest(&relay, &user, "POST", "/api/messages", &body).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        let stored = history(&relay, &user, id, 200).await;
        assert_eq!(stored.len(), 1, "{id}: {stored:?}");
        let other = format!("user-{}", (number + 1) % ids.len());
        let foreign = rest(&relay, &other, "POST", "/api/messages", &body).await;
        assert_eq!(foreign.status, 403, "{foreign:?}");
    }
    for (id, shape, client) in &mut members {
        let events = client.settled(*shape).await;
        let received: Vec<_> = events
            .iter()
            .filter_map(|event| Received::of(*shape, event))
            .collect();
        assert_eq!(received.len(), 1, "{id}: {received:?}");
        assert_eq!(received[0].conversation, **id);
    }
    stop(&mut relay);
}
