//! Which requests become a WebSocket: one that asks for it, and can.

use serde_json::{Value, json};

use crate::program::server;
use test_support::raw::http::raw;
use test_support::raw::socket::upgrade;
use test_support::raw::{Client, address};
use test_support::scene::stop;

const KEY: &str = "Connection: close\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const ASKS: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_asks_for_no_websocket_is_refused_at_once() {
    let mut relay = server(&[]);
    let path = "/socket.io/?EIO=4&transport=websocket";
    let of_none = format!("{path}&sid=AAAAAAAAAAAAAAAA");
    for (path, version, headers, code) in [
        (path, "1.1", KEY.to_owned(), 3),
        (path, "1.1", format!("{KEY}Upgrade: websocket\r\n"), 3),
        (path, "1.0", format!("{KEY}{ASKS}"), 3),
        (path, "1.1", format!("Connection: close\r\n{ASKS}"), 3),
        (&of_none, "1.1", format!("{KEY}{ASKS}"), 1),
    ] {
        let request = format!(
            "GET {path} HTTP/{version}\r\nHost: {}\r\n{headers}\r\n",
            address(&relay)
        );
        let answer = raw(&relay, request.as_bytes()).await;
        assert_eq!(answer.status, 400, "{request}: {answer:?}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let message = ["", "Session ID unknown", "", "Bad request"][code];
        assert_eq!(
            body,
            json!({ "code": code, "message": message }),
            "{request}"
        );
    }
    drop(Client::connect(&relay, "alice").await);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_protocol_that_is_offered_is_answered() {
    let mut relay = server(&[]);
    let (_tcp, head) = upgrade(&relay, "Sec-WebSocket-Protocol: first, second\r\n").await;
    let head = head.to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(head.contains("sec-websocket-protocol: first\r\n"), "{head}");
    stop(&mut relay);
}
