//! Whoever comes and whatever they write, there are always the same series.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};

use super::page::{INTERNAL, page};
use crate::program;
use test_support::raw::{Client, http, token};

const USERS: usize = 10_000;
/// How many of them are there at one time.
const AT_ONCE: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_users_make_no_further_series() {
    let relay = program::start(&[
        INTERNAL,
        ("RATE_LIMITS", "off"),
        ("MAX_CONNECTIONS_PER_IP", "100000"),
    ]);
    let before = page(&relay).await;
    stream::iter(0..USERS)
        .for_each_concurrent(AT_ONCE, async |number| {
            let user = format!("user-{number}");
            let mut client = Client::connect(&relay, &user).await;
            let message = format!(
                r#"{{"recipientId":"to-{number}","ciphertext":"c","iv":"i","tag":"t","seq":{number}}}"#
            );
            client.writer.emit("send_message", &message).await.unwrap();
            client.event("message:sent").await;
            let event = format!("event-{number}");
            client.writer.emit(&event, "{}").await.unwrap();
            client.event("error").await;
            if number % 20 == 0 {
                ask(&relay, &user, number).await;
            }
        })
        .await;
    let after = page(&relay).await;
    let series = |page: &super::page::Page| -> BTreeSet<String> {
        page.series().into_keys().map(str::to_owned).collect()
    };
    assert_eq!(series(&before), series(&after));
    let users = USERS as f64;
    for series in [
        r#"relay_events_received_total{dialect="direct",event="send_message"}"#,
        r#"relay_events_received_total{dialect="undeclared",event="unknown"}"#,
        r#"relay_events_sent_total{dialect="direct",event="message:sent"}"#,
        r#"relay_events_sent_total{dialect="undeclared",event="auth:success"}"#,
        r#"relay_messages_undelivered_total{dialect="direct"}"#,
        r#"relay_connections_opened_total{dialect="undeclared",transport="websocket"}"#,
        r#"relay_refusals_total{surface="socket",code="UNKNOWN_EVENT"}"#,
    ] {
        assert_eq!(after.value(series), users, "{series}");
    }
}

/// Requests of a user, with paths, methods and tokens of their own.
async fn ask(relay: &test_support::harness::Relay, user: &str, number: usize) {
    let token = format!("Bearer {}", token::for_user(user));
    let agent = format!("agent-{number}");
    let headers = [("Authorization", &*token), ("User-Agent", &agent)];
    for (method, path) in [
        ("GET", format!("/api/conversations/c-{number}")),
        ("GET", format!("/nowhere-{number}?q={number}")),
        ("BREW", format!("/api/messages/m-{number}")),
        ("PUT", format!("/api/users/me/blocked/b-{number}")),
    ] {
        assert_ne!(
            http::request(relay, method, &path, &headers, b"")
                .await
                .status,
            0
        );
    }
}
