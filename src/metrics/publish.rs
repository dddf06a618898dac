//! What backends publish.

use super::counter::{Counter, Counters};
use super::families::Families;

/// What became of a request to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PublishOutcome {
    /// Somebody received it.
    Reached,
    /// Nobody was there.
    Nobody,
    /// It had been done before.
    Duplicate,
    /// It was not done.
    Refused,
}

/// In their order.
const OUTCOMES: [&str; 4] = ["reached", "nobody", "duplicate", "refused"];

impl PublishOutcome {
    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        OUTCOMES[self as usize]
    }
}

static REQUESTS: Counters<{ OUTCOMES.len() }> = Counters::new();
static CONNECTIONS: Counter = Counter::new();

/// A request was answered so.
pub(crate) fn answered(outcome: PublishOutcome) {
    REQUESTS.at(outcome as usize).inc();
}

/// An event was handed to so many connections of all nodes.
pub(crate) fn reached(connections: u64) {
    CONNECTIONS.add(connections);
}

/// Adds what is counted here.
pub(super) fn describe(families: &mut Families) {
    let help = "Requests of backends to publish an event";
    let family = families.counter("relay_publish_total", help);
    for (outcome, count) in OUTCOMES.into_iter().zip(REQUESTS.values()) {
        family.count([("outcome", outcome.into())], count);
    }
    let help = "Connections that such events were handed to";
    let family = families.counter("relay_publish_connections_total", help);
    family.count([], CONNECTIONS.get());
}
