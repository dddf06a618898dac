//! The internal listener: what is served there and what is not, and for how long.

use super::page::{INTERNAL, internal, internal_address, page};
use crate::clients::ADMIN_TOKEN;
use crate::program;
use test_support::raw::{Client, Dial, http};

const ADMIN: (&str, &str) = ("ADMIN_TOKEN", ADMIN_TOKEN);
const AUDIT: &str = "/api/admin/audit";

async fn with_token(address: &str, path: &str) -> u16 {
    let token = format!("Bearer {ADMIN_TOKEN}");
    let headers = [("Authorization", &*token)];
    http::request_at(address, "GET", path, &headers, b"")
        .await
        .status
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_are_served_there_and_clients_are_not() {
    let relay = program::start(&[INTERNAL, ADMIN, ("API_DOCS", "false")]);
    let address = internal_address(&relay);
    for (path, status) in [
        ("/health", 200),
        ("/ready", 200),
        ("/metrics", 200),
        ("/docs", 200),
        ("/openapi.json", 200),
        ("/asyncapi.json", 200),
        (AUDIT, 401),
        ("/socket.io/?EIO=4&transport=polling", 404),
        ("/sessions", 404),
        ("/api/conversations", 404),
        ("/api/users/me/blocked", 404),
    ] {
        assert_eq!(internal(&relay, path).await.status, status, "{path}");
    }
    assert_eq!(with_token(&address, AUDIT).await, 200);
    // No page is meant to call, so none is told that it may.
    let headers = [("Origin", "http://localhost:5173")];
    let answer = http::request_at(&address, "GET", "/health", &headers, b"").await;
    assert!(
        !answer.head.to_lowercase().contains("access-control"),
        "{}",
        answer.head
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_served_to_clients_only_where_the_settings_say_so() {
    for (settings, status) in [
        (vec![ADMIN], 200),
        (vec![ADMIN, INTERNAL], 404),
        (vec![ADMIN, INTERNAL, ("ADMIN_PUBLIC", "true")], 200),
    ] {
        let relay = program::server(&settings);
        let address = relay.url().trim_start_matches("http://");
        assert_eq!(with_token(address, AUDIT).await, status, "{settings:?}");
    }
    let relay = program::server(&[ADMIN, INTERNAL]);
    let answer = http::get(&relay, AUDIT).await;
    assert_eq!(answer.body, r#"{"error":"Endpoint not found"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_lists_the_parts_for_operators_only() {
    let relay = program::server(&[INTERNAL]);
    let listed = r#"{"status":"ready","parts":{"audit":true,"store":true}}"#;
    assert_eq!(internal(&relay, "/ready?verbose").await.body, listed);
    assert_eq!(
        internal(&relay, "/ready").await.body,
        r#"{"status":"ready"}"#
    );
    assert_eq!(
        http::get(&relay, "/ready?verbose").await.body,
        r#"{"status":"ready"}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_seen_by_probes_and_scrapes() {
    let mut relay = program::server(&[INTERNAL, ("DRAIN_TIMEOUT", "20s")]);
    // A client that reads nothing keeps the relay draining for a while.
    let mut slow = Client::with(
        &relay,
        "slow",
        Dial {
            receive_buffer: Some(4096),
            ..Dial::default()
        },
    )
    .await;
    let sender = Client::connect(&relay, "sender").await;
    let content = "x".repeat(1 << 20);
    let message =
        format!(r#"{{"recipientId":"slow","ciphertext":"{content}","iv":"i","tag":"t","seq":1}}"#);
    slow.event("user:online").await;
    for _ in 0..4 {
        sender.writer.emit("send_message", &message).await.unwrap();
    }
    while page(&relay).await.value("relay_backlog_bytes") < f64::from(1 << 20) {}
    relay.signal("-TERM");
    relay.logs("stopping", 1);
    let ready = internal(&relay, "/ready").await;
    assert_eq!(
        (ready.status, &*ready.body),
        (503, r#"{"status":"not ready","reason":"draining"}"#)
    );
    assert_eq!(internal(&relay, "/health").await.status, 200);
    assert_eq!(page(&relay).await.value("relay_ready"), 0.0);
    drop((slow, sender));
    assert!(relay.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_prevents_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = program::command_in(folder.path())
        .env("INTERNAL_LISTEN", &address)
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    let port = address.rsplit(':').next().unwrap();
    assert!(said.contains(port) && said.contains("127.0.0.1"), "{said}");
}
