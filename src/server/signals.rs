//! What the signals of the system mean to the process: which of them stop it, which one reloads, and that no other ends it
//! without a drain. It must not know how the server is stopped.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that would end the process, and that are sent to ask for something it does not do. SIGPIPE is
/// ignored by the runtime of the language.
const NOTED: [(libc::c_int, &str, &str); 7] = [
    (libc::SIGUSR1, "SIGUSR1", NOTHING_DONE),
    (libc::SIGUSR2, "SIGUSR2", NOTHING_DONE),
    (libc::SIGALRM, "SIGALRM", NOTHING_DONE),
    (libc::SIGVTALRM, "SIGVTALRM", NOTHING_DONE),
    (libc::SIGPROF, "SIGPROF", NOTHING_DONE),
    (libc::SIGIO, "SIGIO", NOTHING_DONE),
    (libc::SIGPWR, "SIGPWR", NOTHING_DONE),
];

const NOTHING_DONE: &str = "a signal was ignored; SIGTERM, SIGINT and SIGQUIT stop the server, and SIGHUP reloads its settings";

/// The signals that mean something to the server.
pub(super) struct Signals {
    /// Reloads its settings.
    pub(super) hangup: Signal,
    pub(super) stop: Stop,
}

/// Those that stop it.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl Signals {
    /// Receives signals from now on; those that ask for nothing it does are logged, and ignored.
    ///
    /// # Errors
    /// When the system lets none be received.
    pub(super) fn new() -> io::Result<Self> {
        for (number, name, meaning) in NOTED {
            let signal = signal(SignalKind::from_raw(number))?;
            tokio::spawn(note(signal, name, meaning));
        }
        for number in libc::SIGRTMIN()..=libc::SIGRTMAX() {
            let signal = signal(SignalKind::from_raw(number))?;
            tokio::spawn(note(signal, "a real-time signal", NOTHING_DONE));
        }
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            stop: Stop {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
            },
        })
    }
}

impl Stop {
    /// Waits for the next one that stops the server; its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}

async fn note(mut signals: Signal, signal: &str, meaning: &str) {
    while signals.recv().await.is_some() {
        tracing::warn!(signal, "{meaning}");
    }
}
