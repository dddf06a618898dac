//! Attachments that do not fit their events.

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Message;

use super::{Stage, VICTIM, may_be_closed, outcome, to_victim};
use test_support::raw::Client;

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
