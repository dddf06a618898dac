//! What is repeated without end: recorded a few times, and then by one record that counts.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::records::{Row, rows};
use crate::program;
use crate::session::{self, Guest};
use test_support::harness::Relay;
use test_support::raw::{Client, Dial, http, token};
use test_support::scene::{chunk, message, stop};

const REPEATS: usize = 400;

/// How many records of one class an actor may have.
const BOUND: usize = 7;

/// More kinds of records than any of these tests makes of one actor.
const KINDS: usize = 8;

/// The same request so many times over one connection; all must be refused.
async fn repeat(relay: &Relay, request: &str, headers: &[&str], body: &str) {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let once = |connection| {
        format!(
            "{request} HTTP/1.1\r\nHost: relay\r\nConnection: {connection}\r\n{headers}\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let all = once("keep-alive").repeat(REPEATS - 1) + &once("close");
    let answer = http::raw(relay, all.as_bytes()).await;
    assert!(answer.status >= 400, "{answer:?}");
}

/// How much was done, or refused, by the records of one type and one of these codes.
fn count(rows: &[Row], event: &str, codes: &[&str]) -> usize {
    let is_meant = |row: &&Row| match row.details["code"].as_str() {
        Some(code) => codes.contains(&code),
        None => codes.is_empty(),
    };
    let these = rows.iter().filter(|row| row.event == event);
    these
        .filter(is_meant)
        .map(|row| row.details["count"].as_u64().unwrap_or(1) as usize)
        .sum()
}

/// A minute may end in the middle of a test, and then as many may be stored again.
fn are_few<'a>(rows: impl Iterator<Item = &'a Row>) {
    let number = rows.count();
    assert!((1..=2 * (BOUND + KINDS)).contains(&number), "{number} rows");
}

fn done_and_refused(data: &Path) -> (Vec<Row>, Vec<Row>) {
    rows(data).into_iter().partition(|row| row.success)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_refused_to_an_address_are_recorded_a_few_times_and_counted() {
    let data = tempfile::tempdir().unwrap();
    let env = [
        ("AUDIT_REFUSALS_PER_IP", &*BOUND.to_string()),
        ("ADMIN_TOKEN", "an administrator's token of the tests"),
        ("JOIN_RATE", "1/h"),
        ("JOIN_BURST", "1"),
        // Else the last answers are late by design.
        ("REFUSAL_RATE", "1000/s"),
    ];
    let mut relay = program::start_in(data.path(), &env);
    repeat(&relay, "GET /api/conversations", &[], "").await;
    let guess = "Authorization: Bearer a.guess";
    repeat(&relay, "GET /api/conversations", &[guess], "").await;
    repeat(&relay, "GET /api/admin/audit", &[guess], "").await;
    repeat(&relay, "POST /api/reserve-session", &[], "{}").await;
    stop(&mut relay);
    let (_, refused) = done_and_refused(data.path());
    are_few(refused.iter());
    assert_eq!(count(&refused, "AUTH_FAILED", &["MISSING_TOKEN"]), REPEATS);
    let guesses = ["INVALID_TOKEN", "TOO_MANY_ATTEMPTS"];
    assert_eq!(count(&refused, "AUTH_FAILED", &guesses), 2 * REPEATS);
    assert_eq!(count(&refused, "REFUSED", &["INVALID_REQUEST"]), 1);
    assert_eq!(
        count(&refused, "RATE_LIMITED", &["RATE_LIMIT"]),
        REPEATS - 1
    );
    let summary = refused
        .iter()
        .find(|row| row.details["firstAt"].is_string());
    let details = &summary.expect("a record that counts").details;
    let [first, last] = ["firstAt", "lastAt"].map(|name| details[name].as_str());
    assert!(first <= last && details["count"].is_u64(), "{details}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_counted_is_recorded_when_the_minute_ends() {
    let data = tempfile::tempdir().unwrap();
    let env = [("AUDIT_REFUSALS_PER_IP", &*BOUND.to_string())];
    let relay = program::start_in(data.path(), &env);
    repeat(&relay, "GET /api/conversations", &[], "").await;
    let counted = || {
        let (_, refused) = done_and_refused(data.path());
        count(&refused, "AUTH_FAILED", &["MISSING_TOKEN"])
    };
    let deadline = Instant::now() + Duration::from_secs(120);
    while counted() < REPEATS {
        assert!(Instant::now() < deadline, "{} are recorded", counted());
        sleep(Duration::from_millis(200)).await;
    }
    let (_, refused) = done_and_refused(data.path());
    are_few(refused.iter());
    assert_eq!(counted(), REPEATS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_refused_to_an_address_are_recorded_a_few_times_and_counted() {
    const CONNECTIONS: usize = 60;
    let data = tempfile::tempdir().unwrap();
    let env = [("AUDIT_REFUSALS_PER_IP", &*BOUND.to_string())];
    let mut relay = program::server_in(data.path(), &env);
    let forged = token::sign_with(r#"{"alg":"HS256"}"#, r#"{"userId":"alice"}"#, b"a guess");
    for _ in 0..CONNECTIONS {
        let mut client = Client::open(&relay, Dial::default()).await.unwrap();
        client.enter(&forged).await.unwrap_err();
    }
    stop(&mut relay);
    let (_, refused) = done_and_refused(data.path());
    are_few(refused.iter());
    assert_eq!(
        count(&refused, "AUTH_FAILED", &["INVALID_TOKEN"]),
        CONNECTIONS
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_guests_do_and_what_is_refused_to_them_is_recorded_a_few_times_and_counted() {
    let data = tempfile::tempdir().unwrap();
    let bound = BOUND.to_string();
    let env = [
        ("AUDIT_REFUSALS_PER_IP", &*bound),
        ("AUDIT_EVENTS_PER_IP", &bound),
    ];
    let mut relay = session::server_in(data.path(), &env);
    let mut guest = Guest::member(&relay, "room", "alice").await;
    let message = session::message("room", "alice", r#""c""#);
    let other = r#"{"sessionId":"other:key","userId":"alice"}"#;
    for _ in 0..REPEATS {
        assert!(guest.ask("send-message", &message).await.succeeded());
        assert!(!guest.ask("leave-session", other).await.succeeded());
        assert!(!guest.ask("no-such-event", "{}").await.succeeded());
    }
    drop(guest);
    stop(&mut relay);
    let (done, refused) = done_and_refused(data.path());
    are_few(done.iter());
    are_few(refused.iter());
    assert_eq!(count(&done, "MESSAGE_SENT", &[]), REPEATS);
    assert_eq!(count(&done, "SOCKET_CONNECT", &[]), 1);
    assert_eq!(count(&done, "SOCKET_DISCONNECT", &[]), 1);
    assert_eq!(count(&done, "SESSION_JOINED", &[]), 1);
    assert_eq!(count(&refused, "REFUSED", &["NOT_A_MEMBER"]), REPEATS);
    assert_eq!(count(&refused, "REFUSED", &["MISSING_TOKEN"]), REPEATS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_files_are_recorded_one_by_one_up_to_a_bound_and_then_counted() {
    let data = tempfile::tempdir().unwrap();
    let env = [("AUDIT_FILE_PARTS_PER_USER", &*BOUND.to_string())];
    let mut relay = program::server_in(data.path(), &env);
    let mut alice = Client::connect(&relay, "alice").await;
    for number in 0..REPEATS {
        let chunk = chunk("bob", &format!("file-{number}"), 0, 1, r#""c""#);
        alice.emit("send_file_chunk", &chunk).await;
    }
    alice.emit("send_message", &message("bob", 1)).await;
    alice.event("message:sent").await;
    stop(&mut relay);
    let (done, refused) = done_and_refused(data.path());
    assert_eq!(refused, []);
    are_few(done.iter());
    assert_eq!(count(&done, "FILE_UPLOAD", &[]), REPEATS);
    assert_eq!(count(&done, "MESSAGE_SENT", &[]), 1);
}

/// At default settings, where nothing is refused that a client may do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_again_and_again_is_done_at_its_rate_and_never_refused() {
    const BURST: usize = 20;
    let data = tempfile::tempdir().unwrap();
    let env = [
        ("SUBSCRIPTION_RATE", "10/s"),
        ("SUBSCRIPTION_BURST", &*BURST.to_string()),
    ];
    let relay = program::start_in(data.path(), &env);
    let left = r#"{"recipientId":"bob"}"#;
    let conversation = r#"{"conversationId":"0190c2a0-0000-7000-8000-000000000000"}"#;
    let session = r#"{"sessionId":"room:key","userId":"alice"}"#;
    for (event, payload) in [
        ("leave_room", left),
        ("conversation:leave", conversation),
        ("leave-conversation", conversation),
        ("leave-session", session),
    ] {
        // Each is another user, who has used nothing yet.
        let mut client = Guest::new(Client::connect(&relay, event).await);
        let started = Instant::now();
        for _ in 0..BURST + 10 {
            let answer = client.ask(event, payload).await;
            let is_limited = answer.ack.text.contains("RATE_LIMIT");
            assert!(!is_limited, "{event}: {answer:?}");
        }
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(900), "{event}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_user_repeats_is_counted_and_what_is_relayed_is_recorded_each_time() {
    let data = tempfile::tempdir().unwrap();
    let bound = BOUND.to_string();
    let env = [
        ("DIALECTS", "direct,conversation"),
        ("RATE_LIMITS", "off"),
        ("AUDIT_REFUSALS_PER_USER", &bound),
        ("AUDIT_EVENTS_PER_USER", &bound),
    ];
    let mut relay = program::start_in(data.path(), &env);
    let mut alice = Client::connect(&relay, "alice").await;
    for seq in 0..REPEATS {
        alice.emit("send_message", &message("bob", seq)).await;
        alice.emit("leave_room", r#"{"recipientId":"bob"}"#).await;
        alice.emit("send_message", "{}").await;
    }
    for _ in 0..REPEATS {
        alice.event("message:error").await;
    }
    let bearer = format!("Authorization: Bearer {}", token::for_user("alice"));
    let absent = "GET /api/messages/absent";
    repeat(&relay, absent, &[&bearer], "").await;
    stop(&mut relay);
    let (done, refused) = done_and_refused(data.path());
    are_few(refused.iter());
    are_few(done.iter().filter(|row| row.event != "MESSAGE_SENT"));
    let users = done.iter().chain(&refused).map(|row| row.user.as_deref());
    assert!(users.into_iter().all(|user| user == Some("alice")));
    let sent = done.iter().filter(|row| row.event == "MESSAGE_SENT");
    let sent = sent.map(|row| row.details["seq"].as_u64().unwrap());
    assert!(sent.eq(0..REPEATS as u64));
    assert_eq!(count(&done, "ROOM_LEAVE", &[]), REPEATS);
    assert_eq!(count(&refused, "REFUSED", &["INVALID_INPUT"]), REPEATS);
    assert_eq!(count(&refused, "REFUSED", &["NOT_PARTICIPANT"]), REPEATS);
}
