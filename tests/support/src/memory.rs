//! How much memory a server holds, and how much it may.
//!
//! Counted are anonymous pages: those of the program's file and of mapped files depend on how it was built, and the
//! system takes them back when it needs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::harness::Relay;

/// For the environment of a server that is measured. Its allocator keeps pages that were freed for ten seconds, so what
/// is resident depends on how fast the machine is; with this it returns them at once, and what is resident is held.
pub const RETURNED_AT_ONCE: (&str, &str) = ("MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0");

/// The settings `receiver_budget` and `sender_budget`, in MiB.
const BUDGET: f64 = 8.0;
/// The setting `max_event_bytes`, in MiB.
const EVENT: f64 = 9.6;
/// What a server holds that does nothing, with the caches of its stores, in MiB.
const AT_REST: f64 = 16.0;

/// What a server may hold at most while one client sends, in MiB: its events as far as its budget goes, one of them as it
/// is read, decoded and encoded; and for each of `receivers` who are slow twice their budget, at which they are
/// disconnected. `stored` is what is stored in memory.
pub fn bound(receivers: usize, stored: f64) -> f64 {
    AT_REST + BUDGET + 3.0 * EVENT + 2.0 * BUDGET * receivers as f64 + stored
}

/// What a server holds, in MiB.
pub fn held(relay: &Relay) -> f64 {
    status(relay.pid(), "RssAnon:")
}

/// Resident memory of a process, in MiB.
pub fn resident(pid: u32) -> f64 {
    status(pid, "VmRSS:")
}

fn status(pid: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    let kib: f64 = value
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib / 1024.0
}

/// Samples what a server holds every 20 ms.
pub struct Samples {
    sampling: JoinHandle<f64>,
    over: Arc<AtomicBool>,
}

impl Samples {
    /// Begins.
    pub fn of(relay: &Arc<Relay>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (relay, stop) = (relay.clone(), over.clone());
        let sampling = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_millis(20));
            let mut max: f64 = 0.0;
            while !stop.load(Ordering::SeqCst) {
                ticks.tick().await;
                max = max.max(held(&relay));
            }
            max
        });
        Self { sampling, over }
    }

    /// What ends with the sampling can ask this whether it is over.
    pub fn over(&self) -> Arc<AtomicBool> {
        self.over.clone()
    }

    /// Ends, and fails if the server held more than this, in MiB. What it held at most.
    pub async fn end(self, bound: f64) -> f64 {
        self.over.store(true, Ordering::SeqCst);
        let max = self.sampling.await.unwrap();
        println!("memory {max:.1} of {bound:.1} MiB");
        assert!(max <= bound, "the server held {max:.1} MiB");
        max
    }
}
