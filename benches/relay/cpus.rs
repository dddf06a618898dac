//! Which core runs the server and which the load, and how a program is started there.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

/// The cores of a comparison.
pub(crate) enum Placement {
    /// The server has the first core to itself, the load generator the second. Redis has a third, if there is one, and else
    /// shares that of the load.
    Apart { server: u32, load: u32, redis: u32 },
    /// Programs run wherever the kernel puts them; says why.
    Unpinned(&'static str),
}

/// Which of the two sides a program belongs to.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Server,
    Load,
}

impl Placement {
    pub(crate) fn choose() -> Self {
        if !has_taskset() {
            return Self::Unpinned("not pinned: `taskset` (util-linux) is not installed");
        }
        match allowed_cpus().as_slice() {
            [server, load, more @ ..] => Self::Apart {
                server: *server,
                load: *load,
                redis: *more.first().unwrap_or(load),
            },
            _ => Self::Unpinned("not pinned: only one core, shared by the server and the load"),
        }
    }

    /// The command, set to run on its side's core, with as many open files as the system lets it have.
    pub(crate) fn command(&self, side: Side, program: &str) -> Command {
        let raise_files = r#"ulimit -n "$(ulimit -Hn)" && exec "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", raise_files, "sh"]);
        if let Self::Apart { server, load, .. } = self {
            let cpu = match side {
                Side::Server => server,
                Side::Load => load,
            };
            command.args(["taskset", "-c", &cpu.to_string()]);
        }
        command.arg(program);
        command
    }

    /// Moves a Redis that runs already to its core.
    pub(crate) fn move_redis(&self, pid: u32) -> Result<()> {
        let Self::Apart { redis, .. } = self else {
            return Ok(());
        };
        let status = Command::new("taskset")
            .args(["-a", "-c", "-p", &redis.to_string(), &pid.to_string()])
            .stdout(Stdio::null())
            .status()?;
        ensure!(status.success(), "`taskset` for Redis: {status}");
        Ok(())
    }

    /// For the reader of the table.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Apart {
                server,
                load,
                redis,
            } => format!(
                "server pinned to core {server} (two together, where there are two), load to core {load}, Redis to core {redis}"
            ),
            Self::Unpinned(why) => (*why).to_owned(),
        }
    }
}

fn has_taskset() -> bool {
    let version = Command::new("taskset")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// The cores this process may use, from a list such as `0-3,6`.
fn allowed_cpus() -> Vec<u32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap_or_default();
    list.trim()
        .split(',')
        .filter_map(cpu_range)
        .flatten()
        .collect()
}

fn cpu_range(range: &str) -> Option<std::ops::RangeInclusive<u32>> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    Some(first.parse().ok()?..=last.parse().ok()?)
}
