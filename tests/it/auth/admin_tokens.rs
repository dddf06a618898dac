//! Tokens of administrators with scopes: made by the command, in effect by their line, named and never shown.

use std::path::Path;

use tempfile::TempDir;

use crate::audit::records::rows;
use crate::metrics::page::{INTERNAL, internal_address};
use crate::program::{self, command_in};
use test_support::harness::Relay;
use test_support::raw::http::{self, Response};
use test_support::scene::stop;

/// What the command prints: a token and its line.
fn made(data: &Path, arguments: &[&str]) -> (String, String) {
    let output = command_in(data).arg("admin-token").args(arguments).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(str::to_owned);
    let (token, line) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!(lines.next(), None);
    (token, line)
}

async fn get(relay: &Relay, path: &str, token: &str) -> Response {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer), ("x-request-id", "request-7")];
    http::request(relay, "GET", path, &headers, b"").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_the_command_makes_opens_what_it_names() {
    let data = TempDir::new().unwrap();
    let (token, line) = made(data.path(), &["auditor", "audit", "metrics", "audit"]);
    let (other, other_line) = made(data.path(), &["auditor-2", "all"]);
    assert_eq!(token.len(), 43, "32 bytes");
    assert_ne!(token, other);
    let hash = line.strip_prefix("auditor:audit+metrics:").expect(&line);
    assert_eq!(hash.len(), 64);
    assert!(other_line.starts_with("auditor-2:all:"));
    let lines = format!(
        "{line},{}",
        other_line
            .to_ascii_uppercase()
            .replace("AUDITOR-2:ALL", "auditor-2:all")
    );
    let settings = [("ADMIN_TOKENS", &*lines), ("LOG_LEVEL", "trace")];
    let mut relay = program::start_in(data.path(), &settings);
    for token in [&token, &other] {
        assert_eq!(get(&relay, "/api/admin/audit", token).await.status, 200);
        assert_eq!(get(&relay, "/metrics", token).await.status, 200);
    }
    let refused = get(&relay, "/api/admin/connections", &token).await;
    assert_eq!(refused.status, 403);
    let body = r#"{"error":"Not allowed","code":"NOT_AUTHORIZED","field":"connections"}"#;
    assert_eq!(refused.body, body);
    assert_eq!(
        get(&relay, "/api/admin/connections", hash).await.status,
        403
    );
    let page = get(&relay, "/metrics", &other).await.body;
    for (outcome, count) in [("scope_missing", 1), ("unknown_admin_token", 1)] {
        let series = format!("relay_authentications_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(page.contains(&series), "{series}");
    }
    stop(&mut relay);
    let log = relay.log();
    let line = log
        .lines()
        .find(|line| line.contains("scope_missing"))
        .unwrap();
    assert!(
        line.contains("auditor") && line.contains("request-7"),
        "{line}"
    );
    for secret in [&token, &other, hash] {
        assert!(!log.contains(secret), "{log}");
    }
    let rows = rows(data.path());
    assert!(
        rows.iter()
            .any(|row| format!("{row:?}").contains("scope_missing"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_listed_no_more_opens_nothing() {
    let data = TempDir::new().unwrap();
    let (old, old_line) = made(data.path(), &["old", "all"]);
    let (new, new_line) = made(data.path(), &["new", "all"]);
    for (lines, expected) in [
        (old_line.clone(), [200, 403]),
        (format!("{old_line},{new_line}"), [200, 200]),
        (new_line, [403, 200]),
        (String::new(), [404, 404]),
    ] {
        let mut relay = program::start_in(data.path(), &[("ADMIN_TOKENS", &*lines)]);
        for (token, status) in [&old, &new].into_iter().zip(expected) {
            let answer = get(&relay, "/api/admin/audit", token).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
        stop(&mut relay);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_an_internal_listener_it_alone_has_the_routes() {
    let data = TempDir::new().unwrap();
    let (token, line) = made(data.path(), &["app", "presence"]);
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer)];
    let path = "/api/admin/users/ann/presence";
    for (is_public, expected) in [("false", 404), ("true", 200)] {
        let settings = [
            INTERNAL,
            ("ADMIN_TOKENS", &*line),
            ("ADMIN_PUBLIC", is_public),
        ];
        let relay = program::start_in(data.path(), &settings);
        let public = http::request(&relay, "GET", path, &headers, b"").await;
        assert_eq!(public.status, expected, "{public:?}");
        let there = internal_address(&relay);
        let internal = http::request_at(&there, "GET", path, &headers, b"").await;
        assert_eq!(internal.status, 200, "{internal:?}");
        let without = http::request_at(&there, "GET", path, &[], b"").await;
        assert_eq!(without.status, 401, "{without:?}");
    }
}

#[test]
fn what_is_no_token_is_not_made_and_prevents_the_start() {
    let data = TempDir::new().unwrap();
    for arguments in [
        &["Name", "all"][..],
        &["name"],
        &["name", "every"],
        &["", "all"],
        &["a-name-that-is-longer-than-32-characters", "all"],
    ] {
        let output = command_in(data.path())
            .arg("admin-token")
            .args(arguments)
            .output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let (_, line) = made(data.path(), &["twice", "all"]);
    let hash = line.rsplit(':').next().unwrap();
    let twice = format!("{line},{line}");
    for (name, value, said) in [
        (
            "ADMIN_TOKENS",
            &*twice,
            "admin_tokens: has the name twice twice",
        ),
        ("ADMIN_TOKENS", "app:every:x", "must be some of publish"),
        (
            "PUBLISH_EVENTS",
            "app:*,message:new",
            "publish_events: must not cover message:new",
        ),
        ("PUBLISH_EVENTS", "auth:*", "must not cover auth:*"),
        (
            "PUBLISH_BURST",
            "999",
            "publish_burst: must be at least 1000",
        ),
        (
            "PUBLISH_MAX_BYTES",
            "12000000",
            "must not be more than max_event_bytes",
        ),
    ] {
        let output = command_in(data.path())
            .arg("check-config")
            .env(name, value)
            .output();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains(said),
            "{name} {said}: {text}"
        );
        assert!(!text.contains(hash), "{text}");
    }
}
