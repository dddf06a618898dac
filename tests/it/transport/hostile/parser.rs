//! Packets and JSON that are not what they should be.

use super::{Outcome, Stage, VICTIM, may_be_closed, outcome, survives};
use test_support::raw::Client;
use test_support::scene::message;

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
