//! Asking for a reload of the settings, from wherever one may be asked for; the server has one task that does them, one
//! after the other. It must not know how.

use tokio::sync::{mpsc, oneshot};

use crate::config::Problems;

/// How many may wait; who comes then waits until one is done.
const MAX_WAITING: usize = 4;

/// What became of a reload: what follows from it, or why nothing has changed.
pub(crate) type Outcome = Result<Reloaded, Problems>;

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reloaded {
    /// Settings that have another value now.
    pub(crate) changed: Vec<&'static str>,
    /// Settings that keep theirs until a restart, though another was read.
    pub(crate) need_restart: Vec<&'static str>,
}

/// Asks for reloads. Clones ask the same server.
#[derive(Debug, Clone)]
pub(crate) struct Reloads(mpsc::Sender<Asked>);

/// Somebody who waits for a reload.
#[derive(Debug)]
pub(crate) struct Asked(oneshot::Sender<Outcome>);

/// Those who ask.
pub(crate) type Requests = mpsc::Receiver<Asked>;

impl Reloads {
    /// Asks whoever has the second part.
    pub(crate) fn new() -> (Self, Requests) {
        let (ask, asked) = mpsc::channel(MAX_WAITING);
        (Self(ask), asked)
    }

    /// Has the settings reloaded. `None`: the server is about to end.
    pub(crate) async fn reload(&self) -> Option<Outcome> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Asked(answer)).await.ok()?;
        answered.await.ok()
    }
}

impl Asked {
    /// Says what became of it.
    pub(crate) fn answer(self, outcome: Outcome) {
        // Who asked may be gone; it was done all the same.
        let _ = self.0.send(outcome);
    }
}
