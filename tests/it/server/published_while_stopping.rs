//! What a backend publishes while the relay stops: it is answered, reaches nobody who is about to come back elsewhere, and
//! holds nothing up.

use crate::clients::ADMIN_TOKEN;
use crate::metrics::page::{INTERNAL, internal_address};
use crate::program;
use test_support::raw::http;
use test_support::scene::stall;
use test_support::wait::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_answered_until_the_process_ends() {
    let settings = [INTERNAL, ("ADMIN_TOKEN", ADMIN_TOKEN)];
    let mut relay = program::server(&settings);
    let there = internal_address(&relay);
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let headers = [
        ("Authorization", &*bearer),
        ("Content-Type", "application/json"),
    ];
    let body = br#"{"targets":{"users":["stalled"]},"event":"app:x","data":1}"#;
    let publish = async || {
        let path = "/api/admin/publish";
        http::request_at(&there, "POST", path, &headers, body).await
    };
    let _stalled = stall(&relay).await;
    let before = publish().await;
    assert!(before.body.contains(r#""connections":1,"#), "{before:?}");
    relay.signal("-TERM");
    until("draining", async || {
        let answer = publish().await;
        // 0: the process has ended meanwhile.
        assert!([200, 0].contains(&answer.status), "{answer:?}");
        answer.status == 0 || answer.body.contains(r#""connections":0,"#)
    })
    .await;
    assert!(relay.wait().success(), "the log:\n{}", relay.log());
    assert!(!relay.log().contains("panicked"));
}
