//! Events between clients and the relay. Those that clients send are counted by the rows of their dialects; here are
//! those of no dialect, all that the relay sends, and how long events take.

use std::time::Duration;

use super::counter::{Counter, Counters};
use super::dialects;
use super::families::{Families, Labels};
use super::histogram::Histogram;
use crate::model::Dialect;
use crate::traces;

/// Events that any client may send.
static AUTHENTICATE: Counter = Counter::new();
static UNKNOWN: Counter = Counter::new();

/// Events of a backend, whatever their names are.
static BACKEND: Counter = Counter::new();

static DURATION: [Histogram; Dialect::ALL.len()] =
    [const { Histogram::fast() }; Dialect::ALL.len()];

/// A client sent a token.
pub(crate) fn authenticate_received() {
    AUTHENTICATE.inc();
}

/// A client sent an event that it may not, or that there is not.
pub(crate) fn unknown_received() {
    UNKNOWN.inc();
}

/// An event of a dialect was handed to its last receiver here so long after it was decoded.
pub(crate) fn took(dialect: Dialect, time: Duration) {
    DURATION[dialect as usize].observe(time);
}

/// Declares what the relay sends: dialects, and the names of their events.
macro_rules! sent {
    ($($dialect:expr => $($name:literal)+;)+) => {
        /// Every event that the relay sends, and the dialect that has it.
        pub(crate) const SENT: &[(Option<Dialect>, &str)] = &[$($(($dialect, $name),)+)+];
    };
}

sent! {
    Some(Dialect::Direct) =>
        "receive_message" "message:sent" "message:error"
        "room:joined" "room:left" "room:user-ready" "room:error"
        "key-exchange:receive" "key-exchange:sent" "key-exchange:error"
        "receive_file_chunk" "file:chunk-sent" "file:upload-complete" "file:requested" "file:request-sent" "file:error"
        "typing:user" "message:delivery-confirmed" "message:read-confirmed"
        "user:online" "user:offline";
    Some(Dialect::Session) =>
        "user-joined" "user-left" "messages-history" "session-metadata"
        "new-message" "message-sent" "user-typing" "user-stopped-typing"
        "download-notification" "public-keys-updated" "session-key-available" "session-error";
    Some(Dialect::Feed) =>
        "new-message" "message-updated" "message-deleted" "message:read:receipt"
        "conversation-created" "conversation-updated" "conversation-key-rotated"
        "conversation-participants-added" "conversation-participants-removed";
    Some(Dialect::Chat) =>
        "message:new" "message:edited" "message:deleted" "message:read:receipt"
        "chat:updated" "user:typing" "user:stop-typing" "user:online" "user:offline";
    Some(Dialect::Conversation) =>
        "conversation:joined" "conversation:left" "conversation:updated" "conversation:join:error"
        "message:new" "message:updated" "message:deleted" "message:delivered" "message:read:receipt"
        "reaction:added" "reaction:removed" "typing:user:start" "typing:user:stop"
        "presence:response" "user:online" "user:offline";
    None => "authenticated" "auth:success" "auth:error" "auth:expiring" "error";
}

static SENT_COUNTS: Counters<{ SENT.len() }> = Counters::new();

/// An event was handed to so many connections, which count as this dialect.
pub(crate) fn sent(name: &str, dialect: Dialect, connections: u64) {
    traces::reached(connections);
    if let Some(position) = position(name, dialect) {
        SENT_COUNTS.at(position).add(connections);
    }
}

/// An event of a backend was handed to so many connections.
pub(crate) fn backend_sent(connections: u64) {
    BACKEND.add(connections);
    traces::reached(connections);
}

/// How many events were handed to connections.
pub(crate) fn sent_total() -> u64 {
    SENT_COUNTS.values().sum::<u64>() + BACKEND.get()
}

/// How many events of no dialect came from clients.
pub(crate) fn received_of_none() -> u64 {
    AUTHENTICATE.get() + UNKNOWN.get()
}

/// The event of this name that such a connection gets: that of its dialect, or else of whichever has one.
fn position(name: &str, dialect: Dialect) -> Option<usize> {
    let has_name = |(_, one): &(_, &str)| *one == name;
    let first = FIRST[dialect as usize];
    let own = SENT[first..]
        .iter()
        .take_while(|(of, _)| *of == Some(dialect));
    let own = own.into_iter().position(has_name).map(|at| first + at);
    own.or_else(|| SENT.iter().position(has_name))
}

/// Where the events of each dialect begin.
const FIRST: [usize; Dialect::ALL.len()] = {
    let mut first = [SENT.len(); Dialect::ALL.len()];
    let mut position = SENT.len();
    while position > 0 {
        position -= 1;
        if let Some(dialect) = SENT[position].0 {
            first[dialect as usize] = position;
        }
    }
    first
};

/// Adds what clients may send in any dialect, behind what `dialects` has of each.
pub(crate) fn describe_received<'a>(
    families: &mut Families,
    of_dialects: impl Iterator<Item = (Dialect, &'static str, &'a Counter)>,
) {
    let help = "Events of clients";
    let family = families.counter("relay_events_received_total", help);
    for (dialect, name, counter) in of_dialects {
        family.count(labels(Some(dialect), name), counter.get());
    }
    for (name, counter) in [("authenticate", &AUTHENTICATE), ("unknown", &UNKNOWN)] {
        family.count(labels(None, name), counter.get());
    }
}

fn labels(dialect: Option<Dialect>, event: &'static str) -> Labels {
    let dialect = dialects::name(dialect);
    vec![("dialect", dialect.into()), ("event", event.into())]
}

/// Adds what is counted here, but for what is received.
pub(super) fn describe(families: &mut Families) {
    let help = "Events that were handed to connections";
    let family = families.counter("relay_events_sent_total", help);
    for ((dialect, name), count) in SENT.iter().zip(SENT_COUNTS.values()) {
        family.count(labels(*dialect, name), count);
    }
    family.count(labels(None, "backend"), BACKEND.get());
    let help = "From an event's decoding until it is handed to the last connection here";
    let family = families.histogram("relay_event_duration_seconds", help);
    for dialect in Dialect::ALL {
        let labels = [("dialect", dialect.as_str().into())];
        family.times(labels, &DURATION[dialect as usize]);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::event_names;

    #[test]
    fn an_event_is_counted_as_that_of_the_dialect_that_gets_it() {
        let of = |name, dialect| position(name, dialect).map(|at| SENT[at].0);
        let (chat, direct) = (Dialect::Chat, Dialect::Direct);
        assert_eq!(of("user:online", chat), Some(Some(chat)));
        assert_eq!(of("user:online", direct), Some(Some(direct)));
        assert_eq!(of("error", chat), Some(None));
        // A client that declares nothing counts as `direct` until it is known.
        let session = Some(Some(Dialect::Session));
        assert_eq!(of("session-metadata", direct), session);
        assert_eq!(of("no event", direct), None);
    }

    #[test]
    fn what_the_relay_sends_cannot_be_published_by_a_backend() {
        for (_, name) in SENT {
            assert!(event_names::is_reserved(name), "{name}");
        }
    }

    #[test]
    fn every_event_that_a_dialect_names_is_in_the_table() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dialects")];
        let mut names = Vec::new();
        while let Some(folder) = folders.pop() {
            for path in folder.read_dir().unwrap().map(|it| it.unwrap().path()) {
                match path.is_dir() {
                    true => folders.push(path),
                    false => names.extend(named_in(&std::fs::read_to_string(path).unwrap())),
                }
            }
        }
        assert!(names.len() > 50, "{names:?}");
        let is_missing = |name: &&String| !SENT.iter().any(|(_, sent)| sent == *name);
        let missing: Vec<_> = names.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// The constants of a source that are names of events: those with a separator.
    fn named_in(source: &str) -> Vec<String> {
        let lines = source.lines();
        let texts = lines.filter_map(|line| {
            let (_, rest) = line
                .split_once(": &str = \"")
                .or_else(|| line.split_once("Refused::by(\""))?;
            Some(rest.split_once('"')?.0.to_owned())
        });
        let is_name = |text: &String| text.contains(['-', ':', '_']) && !text.contains([' ', '.']);
        texts.filter(is_name).collect()
    }
}
