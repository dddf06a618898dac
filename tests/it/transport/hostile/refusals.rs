//! Clients that go on with what they are refused: they are served more slowly, and nobody else is.

use std::time::{Duration, Instant};

use super::Stage;
use test_support::raw::Client;
use test_support::raw::http::get;
use test_support::scene::message;

const LIMITED: (&str, &str) = ("RATE_LIMITS", "on");
const ONE_AT_ONCE: (&str, &str) = ("REFUSAL_BURST", "1");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_requests_of_an_address_are_answered_later_and_good_ones_are_not() {
    let mut stage = Stage::set(&[LIMITED, ONE_AT_ONCE, ("REFUSAL_RATE", "1/min")]).await;
    let refused = async || get(&stage.relay, "/nothing").await.status;
    assert_eq!(refused().await, 404);
    let began = Instant::now();
    let (later, good) = tokio::join!(
        async {
            assert_eq!(refused().await, 404);
            began.elapsed()
        },
        async {
            assert_eq!(get(&stage.relay, "/health").await.status, 200);
            began.elapsed()
        }
    );
    println!("refused after {later:?}, answered after {good:?}");
    assert!(later >= Duration::from_secs(3) && good < later);
    stage.unharmed("refused requests").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_behind_refused_ones_are_handled_later_and_no_end_waits_for_them() {
    let mut stage = Stage::set(&[LIMITED, ONE_AT_ONCE, ("REFUSAL_RATE", "10/s")]).await;
    let mut client = Client::connect(&stage.relay, "mallory").await;
    let began = Instant::now();
    for _ in 0..10 {
        client.emit("nothing", "{}").await;
    }
    client.emit("send_message", &message("mallory", 1)).await;
    client.event("message:sent").await;
    let handled = began.elapsed();
    println!("handled after {handled:?}");
    assert!(handled >= Duration::from_millis(900));

    flood_and_go(client, &stage, "nothing").await;
    stage.unharmed("refused events").await;
    stage.strike();
}

/// What it sent before it went would take minutes.
async fn flood_and_go(client: Client, stage: &Stage, event: &str) {
    let mut watcher = Client::connect(&stage.relay, "watcher").await;
    for _ in 0..3000 {
        let about = r#"{"senderId":"watcher","messageId":"m"}"#;
        client.emit(event, about).await;
    }
    drop(client);
    watcher.event("user:offline").await;
}

const SMALLEST_BUDGET: (&str, &str) = ("SENDER_BUDGET", "65536");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_read_any_more_for_refused_events_has_an_end_all_the_same() {
    let slow = ("REFUSAL_RATE", "10/s");
    let mut stage = Stage::set(&[LIMITED, ONE_AT_ONCE, slow, SMALLEST_BUDGET]).await;
    let client = Client::connect(&stage.relay, "mallory").await;
    flood_and_go(client, &stage, "nothing").await;
    stage.unharmed("more refused events than are read").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_read_any_more_for_receipts_has_an_end_all_the_same() {
    let mut stage = Stage::set(&[LIMITED, SMALLEST_BUDGET]).await;
    let client = Client::connect(&stage.relay, "mallory").await;
    flood_and_go(client, &stage, "message:read").await;
    stage.unharmed("more receipts than are read").await;
    stage.strike();
}
