//! Nothing opaque is stored or shown: a mark in every opaque field of every event, accepted or refused, is found in no
//! log at the finest level, no file of the data directory, and no answer to the sender.

use bytes::Bytes;

use crate::program::server_in;
use test_support::canary::{canary, found_nowhere};
use test_support::raw::{Client, Event, http, polling::Polling, token};
use test_support::scene::stop;

/// Every event with the mark in each field that is opaque, or free text of the client; first as it should be, then
/// refused for as many reasons as there are.
fn events(mark: &str) -> Vec<(&'static str, String)> {
    let message = format!(
        r#""ciphertext":"{mark}","iv":"{mark}","tag":"{mark}","signature":"{mark}","nonce":"{mark}","{mark}":"{mark}","envelope":{{"{mark}":["{mark}"]}}"#
    );
    let file = format!(
        r#""messageId":"m","chunkNumber":0,"totalChunks":2,"encryptedData":"{mark}","iv":"{mark}","tag":"{mark}","hash":"{mark}","fileName":"{mark}","fileSize":1,"payload":"{mark}""#
    );
    let key = format!(r#""publicKey":"{mark}","signature":"{mark}","x":"{mark}""#);
    let long = format!(r#""{mark}{}""#, "x".repeat(70_000));
    vec![
        (
            "send_message",
            format!(r#"{{"recipientId":"bob","seq":1,{message}}}"#),
        ),
        (
            "send_message",
            format!(r#"{{"recipientId":"nobody","seq":1,{message}}}"#),
        ),
        ("send_message", format!(r#"{{"seq":1,{message}}}"#)),
        (
            "send_message",
            format!(r#"{{"recipientId":"bob",{message}}}"#),
        ),
        (
            "send_message",
            format!(
                r#"{{"recipientId":{{"{mark}":1}},"seq":["{mark}"],"messageId":["{mark}"],{message}}}"#
            ),
        ),
        (
            "send_message",
            format!(r#"{{"recipientId":"bob","seq":1,"messageType":["{mark}"],{message}}}"#),
        ),
        (
            "send_message",
            format!(
                r#"{{"recipientId":"bob","seq":1,"ciphertext":"","iv":"{mark}","tag":"{mark}"}}"#
            ),
        ),
        (
            "send_message",
            format!(
                r#"{{"recipientId":"bob","seq":1,"ciphertext":"c","iv":"i","tag":"t","signature":{long}}}"#
            ),
        ),
        ("send_message", format!(r#"["{mark}"]"#)),
        ("send_message", format!(r#""{mark}""#)),
        (
            "send_message",
            format!(r#"{{"recipientId":"bob","seq":1,{message}"#),
        ), // not JSON
        (
            "send_message",
            format!(r#"{{"ciphertext":{{"_placeholder":true,"num":0}},"iv":"{mark}"}}"#),
        ),
        (
            "send_file_chunk",
            format!(r#"{{"recipientId":"bob","mimeType":"a/b",{file}}}"#),
        ),
        ("send_file_chunk", format!(r#"{{"mimeType":"a/b",{file}}}"#)),
        (
            "send_file_chunk",
            format!(r#"{{"recipientId":"bob","mimeType":{{"{mark}":1}},{file}}}"#),
        ),
        (
            "key-exchange:send",
            format!(r#"{{"recipientId":"bob",{key}}}"#),
        ),
        ("key-exchange:send", format!("{{{key}}}")),
        (
            "key-exchange:send",
            format!(r#"{{"recipientId":"bob","publicKey":{long}}}"#),
        ),
        (
            "join_room",
            format!(r#"{{"recipientId":"bob","x":"{mark}"}}"#),
        ),
        ("join_room", format!(r#"{{"x":"{mark}"}}"#)),
        (
            "leave_room",
            format!(r#"{{"recipientId":"bob","x":"{mark}"}}"#),
        ),
        (
            "request_file",
            format!(r#"{{"senderId":"bob","messageId":"m","x":"{mark}"}}"#),
        ),
        (
            "request_file",
            format!(r#"{{"senderId":["{mark}"],"messageId":"m","x":"{mark}"}}"#),
        ),
        (
            "typing:start",
            format!(r#"{{"recipientId":"bob","x":"{mark}"}}"#),
        ),
        ("typing:stop", format!(r#"{{"x":"{mark}"}}"#)),
        (
            "message:delivered",
            format!(r#"{{"messageId":"m","senderId":"bob","x":"{mark}"}}"#),
        ),
        (
            "message:read",
            format!(r#"{{"messageId":["{mark}"],"senderId":"bob"}}"#),
        ),
        ("authenticate", format!(r#"{{"token":"","x":"{mark}"}}"#)),
        ("error", format!(r#"{{"x":"{mark}"}}"#)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mark_of_a_payload_is_found_nowhere() {
    for format in ["text", "json"] {
        let data = tempfile::tempdir().unwrap();
        let mark = canary();
        let env = [
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", format),
            ("DEBUG", "true"),
            ("ACCESS_LOG", format),
            ("ACCESS_LOG_USERS", "true"),
            ("METRICS_PUBLIC", "true"),
        ];
        let mut relay = server_in(data.path(), &env);
        let mut bob = Client::connect(&relay, "bob").await;
        let (mut refused, mut accepted) = (0, 0);
        for (event, argument) in events(&mark) {
            // Each on a connection of its own: some of these close it.
            let mut alice = Client::connect(&relay, "alice").await;
            alice
                .writer
                .text(format!("421[\"{event}\",{argument}]"))
                .await
                .unwrap();
            let (errors, others) = answers(&mut alice, &mark).await;
            refused += errors;
            accepted += others;
        }
        assert!(
            refused >= 12 && accepted >= 5,
            "{refused} refused, {accepted} accepted"
        );
        let alice = Client::connect(&relay, "alice").await;
        let placeholder = r#"{"recipientId":"bob","ciphertext":{"_placeholder":true,"num":0},"iv":"i","tag":"t","seq":9}"#;
        let bytes = [Bytes::from(mark.clone().into_bytes())];
        alice
            .writer
            .emit_binary("send_message", placeholder, &bytes)
            .await
            .unwrap();
        // The mark does go to the receiver: the search looks for the right thing.
        assert!(bob.event("receive_message").await.text.contains(&mark));
        while bob.event("receive_message").await.attachments != bytes {}
        send_outside_events(&relay, &mark).await;
        // A client that goes with a backlog, and the stop itself, have no reason to name it either.
        drop(alice);
        drop(bob);
        assert!(!http::metrics_have(&relay, &mark).await);
        stop(&mut relay);
        assert!(relay.log_lines("connection") > 5, "the access log is on");
        found_nowhere(&relay.log(), data.path(), &mark);
    }
}

/// Marks in places where there is no event: handshakes, polls, tokens, headers.
async fn send_outside_events(relay: &test_support::harness::Relay, mark: &str) {
    let session = Polling::connect(relay, "poller").await;
    for body in [
        format!("42[\"send_message\",{{\"recipientId\":\"{mark}"),
        mark.to_owned(),
        format!("b{mark}"),
    ] {
        let session = Polling::connect(relay, "poller").await;
        let answer = session.post(body.as_bytes()).await;
        assert!(!answer.body.contains(mark), "{answer:?}");
    }
    session
        .post(format!("42[\"send_message\",{}]", events(mark)[0].1).as_bytes())
        .await;
    let mut refused = Client::open(relay, test_support::raw::Dial::default())
        .await
        .unwrap();
    let answer = refused
        .enter(&format!("{mark}.{mark}.{mark}"))
        .await
        .unwrap_err();
    assert!(!answer.contains(mark), "{answer}");
    let mut refused = Client::open(relay, test_support::raw::Dial::default())
        .await
        .unwrap();
    let claims = format!("{{\"userId\":\"alice\",\"exp\":1,\"x\":\"{mark}\"}}");
    refused
        .enter(&token::sign(
            &format!("{{\"alg\":\"HS256\",\"kid\":\"{mark}\"}}"),
            &claims,
        ))
        .await
        .unwrap_err();
    for path in [
        format!("/{mark}"),
        format!("/socket.io/?EIO=4&transport=polling&token={mark}&sid={mark}"),
    ] {
        let answer = http::request(
            relay,
            "GET",
            &path,
            &[("Authorization", &format!("Bearer {mark}"))],
            b"",
        )
        .await;
        assert!(!answer.body.contains(mark), "{answer:?}");
    }
}

/// Reads what the sender is sent until its marker is confirmed, or the end: the numbers of errors and of other answers.
async fn answers(client: &mut Client, mark: &str) -> (usize, usize) {
    const MARKER: &str =
        r#"{"recipientId":"nobody","ciphertext":"c","iv":"i","tag":"t","seq":424242}"#;
    let (mut errors, mut others) = (0, 0);
    client.writer.emit("send_message", MARKER).await.ok();
    while let Ok(packet) = client.reader.packet().await {
        assert!(
            !packet.text.contains(mark),
            "the sender was sent {}",
            packet.text
        );
        let Some(event) = Event::parse(&packet) else {
            continue;
        };
        match &*event.name {
            "message:sent" if event.get("seq") == 424_242 => break,
            "user:online" | "user:offline" => {}
            name if name.ends_with("error") => errors += 1,
            _ => others += 1,
        }
    }
    (errors, others)
}
