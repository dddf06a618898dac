//! Bytes on the connections of clients, and messages that nobody was there for.

use super::counter::Counter;
use super::families::Families;
use crate::model::Dialect;

static RECEIVED: [Counter; 2] = [const { Counter::new() }; 2];
static SENT: [Counter; 2] = [const { Counter::new() }; 2];
static UNDELIVERED: [Counter; Dialect::ALL.len()] = [const { Counter::new() }; Dialect::ALL.len()];

/// What bytes came or went by.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// The frames of a WebSocket.
    Websocket,
    /// The bodies of requests and answers of a client that polls.
    Polling,
}

const TRANSPORTS: [(By, &str); 2] = [(By::Websocket, "websocket"), (By::Polling, "polling")];

/// Bytes were read from a client.
pub(crate) fn received(by: By, bytes: usize) {
    RECEIVED[by as usize].add(bytes as u64);
}

/// Bytes were written to a client.
pub(crate) fn sent(by: By, bytes: usize) {
    SENT[by as usize].add(bytes as u64);
}

/// A message of this dialect had somebody to go to who had no connection.
pub(crate) fn undelivered(dialect: Dialect) {
    UNDELIVERED[dialect as usize].inc();
}

/// Bytes that were read from clients, and written to them.
pub(crate) fn totals() -> (u64, u64) {
    let sum = |counters: &[Counter]| counters.iter().map(Counter::get).sum();
    (sum(&RECEIVED), sum(&SENT))
}

/// Adds what is counted here.
pub(super) fn describe(families: &mut Families) {
    let all = [
        (
            "relay_received_bytes_total",
            "Bytes read from clients",
            &RECEIVED,
        ),
        ("relay_sent_bytes_total", "Bytes written to clients", &SENT),
    ];
    for (name, help, counters) in all {
        let family = families.counter(name, help);
        for (by, transport) in TRANSPORTS {
            let count = counters[by as usize].get();
            family.count([("transport", transport.into())], count);
        }
    }
    let help = "Messages, and files and keys of direct, for somebody who had no connection";
    let family = families.counter("relay_messages_undelivered_total", help);
    for dialect in Dialect::ALL {
        let count = UNDELIVERED[dialect as usize].get();
        family.count([("dialect", dialect.as_str().into())], count);
    }
}
