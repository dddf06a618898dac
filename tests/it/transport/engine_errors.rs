//! Errors of Engine.IO, as published clients read them, and what a page may read of an answer.

use serde_json::Value;

use crate::program::server;
use test_support::raw::http::request;
use test_support::scene::stop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_error_has_a_number_and_a_message() {
    let mut relay = server(&[]);
    for (method, query, code, message) in [
        ("GET", "EIO=4&transport=carrier", 0, "Transport unknown"),
        (
            "GET",
            "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA",
            1,
            "Session ID unknown",
        ),
        ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
        (
            "GET",
            "EIO=3&transport=polling",
            5,
            "Unsupported protocol version",
        ),
        (
            "GET",
            "EIO=9&transport=polling",
            5,
            "Unsupported protocol version",
        ),
    ] {
        let path = format!("/socket.io/?{query}");
        let answer = request(&relay, method, &path, &[], b"").await;
        assert_eq!(answer.status, 400, "{query}: {answer:?}");
        assert!(
            answer.head.to_lowercase().contains("application/json"),
            "{answer:?}"
        );
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({ "code": code, "message": message }),
            "{query}"
        );
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_read_the_id_of_a_request_and_when_to_try_again() {
    let mut relay = server(&[]);
    for (origin, status) in [
        ("http://localhost:5173", 200),
        ("https://other.example", 403),
    ] {
        for path in ["/health", "/socket.io/?EIO=4&transport=polling"] {
            let answer = request(&relay, "GET", path, &[("Origin", origin)], b"").await;
            assert_eq!(answer.status, status, "{answer:?}");
            let head = answer.head.to_lowercase();
            let exposed = head
                .lines()
                .find_map(|line| line.strip_prefix("access-control-expose-headers:"));
            let exposed: Vec<_> = exposed.expect(path).split(',').map(str::trim).collect();
            assert_eq!(exposed, ["x-request-id", "retry-after"], "{answer:?}");
        }
    }
    stop(&mut relay);
}
