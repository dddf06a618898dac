//! Waiting for conditions. Nothing sleeps for a fixed time in the hope that something has happened.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::harness::Relay;
use crate::raw::{TIMEOUT, http};

/// How long a server may take to notice that a store is back.
const READY_TIMEOUT: Duration = Duration::from_secs(90);

/// Waits until the condition holds.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}: not within {TIMEOUT:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until `/ready` says this, or nothing but that it is.
pub async fn until_ready_says(relay: &Relay, reason: Option<&str>) {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        let ready = http::get(relay, "/ready").await;
        match reason {
            None if ready.status == 200 => return,
            Some(reason) if ready.status == 503 && ready.body.contains(reason) => return,
            _ => assert!(Instant::now() < deadline, "{ready:?}"),
        }
    }
}

/// Waits until `/ready` is 200 and has this in its notice, or has it not.
pub async fn until_noticed(relay: &Relay, text: &str, is_there: bool) {
    let deadline = Instant::now() + READY_TIMEOUT;
    loop {
        let ready = http::get(relay, "/ready").await;
        if ready.status == 200 && ready.body.contains(text) == is_there {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{text}: {ready:?}\n{}",
            relay.log()
        );
        sleep(Duration::from_millis(50)).await;
    }
}
