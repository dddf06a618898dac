//! Requests that are never finished, or that two readers could understand differently.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::Stage;
use crate::program::command;
use test_support::harness::Relay;
use test_support::memory;
use test_support::raw::http::{get, raw};
use test_support::raw::{Client, Dial, TIMEOUT, address, token};
use test_support::scene::stop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_over_the_limit_is_refused() {
    let mut stage = Stage::set(&[("MAX_HEAD_BYTES", "10000")]).await;
    let head = |bytes| {
        format!(
            "GET /health HTTP/1.1\r\nHost: x\r\nX: {}",
            "x".repeat(bytes)
        )
    };
    let answer = raw(&stage.relay, head(20_000).as_bytes()).await;
    assert_eq!(answer.status, 431, "{answer:?}");
    let whole = format!("{}\r\nConnection: close\r\n\r\n", head(9_000));
    let answer = raw(&stage.relay, whole.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    stage.unharmed("a long head").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_never_end_hold_little_memory() {
    let mut stage = Stage::set(&[]).await;
    let before = memory::held(&stage.relay);
    let open = (0..500).map(|_| async {
        let mut tcp = TcpStream::connect(address(&stage.relay)).await.unwrap();
        let line = format!("X: {}\r\n", "x".repeat(1000));
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{}", line.repeat(360));
        // It is refused before all of it is written.
        let _ = timeout(TIMEOUT, tcp.write_all(head.as_bytes())).await;
        tcp
    });
    let open = join_all(open).await;
    let held = memory::held(&stage.relay) - before;
    assert!(held < 16.0, "{held:.1} MiB for {} heads", open.len());
    stage.unharmed("unfinished heads").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_names_its_host_once() {
    let mut stage = Stage::set(&[]).await;
    let cases = [
        ("HTTP/1.1\r\n", 400),
        ("HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400),
        ("HTTP/1.1\r\nHost: a\r\n", 200),
        ("HTTP/1.0\r\n", 200),
    ];
    for path in ["/health", "/socket.io/?EIO=4&transport=polling"] {
        for (rest, status) in cases {
            let request = format!("GET {path} {rest}Connection: close\r\n\r\n");
            let answer = raw(&stage.relay, request.as_bytes()).await;
            assert_eq!(answer.status, status, "{request:?}: {answer:?}");
        }
    }
    stage.unharmed("requests without a host").await;
    stage.strike();
}

/// Sends the beginning of a request, and then its bytes one by one for as long as the server reads. What it
/// answered.
async fn send_slowly(relay: &Relay, beginning: &str) -> String {
    let mut tcp = TcpStream::connect(address(relay)).await.unwrap();
    tcp.write_all(beginning.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = tcp.into_split();
    let writing = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        while writer.write_all(b" ").await.is_ok() {
            ticks.tick().await;
        }
    };
    let mut answer = Vec::new();
    let reading = async {
        // A reset ends it as well.
        let _ = reader.read_to_end(&mut answer).await;
    };
    let both = async { tokio::join!(writing, reading) };
    let ended = timeout(TIMEOUT, both).await;
    assert!(ended.is_ok(), "still open: {beginning:?}");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_does_not_arrive_in_time_closes_its_connection() {
    let env = [
        ("DIALECTS", "direct,session,chat"),
        ("REQUEST_TIMEOUT", "500ms"),
    ];
    let mut stage = Stage::set(&env).await;
    let token = token::for_user("slow");
    let body = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n";
    let session = test_support::raw::polling::Polling::connect(&stage.relay, "mallory").await;
    let post = |path: &str, more: &str| format!("POST {path} HTTP/1.1\r\n{body}{more}\r\n{{");
    let cases = [
        (post("/api/reserve-session", ""), "408"),
        (
            post(
                "/api/conversations",
                &format!("Authorization: Bearer {token}\r\n"),
            ),
            "408",
        ),
        (post(&session.path(), ""), "400"),
        ("GET /health HTTP/1.1\r\nHost: x\r\nX: ".to_owned(), ""),
        (
            "GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nX: "
                .to_owned(),
            "200",
        ),
    ];
    for (beginning, status) in cases {
        let answer = send_slowly(&stage.relay, &beginning).await;
        let found = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(found, status, "{beginning:?}: {answer:?}");
        stage.unharmed(&beginning).await;
    }
    stage.strike();
}

/// A server that may have so many files open.
fn with_open_files(limit: &str, env: &[(&str, &str)]) -> (Relay, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("start");
    let program = command().get_program().to_string_lossy().into_owned();
    std::fs::write(
        &script,
        format!("#!/bin/sh\nulimit {limit}\nexec {program}\n"),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    (start_as(&script.to_string_lossy(), env), folder)
}

fn start_as(program: &str, env: &[(&str, &str)]) -> Relay {
    let direct = [("DIALECTS", "direct"), ("RATE_LIMITS", "off")];
    Relay::start(program, &[&direct, env].concat())
}

/// How many connections from this address stay open, of so many that say nothing.
async fn silent(relay: &Relay, from: IpAddr, number: usize) -> Vec<TcpStream> {
    let to = address(relay).parse().unwrap();
    let mut open = Vec::new();
    for _ in 0..number {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        open.push(
            timeout(TIMEOUT, socket.connect(to))
                .await
                .expect("to connect")
                .unwrap(),
        );
    }
    open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_open_files_is_raised_and_reported() {
    let (mut relay, _folder) = with_open_files("-S -n 200", &[]);
    let line = "the limit of open files is as high as the system allows";
    relay.logs(line, 1);
    let open = silent(&relay, [127, 0, 0, 1].into(), 400).await;
    assert_eq!(get(&relay, "/health").await.status, 200);
    drop(open);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_make_room_when_no_file_is_left() {
    // None of them is closed for being silent too long.
    let patient = [("CONNECT_TIMEOUT", "300s"), ("REQUEST_TIMEOUT", "300s")];
    // 172 of 300 for clients, a quarter of them for each address.
    let (mut relay, _folder) = with_open_files("-n 300", &patient);
    let mut alice = Client::connect(&relay, "alice").await;
    let mut open = Vec::new();
    for address in 10..20 {
        open.extend(silent(&relay, [127, 0, 0, address].into(), 60).await);
    }
    let bob = Client::with(&relay, "bob", Dial::default()).await;
    let message = test_support::scene::message("alice", 1);
    bob.writer.emit("send_message", &message).await.unwrap();
    alice.event("receive_message").await;
    assert_eq!(get(&relay, "/health").await.status, 200);
    assert!(!relay.log().contains("cannot accept"), "{}", relay.log());
    drop(open);
    stop(&mut relay);
}
