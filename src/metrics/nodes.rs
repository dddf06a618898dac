//! What the servers of one deployment send each other. It is told only where there may be several.

use std::time::Duration;

use super::counter::Counter;
use super::families::Families;
use super::histogram::Histogram;

static EVENTS_IN: Counter = Counter::new();
static EVENTS_OUT: Counter = Counter::new();
static BYTES_IN: Counter = Counter::new();
static BYTES_OUT: Counter = Counter::new();
static LOST: Counter = Counter::new();
static DELAY: Histogram = Histogram::fast();

/// A message of so many bytes came from another node.
pub(crate) fn received(bytes: usize) {
    EVENTS_IN.inc();
    BYTES_IN.add(bytes as u64);
}

/// A message of so many bytes is sent to other nodes.
pub(crate) fn sent(bytes: usize) {
    EVENTS_OUT.inc();
    BYTES_OUT.add(bytes as u64);
}

/// A message is dropped: Redis is away or too slow, or too many wait.
pub(crate) fn lost() {
    LOST.inc();
}

/// A message of another node is handled so long after that node said it, by the clocks of the two.
pub(crate) fn heard(delay: Duration) {
    DELAY.observe(delay);
}

/// Adds what is counted here.
pub(crate) fn describe(families: &mut Families) {
    let both = [
        (
            "relay_node_events_total",
            "Messages between nodes",
            &EVENTS_IN,
            &EVENTS_OUT,
        ),
        (
            "relay_node_bytes_total",
            "Their bytes",
            &BYTES_IN,
            &BYTES_OUT,
        ),
    ];
    for (name, help, received, sent) in both {
        let family = families.counter(name, help);
        family.count([("direction", "in".into())], received.get());
        family.count([("direction", "out".into())], sent.get());
    }
    let help = "Messages to or of other nodes that were dropped";
    let family = families.counter("relay_node_events_lost_total", help);
    family.count([], LOST.get());
    let help = "From when a message was said by another node until it was handled here, by the clocks of the two";
    let family = families.histogram("relay_node_delay_seconds", help);
    family.times([], &DELAY);
}
