//! Text that would make a log or a terminal say what did not happen.

use crate::transport::hostile::{Stage, outcome};
use test_support::raw::token::{now, sign};
use test_support::raw::{Client, Dial, http};

const FORGED: &str = "FORGED-LINE";

/// In every format and at the finest level.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_input_neither_begins_a_log_line_nor_controls_a_terminal() {
    for format in ["text", "json"] {
        let env = [("LOG_LEVEL", "trace"), ("LOG_FORMAT", format)];
        let mut stage = Stage::set(&env).await;
        attack(&stage).await;
        stage.unharmed("forged lines").await;
        let Stage {
            mut relay,
            bystanders,
        } = stage;
        drop(bystanders);
        test_support::scene::stop(&mut relay);
        let log = relay.log();
        for line in log.lines() {
            assert!(!line.trim_start().starts_with(FORGED), "{line}");
            assert!(!line.contains(&format!("\u{1b}]0;{FORGED}")), "{line:?}");
        }
        assert!(!log.contains(&format!("\r{FORGED}")) && !log.contains(&format!("\u{85}{FORGED}")));
        assert!(!log.contains(['\u{202e}', '\u{200b}', '\u{2028}', '\u{feff}']));
    }
}

async fn attack(stage: &Stage) {
    let relay = &stage.relay;
    let nasty = format!(
        "\\n{FORGED} \\r{FORGED} \\u0085{FORGED} \\u2028{FORGED} \\u001b]0;{FORGED}\\u0007 \\u202e{FORGED} \\u200b\\ufeff{FORGED}"
    );
    let raw = format!("\u{85}{FORGED} \u{1b}]0;{FORGED}\u{7} \u{202e}{FORGED}\u{200b}");
    let claims = format!(
        "{{\"userId\":\"mallory\",\"username\":\"{nasty}\",\"exp\":{}}}",
        now() + 3600
    );
    let mut mallory = Client::open(
        relay,
        Dial::default().header("User-Agent", &format!("\u{85}{FORGED}")),
    )
    .await
    .unwrap();
    "mallory".clone_into(&mut mallory.user);
    mallory
        .enter(&sign(r#"{"alg":"HS256"}"#, &claims))
        .await
        .unwrap();
    mallory
        .emit("join_room", &format!("{{\"recipientId\":\"{nasty}\"}}"))
        .await;
    mallory
        .emit(
            "request_file",
            &format!("{{\"senderId\":\"nobody\",\"messageId\":\"{nasty}\"}}"),
        )
        .await;
    mallory
        .writer
        .text(format!("42[\"{raw}\",{{}}]"))
        .await
        .unwrap();
    outcome(&mut mallory).await;
    mallory
        .writer
        .text(format!("42[\"{nasty}\",{{}}]"))
        .await
        .ok();
    outcome(&mut mallory).await;
    let claims = format!("{{\"userId\":\"{nasty}\",\"exp\":{}}}", now() + 3600);
    let mut refused = Client::open(relay, Dial::default()).await.unwrap();
    refused
        .enter(&sign(r#"{"alg":"HS256"}"#, &claims))
        .await
        .unwrap_err();
    let header = sign(
        &format!("{{\"alg\":\"HS256\",\"kid\":\"{nasty}\"}}"),
        &claims,
    );
    let mut refused = Client::open(relay, Dial::default()).await.unwrap();
    refused.enter(&header).await.unwrap_err();
    let encoded = format!("%0a{FORGED}%0d{FORGED}%1b]0;{FORGED}");
    for path in [
        format!("/{encoded}"),
        format!("/socket.io/?EIO=4&transport={encoded}&sid={encoded}&dialect={encoded}"),
    ] {
        let answer = http::get(relay, &path).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    for name in ["Origin", "X-Forwarded-For", "X-Request-Id", "Authorization"] {
        let answer = http::request(
            relay,
            "GET",
            "/health",
            &[(name, &format!("\u{85}{FORGED}"))],
            b"",
        )
        .await;
        assert!(answer.status < 500, "{answer:?}");
    }
}
