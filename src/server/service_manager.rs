//! Tells the service manager that started the process (systemd, or one that speaks likewise) that it serves, reloads,
//! stops, and is alive. Without one it does nothing.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// Where the manager listens, and how often it wants to hear something.
#[derive(Debug, Clone)]
pub(super) struct ServiceManager {
    socket: Option<Arc<(UnixDatagram, SocketAddr)>>,
}

impl ServiceManager {
    /// The one that the environment names, if it names one.
    pub(super) fn of_environment() -> Self {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = name.and_then(|name| {
            let reached = reach(&name);
            let warn = |error: &io::Error| {
                tracing::warn!(%error, "the service manager of NOTIFY_SOCKET cannot be reached");
            };
            reached.inspect_err(warn).ok()
        });
        Self {
            socket: socket.map(Arc::new),
        }
    }

    /// Clients are served from now on. While they are, the manager hears it as often as it wants to.
    pub(super) fn ready(&self) {
        self.say("READY=1");
        if self.socket.is_some()
            && let Some(period) = watchdog_period()
        {
            tokio::spawn(self.clone().say_alive(period / 2));
        }
    }

    /// The settings are being reloaded, until [`reloaded`](Self::reloaded).
    pub(super) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// They were, or are as they were.
    pub(super) fn reloaded(&self) {
        self.say("READY=1");
    }

    /// The process is about to end.
    pub(super) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// Says that the runtime works, for ever.
    async fn say_alive(self, every: Duration) {
        let mut interval = tokio::time::interval(every);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.say("WATCHDOG=1");
        }
    }

    fn say(&self, state: &str) {
        let Some((socket, manager)) = self.socket.as_deref() else {
            return;
        };
        if let Err(error) = socket.send_to_addr(state.as_bytes(), manager) {
            tracing::warn!(%error, state, "the service manager was not told");
        }
    }
}

/// A socket, and the address of the manager: the path of another, or behind `@` its abstract name.
fn reach(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold up the relay.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// Within what time the manager wants to hear that this process is alive. `None`: it does not.
fn watchdog_period() -> Option<Duration> {
    let number = |name| env::var(name).ok()?.parse::<u64>().ok();
    let is_meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let period = number("WATCHDOG_USEC").filter(|period| *period > 0 && is_meant);
    period.map(Duration::from_micros)
}
