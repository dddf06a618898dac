//! Tokens that are taken back: what is left of that when the server is killed, how many there may be, and what the log and
//! `check-token` say.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::metrics::page::{INTERNAL, page};
use crate::program::{command_in, server_in};
use test_support::canary::canary;
use test_support::harness::Relay;
use test_support::memory;
use test_support::raw::http::{Response, request};
use test_support::raw::token::{now, sign};
use test_support::raw::{Client, Dial};
use test_support::scene::stop;

const HS256: &str = r#"{"alg":"HS256"}"#;
const ADMIN_TOKEN: &str = "an admin token for tests, longer than thirty-two bytes";
const ADMIN: (&str, &str) = ("ADMIN_TOKEN", ADMIN_TOKEN);
const PATH: &str = "/api/admin/revocations";

/// A token of alice with this id.
fn token(id: &str) -> String {
    let claims = json!({ "userId": "alice", "iat": now(), "exp": now() + 3600, "jti": id });
    sign(HS256, &claims.to_string())
}

async fn admin(relay: &Relay, method: &str, path: &str, body: &str) -> Response {
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let headers = [
        ("Authorization", &*bearer),
        ("Content-Type", "application/json"),
    ];
    request(relay, method, path, &headers, body.as_bytes()).await
}

async fn revoke(relay: &Relay, kind: &str, id: &str) -> Response {
    let body = json!({ "kind": kind, "id": id }).to_string();
    admin(relay, "POST", PATH, &body).await
}

async fn enter(relay: &Relay, token: &str) -> Result<(), String> {
    let mut client = Client::open(relay, Dial::default()).await.unwrap();
    client.enter(token).await
}

/// The exit code of `check-token`, and what it says.
fn check(data: &Path, token: &str) -> (Option<i32>, Value) {
    let checked = command_in(data)
        .args(["check-token", "--json", token])
        .output()
        .unwrap();
    let report = serde_json::from_slice(&checked.stdout).unwrap();
    (checked.status.code(), report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let mut relay = server_in(data.path(), &[ADMIN]);
        let (bad, back) = (format!("bad-{round}"), format!("back-{round}"));
        let answer = revoke(&relay, "token", &back).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let made: Value = serde_json::from_str(&answer.body).unwrap();
        let path = format!("{PATH}/{}", made["revocation"]["id"].as_str().unwrap());
        assert_eq!(admin(&relay, "DELETE", &path, "").await.status, 200);
        assert_eq!(revoke(&relay, "token", &bad).await.status, 200);
        relay.kill();
        relay.wait();
        let mut relay = server_in(data.path(), &[ADMIN]);
        enter(&relay, &token(&bad)).await.unwrap_err();
        enter(&relay, &token(&back)).await.unwrap();
        stop(&mut relay);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_token_knows_it_while_the_server_runs_and_when_it_does_not() {
    let data = tempfile::tempdir().unwrap();
    let (bad, good) = (token("bad"), token("good"));
    let mut relay = server_in(data.path(), &[ADMIN]);
    assert_eq!(revoke(&relay, "token", "bad").await.status, 200);
    for is_running in [true, false] {
        let (code, report) = check(data.path(), &bad);
        assert_eq!(code, Some(1), "{report}");
        assert_eq!(report["reason"], "revoked", "{report}");
        assert_eq!(report["clientMessage"], "Invalid token");
        assert_eq!(report["tokenId"], "bad");
        let (code, report) = check(data.path(), &good);
        assert_eq!(
            (code, &report["notChecked"]),
            (Some(0), &json!([])),
            "{report}"
        );
        if is_running {
            stop(&mut relay);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_no_more_than_there_may_be() {
    let data = tempfile::tempdir().unwrap();
    let is_public = ("ADMIN_PUBLIC", "true");
    let settings = [ADMIN, INTERNAL, is_public, ("MAX_REVOCATIONS", "2")];
    let mut relay = server_in(data.path(), &settings);
    let first = revoke(&relay, "token", "1").await;
    assert_eq!(first.status, 200);
    assert_eq!(revoke(&relay, "session", "2").await.status, 200);
    let refused = revoke(&relay, "user", "3").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains("SERVER_BUSY"), "{refused:?}");
    assert_eq!(revoke(&relay, "token", "1").await.status, 200, "widened");
    let text = page(&relay).await;
    let series = text.series();
    let count = |kind: &str| series[format!("relay_revocations{{kind=\"{kind}\"}}").as_str()];
    assert_eq!(["token", "user", "session"].map(count), [1.0, 0.0, 1.0]);
    for operation in ["read", "write"] {
        let name = "relay_store_duration_seconds_count";
        let name = format!("{name}{{store=\"revocations\",operation=\"{operation}\"}}");
        assert!(series[name.as_str()] >= 1.0, "{name}");
    }
    let first: Value = serde_json::from_str(&first.body).unwrap();
    let path = format!("{PATH}/{}", first["revocation"]["id"].as_str().unwrap());
    assert_eq!(admin(&relay, "DELETE", &path, "").await.status, 200);
    assert_eq!(revoke(&relay, "user", "3").await.status, 200);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_could_outlive_its_revocation_is_logged_and_not_each_time() {
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(data.path(), &[ADMIN, ("REVOCATION_TTL", "30m")]);
    for _ in 0..20 {
        enter(&relay, &token("canary-id")).await.unwrap();
    }
    stop(&mut relay);
    let lines = relay.log_lines("it could outlive its revocation");
    // A slow machine may need two minutes.
    assert!((1..=2).contains(&lines), "{}", relay.log());
    assert!(!relay.log().contains("canary-id"), "{}", relay.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_are_read_before_the_first_client_comes() {
    const COUNT: u32 = 100_000;
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(data.path(), &[]);
    let before = memory::resident(relay.pid());
    stop(&mut relay);
    let mut db = Connection::open(data.path().join("conversations.db")).unwrap();
    let insert = db.transaction().unwrap();
    let until = i64::try_from((now() + 3600) * 1000).unwrap();
    for number in 0..COUNT {
        let id = u128::from(number + 1).to_be_bytes();
        let subject = format!("00000000-0000-4000-8000-{number:012}");
        insert
            .execute(
                "INSERT INTO revocations (id, kind, subject, createdAt, expiresAt)
                 VALUES (?1, 'token', ?2, 0, ?3)",
                params![id, subject, until],
            )
            .unwrap();
    }
    insert.commit().unwrap();
    drop(db);
    let begun = Instant::now();
    let mut relay = server_in(data.path(), &[ADMIN]);
    let took = begun.elapsed();
    for number in [0, COUNT / 2, COUNT - 1] {
        let id = format!("00000000-0000-4000-8000-{number:012}");
        enter(&relay, &token(&id)).await.unwrap_err();
    }
    enter(&relay, &token("other")).await.unwrap();
    let more = memory::resident(relay.pid()) - before;
    println!("{COUNT} revocations: started in {took:?}, {more:.0} more MB");
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(more < 60.0, "{more} MB");
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_session_of_a_token_is_in_the_claim_of_the_settings() {
    let data = tempfile::tempdir().unwrap();
    let settings = [ADMIN, ("JWT_SESSION_CLAIM", "auth.login")];
    let mut relay = server_in(data.path(), &settings);
    let of = |login: Value| {
        let claims = json!({
            "userId": "alice", "exp": now() + 3600, "sid": "7", "auth": { "login": login },
        });
        sign(HS256, &claims.to_string())
    };
    assert_eq!(revoke(&relay, "session", "7").await.status, 200);
    for (login, is_good) in [(json!("7"), false), (json!(7), false), (json!("8"), true)] {
        let entered = enter(&relay, &of(login.clone())).await;
        assert_eq!(entered.is_ok(), is_good, "{login}");
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_tokens_are_in_no_log_no_record_and_no_metric() {
    let (data, mark) = (tempfile::tempdir().unwrap(), canary());
    let settings = [
        ADMIN,
        INTERNAL,
        ("ADMIN_PUBLIC", "true"),
        ("LOG_LEVEL", "trace"),
        ("ACCESS_LOG", "json"),
        ("REVOCATION_TTL", "1m"),
    ];
    let mut relay = server_in(data.path(), &settings);
    let mut client = Client::open(&relay, Dial::default()).await.unwrap();
    client.enter(&token(&mark)).await.unwrap();
    let made = revoke(&relay, "token", &mark).await;
    assert!(made.body.contains(&mark) && made.body.contains(r#""disconnected":1"#));
    let error = client.event("auth:error").await;
    assert!(!error.text.contains(&mark), "{}", error.text);
    enter(&relay, &token(&mark)).await.unwrap_err();
    assert_eq!(revoke(&relay, "session", &mark).await.status, 200);
    for (method, body) in [
        ("POST", format!(r#"{{"kind":"{mark}","id":"{mark}"}}"#)),
        ("POST", format!(r#"{{"kind":"token","id":["{mark}"]}}"#)),
        ("POST", format!(r#"{{"kind":"token","id":"{mark}","#)),
    ] {
        let answer = admin(&relay, method, PATH, &body).await;
        assert!([400, 422].contains(&answer.status), "{answer:?}");
        assert!(!answer.body.contains(&mark), "{answer:?}");
    }
    assert!(admin(&relay, "GET", PATH, "").await.body.contains(&mark));
    let made: Value = serde_json::from_str(&made.body).unwrap();
    let path = format!("{PATH}/{}", made["revocation"]["id"].as_str().unwrap());
    assert_eq!(admin(&relay, "DELETE", &path, "").await.status, 200);
    assert!(!page(&relay).await.0.contains(&mark));
    stop(&mut relay);
    assert!(!relay.log().contains(&mark), "{}", relay.log());
    for file in ["relay.db", "relay.db-wal"] {
        let bytes = std::fs::read(data.path().join(file)).unwrap_or_default();
        let mut parts = bytes.windows(mark.len());
        assert!(!parts.any(|part| part == mark.as_bytes()), "{file}");
    }
}

#[test]
fn settings_out_of_range_are_named() {
    let data = tempfile::tempdir().unwrap();
    for (name, value, said) in [
        (
            "REVOCATION_TTL",
            "59s",
            "revocation_ttl: must be at least 1m",
        ),
        (
            "MAX_REVOCATIONS",
            "0",
            "max_revocations: must be at least 1",
        ),
        (
            "JWT_SESSION_CLAIM",
            "auth.",
            "jwt_session_claim: must be the name of a claim",
        ),
    ] {
        let checked = command_in(data.path())
            .arg("check-config")
            .env(name, value)
            .output();
        let checked = checked.unwrap();
        let text = String::from_utf8_lossy(&checked.stderr);
        assert!(
            !checked.status.success() && text.contains(said),
            "{name}: {text}"
        );
    }
}
