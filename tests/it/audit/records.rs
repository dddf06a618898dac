//! The audit as an administrator finds it: which action leaves which row, and which leave none.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::program::server_in;
use test_support::raw::token::{now, sign};
use test_support::raw::{Client, Dial, Event, Reader};
use test_support::scene::{chunk, message, stop};

/// One record, as far as these tests look at it.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) event: String,
    pub(crate) user: Option<String>,
    pub(crate) details: Value,
    pub(crate) success: bool,
}

/// Every record, in the order in which it was made.
pub(crate) fn rows(data: &Path) -> Vec<Row> {
    let database = Connection::open(data.join("relay.db")).unwrap();
    let mut query = database
        .prepare("SELECT eventType, user, details, success FROM logs ORDER BY createdAt, _id")
        .unwrap();
    let rows = query.query_map([], |row| {
        let details: String = row.get(2)?;
        Ok(Row {
            event: row.get(0)?,
            user: row.get(1)?,
            details: serde_json::from_str(&details).unwrap(),
            success: row.get(3)?,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn rows_of(user: &str, data: &Path) -> Vec<Row> {
    let mut rows = rows(data);
    rows.retain(|row| row.user.as_deref() == Some(user));
    rows
}

/// Leaves as a client does that is asked to disconnect, and waits until the relay says so.
async fn leave(client: Client, watcher: &mut Client) {
    client.writer.text("41").await.unwrap();
    drop(client);
    watcher.event("user:offline").await;
}

fn row(event: &str, details: Value) -> Row {
    Row {
        event: event.to_owned(),
        user: Some("alice".to_owned()),
        details,
        success: event != "REFUSED",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_audited_action_leaves_its_row_and_the_others_none() {
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(data.path(), &[("OFFLINE_GRACE", "0s")]);
    let mut watcher = Client::connect(&relay, "watcher").await;
    let mut alice = Client::connect(&relay, "alice").await;
    let sent = message("bob", 7);
    let typed = sent.replacen('{', r#"{"messageType":"image","messageId":"m-1","#, 1);
    let file = chunk("bob", "m-2", 1, 3, "\"d\"").replace("\"fileSize\":1", "\"fileSize\":12345");
    let events = [
        ("join_room", r#"{"recipientId":"bob"}"#.to_owned()),
        ("send_message", sent.clone()),
        ("send_message", typed.clone()),
        ("typing:start", r#"{"recipientId":"bob"}"#.to_owned()),
        ("typing:stop", r#"{"recipientId":"bob"}"#.to_owned()),
        (
            "message:delivered",
            r#"{"messageId":"m-1","senderId":"bob"}"#.to_owned(),
        ),
        (
            "message:read",
            r#"{"messageId":"m-1","senderId":"bob"}"#.to_owned(),
        ),
        ("send_file_chunk", file.clone()),
        (
            "request_file",
            r#"{"senderId":"bob","messageId":"m-2"}"#.to_owned(),
        ),
        (
            "key-exchange:send",
            r#"{"recipientId":"bob","publicKey":"k"}"#.to_owned(),
        ),
        (
            "send_message",
            r#"{"recipientId":"bob","messageId":"m-3"}"#.to_owned(),
        ),
        ("typing:start", "{}".to_owned()),
        ("message:read", "{}".to_owned()),
        ("leave_room", r#"{"recipientId":"bob"}"#.to_owned()),
    ];
    for (event, argument) in &events {
        alice.emit(event, argument).await;
    }
    alice.event("room:left").await;
    leave(alice, &mut watcher).await;
    stop(&mut relay);

    let size = |event: &str, argument: &str| format!("[\"{event}\",{argument}]").len();
    let room = json!({"recipient": "bob", "roomName": "alice_bob"});
    let expected = [
        row("SOCKET_CONNECT", json!({})),
        row("ROOM_JOIN", room.clone()),
        row(
            "MESSAGE_SENT",
            json!({"recipient": "bob", "seq": 7, "messageType": "text", "bytes": size("send_message", &sent)}),
        ),
        row(
            "MESSAGE_SENT",
            json!({"recipient": "bob", "seq": 7, "messageType": "image", "messageId": "m-1", "bytes": size("send_message", &typed)}),
        ),
        row(
            "FILE_UPLOAD",
            json!({"recipient": "bob", "messageId": "m-2", "chunkNumber": 1, "totalChunks": 3, "fileSize": 12345,
                "mimeType": "a/b", "bytes": size("send_file_chunk", &file)}),
        ),
        row(
            "FILE_DOWNLOAD",
            json!({"recipient": "bob", "messageId": "m-2"}),
        ),
        row("KEY_EXCHANGE_RELAY", json!({"recipient": "bob"})),
        row(
            "REFUSED",
            json!({"recipient": "bob", "messageId": "m-3", "code": "INVALID_INPUT"}),
        ),
        row("ROOM_LEAVE", room),
        row("SOCKET_DISCONNECT", json!({"reason": "client left"})),
    ];
    let found = rows_of("alice", data.path());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_handshakes_and_limits_leave_rows_too() {
    let data = tempfile::tempdir().unwrap();
    let env = [
        ("DIALECTS", "direct"),
        ("MESSAGE_RATE", "1/h"),
        ("MESSAGE_BURST", "2"),
        ("OFFLINE_GRACE", "0s"),
    ];
    let mut relay = crate::program::start_in(data.path(), &env);
    let expired = sign(
        r#"{"alg":"HS256"}"#,
        &format!("{{\"userId\":\"alice\",\"exp\":{}}}", now() - 60),
    );
    for token in ["nonsense", &expired] {
        Client::open(&relay, Dial::default())
            .await
            .unwrap()
            .enter(token)
            .await
            .unwrap_err();
    }
    let mut watcher = Client::connect(&relay, "watcher").await;
    let mut alice = Client::connect(&relay, "alice").await;
    for seq in 0..10 {
        alice.emit("send_message", &message("bob", seq)).await;
    }
    for _ in 2..10 {
        let error = alice.event("message:error").await;
        assert_eq!(error.get("code"), "RATE_LIMIT");
    }
    leave(alice, &mut watcher).await;
    stop(&mut relay);
    let rows = rows(data.path());
    let codes = |event: &str| -> Vec<_> {
        rows.iter()
            .filter(|row| row.event == event)
            .map(|row| row.details["code"].clone())
            .collect()
    };
    assert_eq!(
        codes("AUTH_FAILED"),
        [json!("INVALID_TOKEN"), json!("EXPIRED_TOKEN")]
    );
    assert!(!codes("RATE_LIMITED").is_empty(), "{rows:#?}");
    assert!(rows.iter().all(
        |row| row.success != ["AUTH_FAILED", "RATE_LIMITED", "REFUSED"].contains(&&*row.event)
    ));
    let limited: u64 = rows
        .iter()
        .filter(|row| row.event == "RATE_LIMITED")
        .map(|row| row.details["count"].as_u64().unwrap())
        .sum();
    let sent = rows
        .iter()
        .filter(|row| row.event == "MESSAGE_SENT")
        .count() as u64;
    assert_eq!(limited + sent, 10, "{rows:#?}");
}

/// The stop comes at any moment. What was on its way to a client that is closed may be lost, with all that comes after;
/// what a client was sent is recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_before_a_stop_in_mid_traffic_was_recorded() {
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(data.path(), &[]);
    let receiver = Client::connect(&relay, "bob").await;
    let sender = Client::connect(&relay, "alice").await;
    let writer = sender.writer;
    let sending = tokio::spawn(async move {
        let mut seq = 0_u64;
        while writer
            .emit("send_message", &message("bob", seq))
            .await
            .is_ok()
        {
            seq += 1;
        }
    });
    let (enough, reached) = tokio::sync::oneshot::channel();
    let confirmed = tokio::spawn(seqs(sender.reader, "message:sent", Some(enough)));
    let received = tokio::spawn(seqs(receiver.reader, "receive_message", None));
    reached.await.unwrap();
    let mut relay = tokio::task::spawn_blocking(move || {
        stop(&mut relay);
        relay
    })
    .await
    .unwrap();
    sending.await.unwrap();
    let (confirmed, received) = (confirmed.await.unwrap(), received.await.unwrap());
    assert!(!relay.is_running());
    let recorded: Vec<_> = rows(data.path())
        .into_iter()
        .filter(|row| row.event == "MESSAGE_SENT")
        .map(|row| row.details["seq"].as_u64().unwrap())
        .collect();
    assert!(recorded.len() >= received.len().max(confirmed.len()));
    for seqs in [&confirmed, &received, &recorded] {
        assert!(seqs.iter().copied().eq(0..seqs.len() as u64), "a gap");
    }
}

/// The `seq` of every event with this name until the connection ends; signals when there were 2000.
async fn seqs(
    mut reader: Reader,
    name: &str,
    mut enough: Option<tokio::sync::oneshot::Sender<()>>,
) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Ok(packet) = reader.packet_whenever().await {
        let Some(event) = Event::parse(&packet).filter(|event| event.name == name) else {
            continue;
        };
        seqs.push(event.number("seq"));
        if seqs.len() == 2000
            && let Some(enough) = enough.take()
        {
            enough.send(()).unwrap();
        }
    }
    seqs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_confirmed_message_is_in_the_audit_after_a_stop() {
    const MESSAGES: usize = 3000;
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(data.path(), &[]);
    let mut alice = Client::connect(&relay, "alice").await;
    for seq in 0..MESSAGES {
        alice.emit("send_message", &message("bob", seq)).await;
    }
    for seq in 0..MESSAGES {
        assert_eq!(alice.event("message:sent").await.number("seq"), seq as u64);
    }
    stop(&mut relay);
    let rows = rows(data.path());
    let seqs: Vec<_> = rows
        .iter()
        .filter(|row| row.event == "MESSAGE_SENT")
        .map(|row| row.details["seq"].as_u64().unwrap())
        .collect();
    assert!(
        seqs.iter().copied().eq(0..MESSAGES as u64),
        "{} rows",
        seqs.len()
    );
    let last = rows.last().unwrap();
    assert_eq!(
        (&*last.event, &last.details["reason"]),
        ("SOCKET_DISCONNECT", &json!("server shutdown"))
    );
}
