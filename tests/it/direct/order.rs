//! Order: what one client sends is received, and confirmed, in the order in which it was sent, and all of it.

use std::collections::HashMap;

use bytes::Bytes;

use crate::program::server;
use test_support::raw::{Client, Reader};
use test_support::scene::{chunk, message, stop};

const SENDERS: usize = 5;
const MESSAGES: u64 = 5_000;
const RECEIVERS: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_senders_of_5000_messages_are_each_received_and_confirmed_in_order() {
    let mut relay = server(&[]);
    let mut receiving = Vec::new();
    for receiver in 0..RECEIVERS {
        let client = Client::connect(&relay, &format!("receiver-{receiver}")).await;
        receiving.push(tokio::spawn(receive_all(client, receiver)));
    }
    let mut sending = Vec::new();
    for sender in 0..SENDERS {
        let client = Client::connect(&relay, &format!("sender-{sender}")).await;
        sending.push(tokio::spawn(send_all(client)));
    }
    for task in sending.into_iter().chain(receiving) {
        task.await.unwrap();
    }
    stop(&mut relay);
}

/// Sends message n to receiver n modulo their number, without waiting for anything, and checks the confirmations.
async fn send_all(client: Client) {
    let Client {
        writer, mut reader, ..
    } = client;
    let sending = tokio::spawn(async move {
        for seq in 0..MESSAGES {
            let to = format!("receiver-{}", seq % RECEIVERS);
            writer
                .emit("send_message", &message(&to, seq))
                .await
                .unwrap();
        }
    });
    for seq in 0..MESSAGES {
        let confirmed = reader.event("message:sent").await;
        assert_eq!(confirmed.number("seq"), seq, "confirmations of one sender");
        assert_eq!(
            confirmed.get("recipientId"),
            format!("receiver-{}", seq % RECEIVERS)
        );
    }
    sending.await.unwrap();
}

/// Receives every message of every sender, each sender's in order and none left out.
async fn receive_all(client: Client, receiver: u64) {
    let mut reader = client.reader;
    let mut expected = HashMap::new();
    let due = (receiver..MESSAGES).step_by(RECEIVERS as usize).count() * SENDERS;
    for _ in 0..due {
        let received = reader.event("receive_message").await;
        let next = expected
            .entry(received.get("senderId").to_string())
            .or_insert(receiver);
        assert_eq!(
            received.number("seq"),
            *next,
            "messages of {}",
            received.get("senderId")
        );
        *next += RECEIVERS;
    }
    assert_eq!(expected.len(), SENDERS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_different_kinds_stay_in_order() {
    const ROUNDS: usize = 200;
    let mut relay = server(&[]);
    let alice = Client::connect(&relay, "alice").await;
    let bob = Client::connect(&relay, "bob").await;
    let sending = tokio::spawn(async move {
        let large = format!("\"{}\"", "x".repeat(50_000));
        for round in 0..ROUNDS {
            let key = format!(r#"{{"recipientId":"bob","publicKey":"k","round":{round}}}"#);
            let binary = format!(
                r#"{{"recipientId":"bob","ciphertext":{{"_placeholder":true,"num":0}},"iv":"i","tag":"t","seq":{round}}}"#
            );
            let bytes = [Bytes::from(round.to_string())];
            alice
                .writer
                .emit("typing:start", r#"{"recipientId":"bob"}"#)
                .await
                .unwrap();
            alice
                .writer
                .emit(
                    "send_file_chunk",
                    &chunk("bob", "file", round, ROUNDS, &large),
                )
                .await
                .unwrap();
            alice.writer.emit("key-exchange:send", &key).await.unwrap();
            alice
                .writer
                .emit_binary("send_message", &binary, &bytes)
                .await
                .unwrap();
            alice
                .writer
                .emit("typing:stop", r#"{"recipientId":"bob"}"#)
                .await
                .unwrap();
        }
        alice
    });
    let mut reader = bob.reader;
    for round in 0..ROUNDS as u64 {
        assert_eq!(next(&mut reader).await.get("isTyping"), true);
        assert_eq!(next(&mut reader).await.number("chunkNumber"), round);
        assert_eq!(next(&mut reader).await.number("round"), round);
        let message = next(&mut reader).await;
        assert_eq!(message.number("seq"), round);
        assert_eq!(message.attachments, [Bytes::from(round.to_string())]);
        assert_eq!(next(&mut reader).await.get("isTyping"), false);
    }
    sending.await.unwrap();
    stop(&mut relay);
}

/// The next event but presence.
async fn next(reader: &mut Reader) -> test_support::raw::Event {
    loop {
        let event = test_support::raw::Event::parse(&reader.packet().await.unwrap()).unwrap();
        if !event.name.starts_with("user:o") {
            return event;
        }
    }
}
