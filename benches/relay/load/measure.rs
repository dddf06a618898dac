//! The clock of a round: lets the load run in, then reads what the server used while it was measured.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::task::JoinSet;

use super::{Order, Sample};
use crate::process_usage;

/// The tasks of a round. None of them ends by itself, except with an error.
pub(super) type Tasks = JoinSet<Result<()>>;

/// Measures while `tasks` work and count what they get done in `events`.
pub(super) async fn cpu_per_event(
    order: &Order,
    events: &Cell<u64>,
    tasks: &mut Tasks,
) -> Result<Sample> {
    work_for(order.phases.ramp, tasks).await?;
    let before = Reading::take(order, events)?;
    work_for(order.phases.measured, tasks).await?;
    let after = Reading::take(order, events)?;
    after.since(&before)
}

/// Lets the tasks run; the first that fails ends the round.
pub(super) async fn work_for(time: Duration, tasks: &mut Tasks) -> Result<()> {
    tokio::select! {
        Some(end) = tasks.join_next() => {
            end??;
            bail!("a client stopped");
        }
        () = tokio::time::sleep(time) => Ok(()),
    }
}

struct Reading {
    at: Instant,
    server: Duration,
    redis: Option<Duration>,
    load: Duration,
    machine: Duration,
    events: u64,
}

impl Reading {
    fn take(order: &Order, events: &Cell<u64>) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            server: process_usage::cpu_time(&order.pids)?,
            redis: order
                .redis
                .map(|pid| process_usage::cpu_time(&[pid]))
                .transpose()?,
            load: process_usage::cpu_time(&[std::process::id()])?,
            machine: process_usage::machine_cpu_time()?,
            events: events.get(),
        })
    }

    fn since(&self, before: &Self) -> Result<Sample> {
        let events = self.events - before.events;
        ensure!(events > 0, "no event was delivered in the measured time");
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        let server = (self.server - before.server).as_secs_f64();
        let load = (self.load - before.load).as_secs_f64();
        let machine = (self.machine - before.machine).as_secs_f64();
        let redis = self.redis.zip(before.redis);
        let redis = redis.map(|(after, before)| (after - before).as_secs_f64());
        let ours = server + load + redis.unwrap_or_default();
        Ok(Sample {
            cost: server * 1e6 / events as f64,
            events,
            rate: Some(events as f64 / seconds),
            server_busy: Some(server / seconds),
            load_busy: Some(load / seconds),
            // The kernel counts these in different ways, so the rest can come out a little below nothing.
            others_busy: Some(((machine - ours) / seconds).max(0.0)),
            redis: redis.map(|redis| redis * 1e6 / events as f64),
            latency: None,
        })
    }
}
