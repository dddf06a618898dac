//! New clients, one after the other, and how long each has to wait until it is let in. It judges nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::Order;
use super::client::{self, Introduction};
use super::incoming::Incoming;

const PAUSE: Duration = Duration::from_millis(10);

/// Until it is told to stop; how long each waited.
pub(crate) fn probe(order: &Order, stop: &Arc<AtomicBool>) -> Result<Vec<Duration>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let introduction = Introduction::new(order, "newcomer")?;
        let mut waits = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let start = Instant::now();
            let (mut listener, mut speaker) = client::connect(order, &introduction).await?;
            waits.push(start.elapsed());
            speaker.leave().await?;
            listener.wait_for(Incoming::Closed).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(waits)
    })
}
