//! HTTP long-polling requests that no client makes.

use std::sync::Arc;

use super::Stage;
use crate::program::server;
use test_support::memory::{RETURNED_AT_ONCE, Samples, bound};
use test_support::raw::http::{get, request};
use test_support::raw::polling::Polling;
use test_support::raw::token;
use test_support::scene::{Bystanders, all_is_well, stop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_outside_the_protocol_are_refused() {
    let mut stage = Stage::set(&[]).await;
    let relay = &stage.relay;
    let queries = [
        "",
        "?",
        "?EIO=4",
        "?transport=polling",
        "?EIO=3&transport=polling",
        "?EIO=5&transport=polling",
        "?EIO=x&transport=polling",
        "?EIO=4&transport=flash",
        "?EIO=4&transport=constructor",
        "?EIO=4&transport=polling&sid=__proto__",
        "?EIO=4&transport=polling&sid=",
        "?EIO=4&transport=websocket&sid=toString",
        "?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA",
        "?EIO=4&transport=polling&sid=%00%ff",
    ];
    for query in queries {
        let path = format!("/socket.io/{query}");
        let answer = get(relay, &path).await;
        assert_eq!(answer.status, 400, "GET {path}: {answer:?}");
        let answer = request(relay, "POST", &path, &[], b"40").await;
        assert!(
            (400..500).contains(&answer.status),
            "POST {path}: {answer:?}"
        );
    }
    let session = Polling::open(relay).await;
    for method in ["PUT", "DELETE", "PATCH", "HEAD", "TRACE", "NONSENSE"] {
        let answer = request(relay, method, &session.path(), &[], b"").await;
        assert!((400..500).contains(&answer.status), "{method}: {answer:?}");
    }
    stage.unharmed("requests outside the protocol").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_outside_the_protocol() {
    let mut stage = Stage::set(&[]).await;
    let tiny = vec!["3"; 200_000].join("\x1e").into_bytes();
    let events = vec!["42[\"x\"]"; 20_000].join("\x1e").into_bytes();
    let separators = vec![0x1e; 1_000_000];
    let not_utf8 = b"42[\"\xff\"]".to_vec();
    let cases: [(&str, &[u8]); 8] = [
        ("nothing", b""),
        ("packets that are none", b"x\x1e\x1e9\x1e4"),
        ("a binary that is none", b"b!!!!"),
        ("half a binary", b"bA"),
        ("200 000 tiny packets", &tiny),
        ("20 000 events", &events),
        ("a million separators", &separators),
        ("invalid UTF-8", &not_utf8),
    ];
    for (what, body) in cases {
        let session = Polling::connect(&stage.relay, "mallory").await;
        let answer = session.post(body).await;
        assert!(
            answer.status == 200 || (400..500).contains(&answer.status),
            "{what}: {answer:?}"
        );
        stage.unharmed(what).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_refused_unread() {
    let mut stage = Stage::set(&[]).await;
    let session = Polling::connect(&stage.relay, "mallory").await;
    let body = format!("42[\"send_message\",\"{}\"]", "x".repeat(10_100_000));
    let answer = session.post(body.as_bytes()).await;
    assert!(
        answer.status == 0 || (400..500).contains(&answer.status),
        "{}",
        answer.head
    );
    stage.unharmed("a body of 10.1 MB").await;
    // Announced by nobody: in chunks.
    let session = Polling::connect(&stage.relay, "mallory").await;
    let part = format!("{:x}\r\n{}\r\n", 1_000_000, "x".repeat(1_000_000));
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n",
        session.path()
    );
    let bytes = [head.as_bytes(), part.repeat(12).as_bytes(), b"0\r\n\r\n"].concat();
    let answer = test_support::raw::http::raw(&stage.relay, &bytes).await;
    assert!(
        answer.status == 0 || (400..500).contains(&answer.status),
        "{}",
        answer.head
    );
    stage.unharmed("12 MB in chunks").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_octet_stream_is_no_way_round() {
    let mut stage = Stage::set(&[]).await;
    let session = Polling::open(&stage.relay).await;
    let enter = format!("40{{\"token\":\"{}\"}}", token::for_user("mallory"));
    let headers = [("Content-Type", "application/octet-stream")];
    let answer = request(
        &stage.relay,
        "POST",
        &session.path(),
        &headers,
        enter.as_bytes(),
    )
    .await;
    assert!(
        answer.status == 200 || (400..500).contains(&answer.status),
        "{answer:?}"
    );
    stage.unharmed("an octet stream").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_polls_at_once_end_that_session_only() {
    // A poll with nothing to bring waits for the next ping, or for the end of the session that answers none.
    let mut relay = server(&[("PING_INTERVAL", "2s"), ("PING_TIMEOUT", "2s")]);
    let session = Polling::connect(&relay, "mallory").await;
    let (first, second) = tokio::join!(session.poll(), session.poll());
    for answer in [&first, &second] {
        assert!(
            answer.status == 200 || answer.status == 400,
            "{first:?} {second:?}"
        );
    }
    let mut others = Bystanders::connect(&relay).await;
    all_is_well(&mut relay, &mut others).await;
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_more_events_than_may_wait_closes_its_session() {
    let relay = Arc::new(server(&[RETURNED_AT_ONCE]));
    let mut bystanders = Bystanders::connect(&relay).await;
    let samples = Samples::of(&relay);
    let session = Polling::connect(&relay, "mallory").await;
    let events = vec!["42[\"x\"]"; 1_200_000].join("\x1e").into_bytes();
    session.post(&events).await;
    while session.poll().await.status == 200 {}
    drop(session);
    bystanders.exchange().await;
    samples.end(bound(0, 0.0)).await;
    stop(&mut Arc::into_inner(relay).unwrap());
}
