//! Connections that do nothing, for the memory each of them takes.

use std::time::Duration;

use anyhow::Result;

use super::client::{self, Introduction};
use super::measure::{Tasks, work_for};
use super::{Order, Sample};
use crate::process_usage::resident_kib;

/// A server is at rest when its memory has not moved by more than this for [`REST`].
const STEADY_KIB: u64 = 64;
const REST: Duration = Duration::from_secs(1);
/// A server that never comes to rest is read after this.
const MAX_WAIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The first connections are not counted: with them the server takes what it needs once.
pub(super) async fn run(order: &Order, warm_up: u32, connections: u32) -> Result<Sample> {
    let mut tasks = Tasks::new();
    open(order, "warm-up", warm_up, &mut tasks).await?;
    let before = resident_at_rest(order, &mut tasks).await?;
    open(order, "idle", connections, &mut tasks).await?;
    let after = resident_at_rest(order, &mut tasks).await?;
    Ok(Sample {
        cost: (after as f64 - before as f64) / f64::from(connections),
        events: u64::from(connections),
        rate: None,
        server_busy: None,
        load_busy: None,
        others_busy: None,
        redis: None,
        latency: None,
    })
}

/// Every connection is another user.
async fn open(order: &Order, name: &str, connections: u32, tasks: &mut Tasks) -> Result<()> {
    for number in 0..connections {
        let introduction = Introduction::new(order, &format!("{name}-{number}"))?;
        let (listener, speaker) = client::connect(order, &introduction).await?;
        tasks.spawn_local(client::stay(listener, speaker, |_| {}));
    }
    Ok(())
}

async fn resident_at_rest(order: &Order, tasks: &mut Tasks) -> Result<u64> {
    let mut resident = resident_kib(&order.pids)?;
    let (mut waited, mut steady) = (Duration::ZERO, Duration::ZERO);
    while steady < REST && waited < MAX_WAIT {
        work_for(LOOK_EVERY, tasks).await?;
        waited += LOOK_EVERY;
        let now = resident_kib(&order.pids)?;
        if now.abs_diff(resident) > STEADY_KIB {
            resident = now;
            steady = Duration::ZERO;
        } else {
            steady += LOOK_EVERY;
        }
    }
    resident_kib(&order.pids)
}
