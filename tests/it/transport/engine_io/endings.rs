//! How a WebSocket ends: it is closed, and no packet says that it will be, which clients would take for a wish that they
//! stay away.

use tokio_tungstenite::tungstenite::Message;

use crate::program::server;
use test_support::raw::{Client, Dial};
use test_support::scene::stop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_said_when_the_relay_closes_a_websocket() {
    let mut relay = server(&[
        ("PING_INTERVAL", "300ms"),
        ("PING_TIMEOUT", "300ms"),
        ("CONNECT_TIMEOUT", "1s"),
    ]);
    for (user, sent) in [
        (Some("of no kind"), "9"),
        (Some("no event"), "42{"),
        (None, "42[\"before CONNECT\"]"),
        (None, "3"),
    ] {
        let mut client = match user {
            Some(user) => Client::connect(&relay, user).await,
            None => Client::open(&relay, Dial::default())
                .await
                .expect("a session"),
        };
        client.writer.text(sent).await.expect("it is open");
        client.closed().await;
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_gives_no_sign_of_life_is_told_nothing_before_the_end() {
    let mut relay = server(&[("PING_INTERVAL", "300ms"), ("PING_TIMEOUT", "300ms")]);
    let mut client = Client::connect(&relay, "alice").await;
    // Its packets are looked at as they are: the first is the ping, which is not answered.
    let mut told = Vec::new();
    while let Ok(message) = client.reader.message().await {
        let is_end = message.is_close();
        told.push(message);
        if is_end {
            break;
        }
    }
    let texts = told.iter().filter_map(|message| message.to_text().ok());
    let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    assert!(texts.contains(&"2") && !texts.contains(&"1"), "{texts:?}");
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_too_large_is_said_by_the_code_of_the_end() {
    let mut relay = server(&[("MAX_EVENT_BYTES", "100000")]);
    let client = Client::connect(&relay, "alice").await;
    let (writer, mut reader) = (client.writer, client.reader);
    let sending = writer.text("x".repeat(200_000));
    let reading = async {
        loop {
            match reader.message().await {
                Ok(Message::Close(Some(end))) => return Some(u16::from(end.code)),
                Ok(Message::Close(None)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    };
    let (_, code) = tokio::join!(sending, reading);
    assert_eq!(code, Some(1009));
    stop(&mut relay);
}
