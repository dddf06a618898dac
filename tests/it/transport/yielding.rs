//! Connections whose clients are gone, while their user has as many as they may have.

use std::time::{Duration, Instant};

use test_support::raw::polling::Polling;
use test_support::raw::{Client, Dial, token};

use crate::program::server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_polls_no_more_yields_long_before_its_timeout() {
    let env = [
        ("MAX_CONNECTIONS_PER_USER", "1"),
        ("PING_INTERVAL", "1s"),
        ("PING_TIMEOUT", "300s"),
    ];
    let relay = server(&env);
    let gone = Polling::connect(&relay, "alice").await;
    let started = Instant::now();
    let enter = async || {
        let mut client = Client::open(&relay, Dial::default()).await.unwrap();
        client.enter(&token::for_user("alice")).await
    };
    assert!(enter().await.unwrap_err().contains("Too many connections"));
    while enter().await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(60));
    }
    assert_ne!(gone.poll().await.status, 200);
}
