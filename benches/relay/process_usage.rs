//! What a process, or the whole machine, has used so far, read from `/proc`. It must not average or compare.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Fields of `/proc/PID/stat` count in ticks of this many per second on every Linux architecture in use.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of all threads of some processes, in user space and in the kernel.
pub(crate) fn cpu_time(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| cpu_time_of(*pid)).sum()
}

fn cpu_time_of(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let ticks = cpu_ticks(&stat).with_context(|| format!("{path} has no CPU times"))?;
    Ok(duration(ticks))
}

fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
}

/// `utime` + `stime`, the 14th and 15th fields. The second field may hold spaces but ends at the last parenthesis.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut times = after_name.split(' ').skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(user + system)
}

/// CPU times of the threads of some processes, without the rounding to ticks.
pub(crate) struct ThreadTimes(HashMap<PathBuf, u64>);

impl ThreadTimes {
    /// Until now.
    pub(crate) fn read(pids: &[u32]) -> Result<Self> {
        let mut times = HashMap::new();
        for pid in pids {
            for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
                let path = thread?.path();
                // A thread may have ended just now.
                let stat = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
                let on_core = stat.split(' ').next().unwrap_or_default();
                times.insert(path, on_core.parse().unwrap_or_default());
            }
        }
        Ok(Self(times))
    }

    /// What they took since then. What threads took that have ended meanwhile is not in it.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let took = |(thread, time): (&PathBuf, &u64)| {
            time.saturating_sub(before.0.get(thread).copied().unwrap_or_default())
        };
        Duration::from_nanos(self.0.iter().map(took).sum())
    }
}

/// A line of `/proc/meminfo`.
pub(crate) fn memory_kib(name: &str) -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let value = info.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

/// CPU time of everything on all cores of this machine, with what its host took away.
pub(crate) fn machine_cpu_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
    let fields = stat
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "))
        .context("/proc/stat has no totals")?;
    let ticks: Vec<u64> = fields
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    // user nice system idle iowait irq softirq steal; the guest times that follow are part of user and nice.
    let [user, nice, system, _, _, irq, softirq, steal, ..] = ticks.as_slice() else {
        bail!("/proc/stat has too few times");
    };
    Ok(duration(user + nice + system + irq + softirq + steal))
}

/// Resident memory of some processes, in KiB.
pub(crate) fn resident_kib(pids: &[u32]) -> Result<u64> {
    pids.iter().map(|pid| resident_kib_of(*pid)).sum()
}

fn resident_kib_of(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|value| value.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.parse().ok())
        .with_context(|| format!("{path} has no VmRSS"))
}
