//! Why somebody is not authenticated: in the log, in the audit and by `check-token`, while clients are told less.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::audit::records::rows;
use crate::program::{self, command_in, server_in};
use test_support::harness::Relay;
use test_support::raw::http::{Response, request};
use test_support::raw::token::{for_user, now, sign, sign_with, unsigned};
use test_support::raw::{Client, Dial};
use test_support::scene::stop;

const HS256: &str = r#"{"alg":"HS256"}"#;
const INVALID: &str = "Invalid token";
const ADMIN_TOKEN: &str = "an admin token for tests, longer than thirty-two bytes";
const SETTINGS: [(&str, &str); 3] = [
    ("JWT_ISSUER", "https://login.example"),
    ("JWT_AUDIENCE", "relay"),
    ("ADMIN_TOKEN", ADMIN_TOKEN),
];

/// Claims that are good, with these in the place of theirs.
fn claims(changed: &[(&str, Value)]) -> String {
    let mut claims = serde_json::json!({
        "userId": "canary-user", "iss": "https://login.example", "aud": ["relay"], "exp": now() + 3600,
    });
    for (name, value) in changed {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(*name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert((*name).to_owned(), value.clone()),
        };
    }
    claims.to_string()
}

fn signed(changed: &[(&str, Value)]) -> String {
    sign(HS256, &claims(changed))
}

/// A token with each fault, its reason, what its client is told, and whether its user is known.
fn faults() -> Vec<(String, &'static str, &'static str, bool)> {
    let hour = now() + 3600;
    let head = |head: &str| sign(head, &claims(&[]));
    let other = sign_with(HS256, &claims(&[]), &[b'x'; 40]);
    vec![
        ("x".to_owned(), "malformed", INVALID, false),
        (
            format!("{}.!", unsigned(HS256, &claims(&[]))),
            "malformed",
            INVALID,
            false,
        ),
        (sign(HS256, "[]"), "malformed", INVALID, false),
        (
            signed(&[("x", "x".repeat(16_384).into())]),
            "malformed",
            INVALID,
            false,
        ),
        (
            head(r#"{"alg":"none"}"#),
            "algorithm_not_allowed",
            INVALID,
            false,
        ),
        (
            head(r#"{"alg":"RS256"}"#),
            "algorithm_not_allowed",
            INVALID,
            false,
        ),
        (head("{}"), "algorithm_not_allowed", INVALID, false),
        (
            head(r#"{"alg":"HS256","crit":["x"]}"#),
            "unsupported_critical",
            INVALID,
            false,
        ),
        (other, "bad_signature", INVALID, false),
        (signed(&[("exp", Value::Null)]), "no_expiry", INVALID, true),
        (
            signed(&[("exp", "soon".into())]),
            "no_expiry",
            INVALID,
            true,
        ),
        (
            signed(&[("exp", 1.into())]),
            "expired",
            "Token expired",
            true,
        ),
        // The first fault counts.
        (
            signed(&[("exp", 1.into()), ("iss", "x".into())]),
            "expired",
            "Token expired",
            true,
        ),
        (
            signed(&[("nbf", hour.into())]),
            "not_yet_valid",
            INVALID,
            true,
        ),
        (
            signed(&[("iss", "https://other.example".into())]),
            "wrong_issuer",
            INVALID,
            true,
        ),
        (
            signed(&[("iss", Value::Null)]),
            "wrong_issuer",
            INVALID,
            true,
        ),
        (
            signed(&[("aud", "other".into())]),
            "wrong_audience",
            INVALID,
            true,
        ),
        (
            signed(&[("aud", Value::Null)]),
            "wrong_audience",
            INVALID,
            true,
        ),
        (
            signed(&[("userId", Value::Null)]),
            "no_user_id",
            INVALID,
            false,
        ),
        (
            signed(&[("userId", "".into())]),
            "no_user_id",
            INVALID,
            false,
        ),
    ]
}

async fn enter(relay: &Relay, token: &str) -> Result<(), String> {
    let mut client = Client::open(relay, Dial::default()).await.unwrap();
    client.enter(token).await
}

async fn get(relay: &Relay, path: &str, token: &str) -> Response {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", &*bearer), ("X-Request-Id", "request-17")];
    request(relay, "GET", path, &headers, b"").await
}

/// Reason and user of each failed authentication.
fn recorded(data: &Path) -> Vec<(String, Option<String>)> {
    let mut rows = rows(data);
    rows.retain(|row| row.event == "AUTH_FAILED");
    let rows = rows.into_iter();
    rows.map(|row| (row.details["reason"].as_str().unwrap().to_owned(), row.user))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_and_the_audit_say_why_and_the_client_is_told_no_more_than_before() {
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(data.path(), &SETTINGS);
    let mut expected = Vec::new();
    for (token, reason, told, has_user) in faults() {
        let answer = enter(&relay, &token).await.expect_err(reason);
        assert!(
            answer.contains(&format!("\"message\":\"{told}\"")),
            "{reason}: {answer}"
        );
        assert!(
            reason == "expired" || !answer.contains(reason),
            "{reason}: {answer}"
        );
        expected.push((
            reason.to_owned(),
            has_user.then(|| "canary-user".to_owned()),
        ));
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!relay.log().contains(part), "{reason}: {}", relay.log());
        }
    }
    let good = sign(HS256, &claims(&[]));
    enter(&relay, &good).await.unwrap();
    stop(&mut relay);
    let log = relay.log();
    for (reason, user) in &expected {
        let user = user
            .as_ref()
            .map_or(String::new(), |user| format!("user=\"{user}\""));
        let is_line =
            |line: &&str| line.contains(&format!("reason=\"{reason}\"")) && line.contains(&user);
        let line = log
            .lines()
            .find(is_line)
            .unwrap_or_else(|| panic!("{reason}: {log}"));
        assert!(
            line.contains("WARN") && line.contains("address=127.0.0.1"),
            "{line}"
        );
        assert!(line.contains("dialect=\"direct\""), "{line}");
    }
    assert_eq!(recorded(data.path()), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_do_a_new_token_on_a_connection_and_requests() {
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(
        data.path(),
        &[
            ("DIALECTS", "direct,conversation"),
            ("ADMIN_TOKEN", ADMIN_TOKEN),
        ],
    );
    let mut alice = Client::connect(&relay, "alice").await;
    let other = for_user("bob");
    alice.emit("authenticate", &format!("\"{other}\"")).await;
    let answer = alice.event("authenticated").await;
    assert!(
        answer.text.contains(r#""error":"Invalid token""#),
        "{}",
        answer.text
    );
    let forged = sign_with(HS256, &claims(&[]), &[b'x'; 40]);
    let refused = get(&relay, "/api/conversations", &forged).await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("Invalid or expired token"),
        "{refused:?}"
    );
    assert_eq!(get(&relay, "/api/admin/audit", "x").await.status, 403);
    let admin = format!("Bearer {ADMIN_TOKEN}");
    let headers = [
        ("Authorization", &*admin),
        ("Content-Type", "application/json"),
    ];
    let suspended = br#"{"status":"suspended"}"#;
    let path = "/api/admin/users/carol";
    let answer = request(&relay, "PUT", path, &headers, suspended).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(enter(&relay, &for_user("carol")).await.is_err());
    let mut dave = Client::connect(&relay, "dave").await;
    let other = for_user("carol");
    dave.emit("authenticate", &format!("\"{other}\"")).await;
    dave.event("authenticated").await;
    let asked = check(data.path(), &[], &["--json", &for_user("carol")]);
    let report: Value = serde_json::from_slice(&asked.stdout).unwrap();
    assert_eq!(report["reason"], "suspended", "{report}");
    stop(&mut relay);
    let known = |reason: &str, user: Option<&str>| (reason.to_owned(), user.map(str::to_owned));
    let expected = [
        known("other_user", Some("bob")),
        known("bad_signature", None),
        known("unknown_admin_token", None),
        known("suspended", Some("carol")),
        known("other_user", Some("carol")),
    ];
    assert_eq!(recorded(data.path()), expected);
    let log = relay.log();
    let line = |reason: &str| {
        let reason = format!("reason=\"{reason}\"");
        log.lines().find(|line| line.contains(&reason)).unwrap()
    };
    assert!(line("other_user").contains("session="), "{log}");
    for reason in ["bad_signature", "unknown_admin_token"] {
        assert!(line(reason).contains("request-17"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reason_fills_no_log() {
    let mut relay = program::server(&[]);
    for _ in 0..30 {
        enter(&relay, "x").await.unwrap_err();
    }
    stop(&mut relay);
    let log = relay.log();
    let told = |form: &str| {
        let form = format!("reason=\"malformed\" {form}");
        let lines = log.lines().filter(|line| line.contains(&form));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    // Ten of each minute are told, of which a slow machine needs two.
    let single = told("address=");
    assert!((10..=20).contains(&single.len()), "{log}");
    // The rest is counted when the minute ends, or at the stop.
    let counted = told("count=").into_iter().map(|line| {
        let count = line.split("count=").nth(1).unwrap();
        let digits = count.split(|other: char| !other.is_ascii_digit());
        digits.into_iter().next().unwrap().parse::<usize>().unwrap()
    });
    assert_eq!(single.len() + counted.sum::<usize>(), 30, "{log}");
}

/// `check-token` with the secret and these variables.
fn check(data: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    command_in(data)
        .envs(env.iter().copied())
        .arg("check-token")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn check_token_decides_as_the_server_does() {
    let data = tempfile::tempdir().unwrap();
    for (token, reason, told, has_user) in faults() {
        let checked = check(data.path(), &SETTINGS, &[&token]);
        let text = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(1), "{reason}: {text}");
        let first = format!("refused: {reason} (client is told: {told})\n");
        assert!(text.starts_with(&first), "{text}");
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!text.contains(part), "{reason}: {text}");
        }
        let json = check(data.path(), &SETTINGS, &["--json", &token]);
        let report: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(report["accepted"], false);
        assert_eq!(report["reason"], reason, "{report}");
        assert_eq!(report["clientMessage"], told, "{report}");
        let user = report.get("userId").map(|user| user == "canary-user");
        assert_eq!(user, has_user.then_some(true), "{reason}: {report}");
    }
    let issuer = signed(&[("iss", "https://other.example".into())]);
    let text = String::from_utf8(check(data.path(), &SETTINGS, &[&issuer]).stdout).unwrap();
    for found in [
        "https://other.example",
        "https://login.example",
        "alg: HS256",
        "key: jwt_secret",
    ] {
        assert!(text.contains(found), "{text}");
    }
    assert_eq!(
        std::fs::read_dir(data.path()).unwrap().count(),
        0,
        "it made something"
    );
}

#[test]
fn a_good_token_is_accepted_from_wherever_it_comes() {
    let data = tempfile::tempdir().unwrap();
    let more = [
        ("iat", now().into()),
        ("jti", "t-1".into()),
        ("name", "Canary".into()),
    ];
    let token = signed(&more);
    let checked = check(data.path(), &SETTINGS, &[&token]);
    let text = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(0), "{text}");
    assert!(
        text.starts_with("accepted: user canary-user, expires 2"),
        "{text}"
    );
    assert!(
        text.contains("not checked: revocation, suspension"),
        "{text}"
    );

    let mut piped = command_in(data.path())
        .envs(SETTINGS)
        .args(["check-token", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = piped.stdin.take().unwrap();
    stdin
        .write_all(format!("Bearer {token}\nsecond\n").as_bytes())
        .unwrap();
    drop(stdin);
    let output = piped.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["accepted"], true, "{report}");
    assert_eq!(
        (&report["userId"], &report["name"]),
        (&"canary-user".into(), &"Canary".into())
    );
    assert_eq!(
        (&report["tokenId"], &report["keySource"]),
        (&"t-1".into(), &"jwt_secret".into())
    );
    assert_eq!(
        report["notChecked"],
        serde_json::json!(["revocation", "suspension"])
    );
    assert!(
        report["issuedAt"].as_str().unwrap().ends_with('Z'),
        "{report}"
    );
}

#[test]
fn check_token_says_when_it_cannot_decide_and_what_is_missing() {
    let data = tempfile::tempdir().unwrap();
    let empty = check(data.path(), &[], &[""]);
    assert_eq!(empty.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&empty.stdout).starts_with("refused: missing"));

    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let by_set = [("JWT_ALGORITHMS", "ES256"), ("JWKS_URL", &*url)];
    let token = sign(r#"{"alg":"ES256","kid":"k"}"#, &claims(&[]));
    let undecided = check(data.path(), &by_set, &[&token]);
    let text = String::from_utf8_lossy(&undecided.stdout);
    assert_eq!(undecided.status.code(), Some(3), "{text}");
    assert!(text.starts_with("refused: keys_unavailable"), "{text}");

    for env in [&[("JWT_SECRET", "")][..], &[("PORT", "x")]] {
        let wrong = check(data.path(), env, &[&token]);
        assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
        assert!(wrong.stdout.is_empty());
    }
    assert_eq!(
        std::fs::read_dir(data.path()).unwrap().count(),
        0,
        "it made something"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_is_required_or_has_no_id_is_named_to_operators() {
    const CLAIMS: [(&str, &str); 2] = [
        ("JWT_REQUIRED_CLAIMS", "type=access,app.use"),
        ("JWT_USER_ID_CLAIMS", "_id,user.id"),
    ];
    let use_of = serde_json::json!({ "use": "chat" });
    let refresh = signed(&[
        ("type", "refresh".into()),
        ("app", use_of.clone()),
        ("_id", "ann".into()),
    ]);
    let nobody = signed(&[("type", "access".into()), ("app", use_of)]);
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(data.path(), &CLAIMS);
    for (token, reason, note) in [
        (
            &refresh,
            "required_claim",
            r#"type: "refresh" (jwt_required_claims: type=access)"#,
        ),
        (
            &nobody,
            "no_user_id",
            "no id in jwt_user_id_claims: _id, user.id",
        ),
    ] {
        let checked = check(data.path(), &CLAIMS, &[token]);
        let text = String::from_utf8_lossy(&checked.stdout);
        assert_eq!(checked.status.code(), Some(1), "{text}");
        let first = format!("refused: {reason} (client is told: {INVALID})");
        assert!(
            text.starts_with(&first) && text.contains(note) && !text.contains("app.use"),
            "{text}"
        );
        let answer = enter(&relay, token).await.expect_err(reason);
        assert!(answer.contains(INVALID), "{answer}");
    }
    stop(&mut relay);
    let user = Some("ann".to_owned());
    let expected = [
        ("required_claim".to_owned(), user),
        ("no_user_id".to_owned(), None),
    ];
    assert_eq!(recorded(data.path()), expected);
}
