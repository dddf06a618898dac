//! Connections of clients: how many are open, and how they begin and end. An open one is counted by [`Counted`], which
//! goes with it, so that what was added is what is taken away.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::counter::{Counter, Counters, Gauge};
use super::dialects;
use super::families::Families;
use super::histogram::{Histogram, LONG};
use crate::model::{Dialect, DisconnectReason};

const TRANSPORTS: [&str; 2] = ["websocket", "polling"];
const SERIES: usize = dialects::COUNT * TRANSPORTS.len();

static OPEN: [Gauge; SERIES] = [const { Gauge::new() }; SERIES];
static GUESTS: Gauge = Gauge::new();
static OPENED: Counters<SERIES> = Counters::new();
static CLOSED: Counters<{ DisconnectReason::ALL.len() }> = Counters::new();
static DURATION: Histogram = Histogram::new(LONG);
static HANDSHAKES: [Histogram; 3] = [const { Histogram::fast() }; 3];

/// What became of a handshake.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HandshakeOutcome {
    /// Its client is a user.
    Admitted,
    /// Its client is a guest.
    Guest,
    /// Its client is refused.
    Refused,
}

const OUTCOMES: [(HandshakeOutcome, &str); 3] = [
    (HandshakeOutcome::Admitted, "admitted"),
    (HandshakeOutcome::Guest, "guest"),
    (HandshakeOutcome::Refused, "refused"),
];

/// A handshake took so long, from its request on.
pub(crate) fn handshake_took(time: Duration, outcome: HandshakeOutcome) {
    HANDSHAKES[outcome as usize].observe(time);
}

/// As what a connection is counted now, and what is counted of it alone, where somebody wants to know.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    state: AtomicU8,
    tally: OnceLock<Box<Tally>>,
}

/// What came from a client and went to it since it was admitted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Events from it.
    pub(crate) events_in: Counter,
    /// Events to it.
    pub(crate) events_out: Counter,
    /// Bytes from it.
    pub(crate) bytes_in: Counter,
    /// Bytes to it.
    pub(crate) bytes_out: Counter,
}

/// It is open.
const IS_OPEN: u8 = 1;
/// Its client polls.
const POLLS: u8 = 2;
/// Its client has no user.
const IS_GUEST: u8 = 4;
/// How far left the position of its dialect is.
const DIALECT: u32 = 3;

/// The series of a connection.
fn series(state: u8) -> usize {
    usize::from(state >> DIALECT) * TRANSPORTS.len() + usize::from(state & POLLS != 0)
}

impl Counted {
    /// What carries it is a client's polls, or a WebSocket.
    pub(crate) fn carried_by_polls(&self, polls: bool) {
        let before = match polls {
            true => self.state.fetch_or(POLLS, Ordering::AcqRel),
            false => self.state.fetch_and(!POLLS, Ordering::AcqRel),
        };
        if before & IS_OPEN != 0 && (before & POLLS != 0) != polls {
            OPEN[series(before)].add(-1);
            OPEN[series(before ^ POLLS)].add(1);
        }
    }

    /// It is open, in the dialect that its client declared.
    pub(crate) fn open(&self, declared: Option<Dialect>, is_guest: bool, has_tally: bool) {
        if has_tally {
            // Another connection on what carries this one goes on with it.
            self.tally.get_or_init(Box::default);
        }
        let guest = if is_guest { IS_GUEST } else { 0 };
        // There are few dialects.
        let dialect = (dialects::position(declared) as u8) << DIALECT;
        let added = IS_OPEN | guest | dialect;
        let state = added | self.state.fetch_or(added, Ordering::AcqRel);
        OPEN[series(state)].add(1);
        OPENED.at(series(state)).inc();
        GUESTS.add(i64::from(is_guest));
    }

    /// Its client has a user from now on.
    pub(crate) fn has_user(&self) {
        let before = self.state.fetch_and(!IS_GUEST, Ordering::AcqRel);
        GUESTS.add(-i64::from(before & IS_GUEST != 0));
    }

    /// What is counted of it alone. `None`: nothing is.
    pub(crate) fn tally(&self) -> Option<&Tally> {
        self.tally.get().map(|tally| &**tally)
    }

    /// The label of what carries it.
    pub(crate) fn transport(&self) -> &'static str {
        TRANSPORTS[usize::from(self.state.load(Ordering::Relaxed) & POLLS != 0)]
    }

    /// It has ended. Whether it was open.
    pub(crate) fn close(&self, reason: DisconnectReason, age: Duration) -> bool {
        let before = self.state.fetch_and(POLLS, Ordering::AcqRel);
        if before & IS_OPEN != 0 {
            self.remove(before);
            CLOSED.at(reason as usize).inc();
            DURATION.observe(age);
        }
        before & IS_OPEN != 0
    }

    fn remove(&self, before: u8) {
        OPEN[series(before)].add(-1);
        GUESTS.add(-i64::from(before & IS_GUEST != 0));
    }
}

/// How many are open, and of these, how many poll.
pub(crate) fn open() -> (u64, u64) {
    let count = |transports: &[usize]| {
        let series = OPEN.iter().enumerate();
        let of = series.filter(|(at, _)| transports.contains(&(at % TRANSPORTS.len())));
        let open: i64 = of.map(|(_, gauge)| gauge.get()).sum();
        u64::try_from(open).unwrap_or(0)
    };
    (count(&[0, 1]), count(&[1]))
}

/// How many were admitted.
pub(crate) fn opened() -> u64 {
    OPENED.values().sum()
}

/// How many ended, by why.
pub(crate) fn closed() -> impl Iterator<Item = (String, u64)> {
    let reasons = DisconnectReason::ALL.iter().zip(CLOSED.values());
    reasons.map(|(reason, count)| (reason.as_str().to_owned(), count))
}

/// Adds what is counted here.
pub(super) fn describe(families: &mut Families) {
    let labels = || {
        dialects::names().flat_map(|dialect| {
            let transport = |transport: &'static str| {
                vec![("dialect", dialect.into()), ("transport", transport.into())]
            };
            TRANSPORTS.into_iter().map(transport)
        })
    };
    let open = families.gauge(
        "relay_connections",
        "Connections that are open and admitted",
    );
    for (labels, gauge) in labels().zip(&OPEN) {
        open.set(labels, gauge.get() as f64);
    }
    let guests = "Open connections without a user";
    let guests = families.gauge("relay_guest_connections", guests);
    guests.set([], GUESTS.get() as f64);
    let opened = "Connections that were admitted";
    let opened = families.counter("relay_connections_opened_total", opened);
    for (labels, count) in labels().zip(OPENED.values()) {
        opened.count(labels, count);
    }
    let closed = "Connections that ended, by why";
    let closed = families.counter("relay_connections_closed_total", closed);
    for (reason, count) in DisconnectReason::ALL.iter().zip(CLOSED.values()) {
        let reason = reason.as_str().replace(' ', "_");
        closed.count([("reason", reason.into())], count);
    }
    let duration = "How long connections were open that ended";
    let duration = families.histogram("relay_connection_duration_seconds", duration);
    duration.times([], &DURATION);
    let handshakes = "From the request to CONNECT, or to the refusal";
    let handshakes = families.histogram("relay_handshake_duration_seconds", handshakes);
    for (outcome, name) in OUTCOMES {
        let labels = [("outcome", name.into())];
        handshakes.times(labels, &HANDSHAKES[outcome as usize]);
    }
}
