//! The process itself: what it logs, how late it is with what is due, and what it takes of the machine.

use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::counter::Counters;
use super::families::Families;
use super::histogram::Histogram;

/// The levels of the log, the most important first.
const LEVELS: [(tracing::Level, &str); 5] = [
    (tracing::Level::ERROR, "error"),
    (tracing::Level::WARN, "warn"),
    (tracing::Level::INFO, "info"),
    (tracing::Level::DEBUG, "debug"),
    (tracing::Level::TRACE, "trace"),
];

/// How often it is looked at how late the process is.
const INTERVAL: Duration = Duration::from_millis(500);

static LOG_LINES: Counters<{ LEVELS.len() }> = Counters::new();
static DELAY: Histogram = Histogram::fast();

/// A line is logged, whether it can be written or not.
pub(crate) fn logged(level: &tracing::Level) {
    let position = LEVELS.iter().position(|(one, _)| one == level);
    LOG_LINES.at(position.unwrap_or(0)).inc();
}

/// Looks how late a timer is, for ever.
pub(crate) async fn watch_delay() {
    loop {
        let due = tokio::time::Instant::now() + INTERVAL;
        tokio::time::sleep_until(due).await;
        DELAY.observe(due.elapsed());
    }
}

/// Adds what is counted here.
pub(super) fn describe(families: &mut Families) {
    let help = "How late a timer was";
    let family = families.histogram("relay_scheduler_delay_seconds", help);
    family.times([], &DELAY);
    let help = "Lines of the log, also those that could not be written";
    let family = families.counter("relay_log_lines_total", help);
    for ((_, level), count) in LEVELS.into_iter().zip(LOG_LINES.values()) {
        family.count([("level", level.into())], count);
    }
}

/// What the process takes of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    processors: Duration,
    /// Bytes.
    resident: u64,
    open_files: Option<u64>,
    max_files: Option<u64>,
    /// Seconds since the epoch.
    started: u64,
}

impl Usage {
    /// Looks at it, which may block. `None`: the machine does not say.
    pub(crate) fn now() -> Option<Self> {
        let pid = Pid::from_u32(std::process::id());
        let mut system = System::new();
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        let own = ProcessesToUpdate::Some(&[pid]);
        system.refresh_processes_specifics(own, false, what);
        let process = system.process(pid)?;
        Some(Self {
            processors: Duration::from_millis(process.accumulated_cpu_time()),
            resident: process.memory(),
            open_files: process.open_files().map(|count| count as u64),
            max_files: rlimit::Resource::NOFILE.get_soft().ok(),
            started: process.start_time(),
        })
    }

    /// Adds it.
    pub(crate) fn describe(&self, families: &mut Families) {
        let help = "Time that processors spent on it";
        let family = families.counter("process_cpu_seconds_total", help);
        family.count_parts([], self.processors.as_secs_f64());
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Memory that is resident",
                Some(self.resident),
            ),
            (
                "process_open_fds",
                "File descriptors that are open",
                self.open_files,
            ),
            (
                "process_max_fds",
                "File descriptors there may be",
                self.max_files,
            ),
            (
                "process_start_time_seconds",
                "When it started, since the epoch",
                Some(self.started),
            ),
        ];
        for (name, help, value) in gauges {
            if let Some(value) = value {
                families.gauge(name, help).set([], value as f64);
            }
        }
    }
}
