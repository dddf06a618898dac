//! One size of crowd: what it costs a fresh relay, and how long things take. It compares sizes with nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::held::Held;
use crate::load::crowd::Step;
use crate::load::{Order, prober};
use crate::process_usage::{self, ThreadTimes, resident_kib};
use crate::row::Row;
use crate::server::{Kind, Running, Stage};

/// Not counted: with them the server takes what it needs once.
const WARM_UP: u32 = 200;
/// A ping interval of the relay, so that each connection is pinged once.
const IDLE: Duration = Duration::from_secs(25);
const TALK: Duration = Duration::from_secs(20);
/// New clients come so long before all others leave.
const PROBED_BEFORE: Duration = Duration::from_millis(500);
/// What is left to do after a step, such as storing the audit, may take so long.
const MAX_REST: Duration = Duration::from_secs(90);
const REST_LOOK: Duration = Duration::from_secs(1);
/// A server is at rest when its CPU time and memory have not moved more than this between two looks, or CPU time no longer falls.
const REST_CPU: Duration = Duration::from_millis(20);
const STEADY_KIB: u64 = 64;
const GONE_DEADLINE: Duration = Duration::from_secs(120);
const GONE_LOOK: Duration = Duration::from_millis(20);

/// What was found with so many connections.
pub(super) struct Figures {
    pub(super) connections: u32,
    pub(super) resident_kib: f64,
    /// Of both ends.
    pub(super) kernel_kib: f64,
    pub(super) connects_per_second: f64,
    pub(super) connect_us: f64,
    /// CPU µs per connection and second.
    pub(super) idle_us: f64,
    /// The same with a message of each a minute.
    pub(super) talk_us: f64,
    pub(super) told_seconds: f64,
    pub(super) told_us: f64,
    pub(super) gone_seconds: f64,
    pub(super) longest_wait: Duration,
    pub(super) drained_seconds: f64,
}

pub(super) fn run(connections: u32, stage: &Stage) -> Result<Figures> {
    let server = Running::start(Kind::Relay, Row::Message, stage)?;
    let order = Order::at_once(&server, Kind::Relay);
    let each = f64::from(connections);
    let mut crowd = Held::start(&order, stage)?;
    crowd.take(&gather("warm-up", WARM_UP))?;
    rest(&server)?;
    let (resident, kernel) = memory(&server)?;
    let (gathered, connect) = timed(&server, || crowd.take(&gather("user", connections)))?;
    rest(&server)?;
    let (resident_after, kernel_after) = memory(&server)?;
    let ((), idle) = timed(&server, || {
        std::thread::sleep(IDLE);
        Ok(())
    })?;
    let (talked, talk) = timed(&server, || crowd.take(&Step::Talk { time: TALK }))?;
    crowd.take(&Step::Greet)?;
    rest(&server)?;
    let (told, telling) = timed(&server, || crowd.take(&Step::Return))?;
    rest(&server)?;
    let (gone_seconds, longest_wait) = all_leave(&server, crowd)?;
    rest(&server)?;
    let drained_seconds = drain(server, connections, stage)?;
    Ok(Figures {
        connections,
        resident_kib: (resident_after - resident) / each,
        kernel_kib: (kernel_after - kernel) / each,
        connects_per_second: each / gathered.seconds,
        connect_us: connect.as_secs_f64() * 1e6 / each,
        idle_us: idle.as_secs_f64() * 1e6 / each / IDLE.as_secs_f64(),
        talk_us: talk.as_secs_f64() * 1e6 / each / talked.seconds,
        told_seconds: told.seconds,
        told_us: telling.as_secs_f64() * 1e6 / told.events as f64,
        gone_seconds,
        longest_wait,
        drained_seconds,
    })
}

fn gather(name: &str, connections: u32) -> Step {
    Step::Gather {
        name: name.to_owned(),
        connections,
    }
}

/// What is done, and the CPU time that the server took meanwhile.
fn timed<T>(server: &Running, work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let pids = server.pids();
    let before = ThreadTimes::read(&pids)?;
    let done = work()?;
    Ok((done, ThreadTimes::read(&pids)?.since(&before)))
}

/// Memory of the server and of the kernel, in KiB.
fn memory(server: &Running) -> Result<(f64, f64)> {
    let kernel = process_usage::memory_kib("Slab:").context("no Slab in /proc/meminfo")?;
    Ok((resident_kib(&server.pids())? as f64, kernel as f64))
}

/// Waits until the server has done what it puts off.
fn rest(server: &Running) -> Result<()> {
    let deadline = Instant::now() + MAX_REST;
    let (mut used, mut resident) = (Duration::MAX, 0);
    loop {
        let ((), now) = timed(server, || {
            std::thread::sleep(REST_LOOK);
            Ok(())
        })?;
        let resident_now = resident_kib(&server.pids())?;
        let is_steady = resident_now.abs_diff(resident) <= STEADY_KIB.max(resident / 1_000);
        // Many connections are never quite at rest: some are pinged in each second.
        if is_steady && (now < REST_CPU || now.as_secs_f64() > 0.8 * used.as_secs_f64())
            || Instant::now() > deadline
        {
            return Ok(());
        }
        (used, resident) = (now, resident_now);
    }
}

/// All connections break off at the same time, while new clients come.
fn all_leave(server: &Running, crowd: Held) -> Result<(f64, Duration)> {
    let stop = Arc::new(AtomicBool::new(false));
    let (order, stopped) = (Order::at_once(server, Kind::Relay), Arc::clone(&stop));
    let prober = std::thread::spawn(move || prober::probe(&order, &stopped));
    std::thread::sleep(PROBED_BEFORE);
    let start = Instant::now();
    // Not waited for: while the kernel closes its connections, they are gone one after the other.
    let leaving = std::thread::spawn(move || drop(crowd));
    // The newcomer may be one of those that are still there, and may be leaving.
    while server.connections()? > 2 {
        ensure!(start.elapsed() < GONE_DEADLINE, "they are not gone");
        std::thread::sleep(GONE_LOOK);
    }
    let gone = start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    let failed = |_| anyhow!("a thread failed");
    leaving.join().map_err(failed)?;
    let waits = prober.join().map_err(failed)??;
    Ok((gone, waits.into_iter().max().unwrap_or_default()))
}

/// How long the server takes to end, with as many connections as before.
fn drain(server: Running, connections: u32, stage: &Stage) -> Result<f64> {
    let mut crowd = Held::start(&Order::at_once(&server, Kind::Relay), stage)?;
    crowd.take(&gather("user", connections))?;
    rest(&server)?;
    Ok(server.terminate(GONE_DEADLINE)?.as_secs_f64())
}
