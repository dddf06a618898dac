//! Who was online when the relay was killed: told as offline by the next one, unless they are back in time.

use std::path::Path;

use super::telling;
use test_support::endpoint::Endpoint;
use test_support::harness::Relay;
use test_support::raw::Client;
use test_support::scene::{message, stop};

/// A server that tells who comes online and goes offline.
fn start(data: &Path, endpoint: &Endpoint) -> Relay {
    let settings = [
        ("WEBHOOK_EVENTS", "user.offline"),
        ("OFFLINE_GRACE", "1500ms"),
    ];
    telling(data, &endpoint.url(), &settings)
}

/// A client of which something was confirmed.
async fn online(relay: &Relay, user: &str) -> Client {
    let mut client = Client::connect(relay, user).await;
    client.emit("send_message", &message("nobody", 1)).await;
    client.event("message:sent").await;
    client
}

/// Who was said to be offline, in their order, and whether it was said since when.
fn offline(endpoint: &Endpoint) -> Vec<(String, bool)> {
    let told = endpoint.taken().into_iter().map(|told| {
        let (kind, subject) = told.what();
        assert_eq!(kind, "user.offline");
        let data = &told.json()["data"];
        (subject, data["lastSeen"].is_string())
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_online_at_a_kill_and_is_not_back_in_time_is_told_as_offline() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let mut relay = start(data.path(), &endpoint);
    let _alice = online(&relay, "alice").await;
    let _bob = online(&relay, "bob").await;
    relay.kill();
    relay.wait();
    let mut relay = start(data.path(), &endpoint);
    let _bob = online(&relay, "bob").await;
    endpoint.took("user.offline", 1).await;
    assert_eq!(offline(&endpoint), [("user:alice".to_owned(), false)]);
    let _carol = online(&relay, "carol").await;
    relay.kill();
    relay.wait();
    // Alice is known to be offline.
    let mut relay = start(data.path(), &endpoint);
    endpoint.took("user.offline", 3).await;
    let mut told = offline(&endpoint).split_off(1);
    told.sort();
    let expected = ["user:bob", "user:carol"].map(|user| (user.to_owned(), false));
    assert_eq!(told, expected);
    let _dave = online(&relay, "dave").await;
    stop(&mut relay);
    // Who is disconnected by a stop was told by that.
    let mut relay = start(data.path(), &endpoint);
    let eve = online(&relay, "eve").await;
    drop(eve);
    endpoint.took("user.offline", 5).await;
    stop(&mut relay);
    let last = offline(&endpoint).split_off(3);
    let expected = ["user:dave", "user:eve"].map(|user| (user.to_owned(), true));
    assert_eq!(last, expected);
}
