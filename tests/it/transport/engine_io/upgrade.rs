//! The upgrade of a session that polls, and what middleboxes do to it: a WebSocket that comes to nothing changes nothing.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::program::server;
use test_support::harness::Relay;
use test_support::raw::polling::Polling;
use test_support::raw::socket::{FIN, TEXT, frame};
use test_support::raw::{Client, TIMEOUT, address};
use test_support::scene::stop;

const PROBED: &[u8] = b"\x81\x063probe";

/// A WebSocket for a session that polls, once it is answered with 101.
async fn websocket(relay: &Relay, sid: &str) -> TcpStream {
    let mut tcp = TcpStream::connect(address(relay)).await.unwrap();
    let head = format!(
        "GET /socket.io/?EIO=4&transport=websocket&sid={sid} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        address(relay)
    );
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(tcp.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    tcp
}

async fn send(tcp: &mut TcpStream, packet: &str) {
    let frame = frame(FIN | TEXT, packet.as_bytes());
    tcp.write_all(&frame).await.unwrap();
}

async fn probe(tcp: &mut TcpStream) {
    send(tcp, "2probe").await;
    let mut answer = [0; PROBED.len()];
    timeout(TIMEOUT, tcp.read_exact(&mut answer))
        .await
        .expect("an answer")
        .unwrap();
    assert_eq!(answer, PROBED);
}

fn message(to: &str, seq: u32) -> String {
    format!(r#"{{"recipientId":"{to}","ciphertext":"c","iv":"i","tag":"t","seq":{seq}}}"#)
}

/// Bob, who polls, is sent something and hears of it.
async fn goes_on(alice: &Client, bob: &Polling<'_>, seq: u32) {
    alice.emit("send_message", &message("bob", seq)).await;
    let wanted = format!("\"seq\":{seq}");
    let received = timeout(TIMEOUT, bob.next(&wanted))
        .await
        .expect("a message");
    assert!(received.starts_with("42[\"receive_message\""), "{received}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_polls_on_when_nothing_passes_on_its_websocket() {
    let mut relay = server(&[("UPGRADE_TIMEOUT", "1s")]);
    let alice = Client::connect(&relay, "alice").await;
    let bob = Polling::connect(&relay, "bob").await;
    let mut silent = websocket(&relay, &bob.sid).await;
    // A poll waits, as without it.
    let waits = timeout(Duration::from_millis(500), bob.poll()).await;
    assert!(waits.is_err(), "{waits:?}");
    stop(&mut relay);
    drop((alice, silent.shutdown().await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_polls_on_after_its_websocket_was_closed() {
    let mut relay = server(&[("UPGRADE_TIMEOUT", "1s")]);
    let alice = Client::connect(&relay, "alice").await;
    let bob = Polling::connect(&relay, "bob").await;
    // It is closed at once, after the probe, by garbage, and when it took too long.
    drop(websocket(&relay, &bob.sid).await);
    goes_on(&alice, &bob, 1).await;
    let mut probed = websocket(&relay, &bob.sid).await;
    probe(&mut probed).await;
    drop(probed);
    goes_on(&alice, &bob, 2).await;
    let mut wrong = websocket(&relay, &bob.sid).await;
    send(&mut wrong, "4no probe").await;
    closed(&mut wrong).await;
    goes_on(&alice, &bob, 3).await;
    let mut slow = websocket(&relay, &bob.sid).await;
    probe(&mut slow).await;
    goes_on(&alice, &bob, 4).await;
    closed(&mut slow).await;
    goes_on(&alice, &bob, 5).await;
    assert_eq!(bob.post(b"3").await.body, "ok");
    stop(&mut relay);
}

/// Reads to the end.
async fn closed(tcp: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = timeout(TIMEOUT, tcp.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "it stays open");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_that_is_chosen_carries_the_session_and_what_waited_for_it() {
    let mut relay = server(&[]);
    let alice = Client::connect(&relay, "alice").await;
    let bob = Polling::connect(&relay, "bob").await;
    let mut tcp = websocket(&relay, &bob.sid).await;
    probe(&mut tcp).await;
    // The poll that waits is let go, so that its client can leave off polling.
    let answer = timeout(TIMEOUT, bob.poll()).await.expect("an answer");
    assert_eq!(answer.body, "6");
    for seq in 1..=3 {
        alice.emit("send_message", &message("bob", seq)).await;
    }
    let mut alice = alice;
    for _ in 1..=3 {
        alice.event("message:sent").await;
    }
    // What it sends at once behind its choice is read.
    let ask = r#"421["presence:request",{"userIds":["alice"]}]"#;
    let together = [frame(FIN | TEXT, b"5"), frame(FIN | TEXT, ask.as_bytes())].concat();
    tcp.write_all(&together).await.unwrap();
    let seen = until(&mut tcp, "431[").await;
    let at: Vec<_> = (1..=3)
        .map(|seq| seen.find(&format!("\"seq\":{seq}")).expect(&seen))
        .collect();
    assert!(at.is_sorted(), "{seen}");
    // It polls no more.
    assert_eq!(bob.poll().await.status, 400);
    assert_eq!(bob.post(b"3").await.status, 400);
    stop(&mut relay);
}

async fn until(tcp: &mut TcpStream, text: &str) -> String {
    let mut seen = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&seen).contains(text) {
            assert_ne!(tcp.read_buf(&mut seen).await.unwrap(), 0, "closed");
        }
    };
    let read = timeout(TIMEOUT, reading).await;
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(read.is_ok(), "no {text} in {seen}");
    seen
}
