//! Polls: one at a time, whose end is the client's; what one answer has.

use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::program::server;
use test_support::raw::http::get;
use test_support::raw::polling::Polling;
use test_support::raw::{Client, TIMEOUT, address, token};
use test_support::scene::stop;

fn message(to: &str, seq: u32) -> String {
    format!(r#"{{"recipientId":"{to}","ciphertext":"c","iv":"i","tag":"t","seq":{seq}}}"#)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_gone_when_its_poll_is() {
    let mut relay = server(&[]);
    let mut alice = Client::connect(&relay, "alice").await;
    let bob = Polling::connect(&relay, "bob").await;
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\n\r\n",
        bob.path(),
        address(&relay)
    );
    let mut tcp = TcpStream::connect(address(&relay)).await.unwrap();
    tcp.write_all(head.as_bytes()).await.unwrap();
    // Nothing tells that the poll has arrived and waits: another would end the session. Cut off before, it is none.
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(tcp);
    let cut = Instant::now();
    loop {
        alice.emit("send_message", &message("bob", 1)).await;
        let sent = alice.event("message:sent").await;
        if sent.raw("recipientOnline") == "false" {
            break;
        }
        assert!(cut.elapsed() < TIMEOUT, "bob is still there");
    }
    let answer = bob.poll().await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((answer.status, &body["code"]), (400, &1.into()));
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_poll_ends_the_session() {
    let mut relay = server(&[]);
    let bob = Polling::connect(&relay, "bob").await;
    let (first, second) = tokio::join!(bob.poll(), async {
        // Nothing tells that the first one waits. Whichever comes second is refused.
        tokio::time::sleep(Duration::from_millis(100)).await;
        bob.poll().await
    });
    let first = (first.status, first.body.as_str());
    assert_eq!((first, second.status), ((200, "1"), 400));
    assert_eq!(bob.poll().await.status, 400);
    stop(&mut relay);
}

/// Clients in Python stay away when they are told that a session is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_waits_when_its_client_is_given_up_does_not_say_so() {
    let mut relay = server(&[("PING_INTERVAL", "500ms"), ("PING_TIMEOUT", "500ms")]);
    let bob = Polling::connect(&relay, "bob").await;
    assert_eq!(bob.poll().await.body, "2");
    let last = bob.poll().await;
    assert_eq!((last.status, &last.body[..]), (200, "6"));
    assert_eq!(bob.poll().await.status, 400);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_has_sixteen_packets_at_most_and_nobody_may_keep_it() {
    let mut relay = server(&[]);
    let mut alice = Client::connect(&relay, "alice").await;
    let bob = Polling::connect(&relay, "bob").await;
    for seq in 0..40 {
        alice.emit("send_message", &message("bob", seq)).await;
    }
    for _ in 0..40 {
        alice.event("message:sent").await;
    }
    let mut received = 0;
    while received < 40 {
        let answer = timeout(TIMEOUT, bob.poll()).await.expect("an answer");
        assert!(
            answer
                .head
                .to_lowercase()
                .contains("cache-control: no-store")
        );
        let packets = answer.body.split('\x1e').count();
        assert!(packets <= 16, "{packets}");
        received += answer.body.matches("receive_message").count();
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_asked_for_a_sign_of_life_at_once() {
    let mut relay = server(&[("PING_INTERVAL", "1s")]);
    let bob = Polling::connect(&relay, "bob").await;
    let (asked, begun) = (bob.poll().await, Instant::now());
    assert_eq!(asked.body, "2");
    assert_eq!(bob.post(b"3").await.body, "ok");
    let again = bob.poll().await;
    assert_eq!(again.body, "2");
    assert!(begun.elapsed() > Duration::from_millis(700));
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_a_session_is_not_that_of_its_socket() {
    let mut relay = server(&[]);
    let bob = Polling::open(&relay).await;
    let enter = format!("40{{\"token\":\"{}\"}}", token::for_user("bob"));
    bob.post(enter.as_bytes()).await;
    let connected = bob.next("40{").await;
    let own = bob.sid.rsplit('.').next().unwrap();
    assert!(!connected.contains(own), "{connected}");
    let socket = connected.split('"').nth(3).unwrap();
    let path = format!("/socket.io/?EIO=4&transport=polling&sid={socket}");
    assert_eq!(get(&relay, &path).await.status, 400);
    stop(&mut relay);
}
