//! Floods of frames that carry no event: the connection is closed, and nobody else notices.

use tokio_tungstenite::tungstenite::Message;

use super::Stage;
use test_support::raw::Client;
use test_support::raw::polling::Polling;
use test_support::raw::socket::{FIN, RawSocket, TEXT, frame};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_heartbeats_close_their_connection() {
    let mut stage = Stage::set(&[]).await;
    let floods = [
        Message::Ping(vec![0; 125].into()),
        Message::Pong(vec![].into()),
        Message::text("3"),
        Message::text("2probe"),
        Message::text("6"),
    ];
    for flood in floods {
        let mut client = Client::connect(&stage.relay, "mallory").await;
        for _ in 0..100_000 {
            if client.writer.send(flood.clone()).await.is_err() {
                break;
            }
        }
        client.closed().await;
        stage.unharmed(&format!("a flood of {flood:?}")).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_in_tiny_parts_closes_its_connection_and_one_in_large_parts_arrives() {
    let mut stage = Stage::set(&[]).await;
    for (part, length, arrives) in [(1, 400, false), (4096, 120_000, true)] {
        let mut socket = RawSocket::connect(&stage.relay, "mallory").await;
        let ciphertext = "x".repeat(length);
        let event = format!(
            r#"42["send_message",{{"recipientId":"mallory","ciphertext":"{ciphertext}","iv":"i","tag":"t","seq":1}}]"#
        );
        let parts: Vec<_> = event.as_bytes().chunks(part).collect();
        let mut frames = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let opcode = if at == 0 { TEXT } else { 0 };
            let fin = if at + 1 == parts.len() { FIN } else { 0 };
            frames.extend(frame(fin | opcode, part));
        }
        socket.send(&frames).await;
        match arrives {
            true => socket.until("receive_message").await,
            false => socket.closed().await,
        }
        stage.unharmed("an event in parts").await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_heartbeats_that_are_posted_close_their_session() {
    let mut stage = Stage::set(&[]).await;
    for (packet, times) in [("3", 1_000_000), ("3", 101), ("", 101), ("6", 500)] {
        let session = Polling::connect(&stage.relay, "mallory").await;
        let flood = vec![packet; times].join("\x1e");
        assert_eq!(session.post(flood.as_bytes()).await.status, 400);
        while session.poll().await.status == 200 {}
        drop(session);
        stage.unharmed(&format!("{times} of {packet:?}")).await;
    }
    let stranger = Polling::open(&stage.relay).await;
    let flood = ["3"; 102].join("\x1e");
    assert_eq!(stranger.post(flood.as_bytes()).await.status, 400);
    drop(stranger);
    let session = Polling::connect(&stage.relay, "mallory").await;
    let mut posted = 0;
    while session.post(b"3").await.status == 200 {
        posted += 1;
        assert!(posted < 100_000);
    }
    drop(session);
    let session = Polling::connect(&stage.relay, "mallory").await;
    for _ in 0..3 {
        // As many as come of a client that was away for a moment.
        assert_eq!(session.post(b"3\x1e3\x1e3").await.status, 200);
    }
    let message = r#"42["send_message",{"recipientId":"mallory","ciphertext":"c","iv":"i","tag":"t","seq":1}]"#;
    let many = vec![message; 200].join("\x1e");
    assert_eq!(session.post(many.as_bytes()).await.status, 200);
    for _ in 0..200 {
        session.next("receive_message").await;
    }
    drop(session);
    stage.strike();
}
