//! One audit record: an event, its time and its source.
//!
//! Owns the record's id, which includes its time. It must not know how records are stored.

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use uuid::{Builder, Uuid};

use super::event::Event;
use super::event_type::{Apart, EventType, Removal};
use super::text::AuditText;
use crate::model::Dialect;

/// The source of events: created once per connection and shared by its records.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// The verified user id; absent before authentication.
    pub(crate) user: Option<Arc<str>>,
    /// The user's name; absent before authentication.
    pub(crate) username: Option<Arc<str>>,
    /// Random, one per connection; never the socket id. Absent when no connection is involved.
    pub(crate) session_id: Option<Uuid>,
    /// The client's address, after trusted proxies.
    pub(crate) ip: Option<IpAddr>,
    /// The client's `User-Agent`, at most 256 bytes.
    pub(crate) user_agent: Option<AuditText<256>>,
    /// The name of this server.
    pub(crate) node: Arc<str>,
    /// What all its records have in common, as they are written.
    pub(crate) encoded: Encoded,
}

#[cfg(test)]
impl Source {
    /// Of a node with the name `node`, and of nobody there.
    pub(crate) fn nobody() -> Self {
        Self {
            user: None,
            username: None,
            session_id: None,
            ip: None,
            user_agent: None,
            node: "node".into(),
            encoded: Encoded::default(),
        }
    }
}

/// Bytes that are made when they are needed first. A clone has none, since its source may be changed.
#[derive(Debug, Default)]
pub(crate) struct Encoded(OnceLock<Box<[u8]>>);

impl Encoded {
    /// The bytes.
    pub(super) fn get_or_make(&self, make: impl FnOnce() -> Vec<u8>) -> &[u8] {
        self.0.get_or_init(|| make().into_boxed_slice())
    }
}

impl Clone for Encoded {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// One audited event. Its id is unique, so writing a record twice is harmless.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    id: Uuid,
    source: Arc<Source>,
    dialect: Option<Dialect>,
    event: Event,
}

impl Record {
    /// A record of `event`, with a new `UUIDv7` of the current time. Records created one after the
    /// other have ascending ids, whichever threads create them.
    pub(crate) fn new(source: &Arc<Source>, dialect: Option<Dialect>, event: Event) -> Self {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
        // A record with a wrong time is better than none when the clock is before 1970.
        let now_ms = elapsed.map_or(0, |since| since.as_millis() as u64);
        Self::with_tick(next_tick(&LAST_TICK, now_ms), source, dialect, event)
    }

    /// A record of `event` under a given `UUIDv7`, whose time is that of the event. When it is
    /// recorded twice, one record is stored.
    pub(crate) fn with_id(
        id: Uuid,
        source: &Arc<Source>,
        dialect: Option<Dialect>,
        event: Event,
    ) -> Self {
        Self {
            id,
            source: Arc::clone(source),
            dialect,
            event,
        }
    }

    /// A record at a given time, for tests of retention.
    #[cfg(test)]
    pub(crate) fn at(ms: u64, source: &Arc<Source>, event: Event) -> Self {
        Self::with_tick(ms << COUNTER_BITS, source, None, event)
    }

    fn with_tick(tick: u64, source: &Arc<Source>, dialect: Option<Dialect>, event: Event) -> Self {
        let mut rest = [0; 10];
        let (counter, random) = rest.split_at_mut(2);
        counter.copy_from_slice(&((tick & COUNTER_MASK) as u16).to_be_bytes());
        random.copy_from_slice(&rand::random::<u64>().to_be_bytes());
        let id = Builder::from_unix_timestamp_millis(tick >> COUNTER_BITS, &rest).into_uuid();
        Self::with_id(id, source, dialect, event)
    }

    /// The `_id`: time, counter, 62 random bits.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The `createdAt` in milliseconds since 1970, taken from the id so that both always agree.
    pub(crate) fn created_at_ms(&self) -> i64 {
        time_of(self.id)
    }

    /// The source of the event.
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The dialect of the event, when it has one.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// The type of its event.
    pub(super) fn event_type(&self) -> EventType {
        self.event.event_type()
    }

    /// When the record is removed because there are too many.
    pub(super) fn removal(&self) -> Removal {
        let event_type = self.event.event_type();
        let is_apart = |apart| match (apart, &self.event) {
            (Apart::Repeated, event) => matches!(event, Event::Repeated(_)),
            (Apart::ByUser, _) => self.source.user.is_some(),
            (Apart::Expulsion, Event::SocketDisconnect { reason }) => reason.is_expulsion(),
            (Apart::Expulsion, _) => false,
        };
        match event_type.apart() {
            Some((apart, when)) if is_apart(apart) => when,
            _ => event_type.removal(),
        }
    }

    /// The event.
    pub(crate) fn event(&self) -> &Event {
        &self.event
    }
}

/// The time in an id, in milliseconds since 1970.
pub(super) fn time_of(id: Uuid) -> i64 {
    (id.as_u128() >> 80) as i64
}

/// Milliseconds and a counter within one: the ordered 60 bits of a `UUIDv7`.
const COUNTER_BITS: u32 = 12;
const COUNTER_MASK: u64 = (1 << COUNTER_BITS) - 1;
/// How far ids may run ahead of the clock before they follow it back.
const MAX_AHEAD_MS: u64 = 10_000;

static LAST_TICK: AtomicU64 = AtomicU64::new(0);

/// The next tick: that of the clock, or the one after the last when the clock did not advance or was
/// set back a little. One atomic operation; the library's own generator takes a lock and a system
/// call.
fn next_tick(last: &AtomicU64, now_ms: u64) -> u64 {
    let now = now_ms << COUNTER_BITS;
    let next = |last: u64| {
        let corrected_clock = last > now + (MAX_AHEAD_MS << COUNTER_BITS);
        if corrected_clock {
            now
        } else {
            now.max(last + 1)
        }
    };
    let (Ok(before) | Err(before)) =
        last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            Some(next(last))
        });
    next(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_ascend_while_the_clock_stands_still_or_steps_back() {
        let last = AtomicU64::new(0);
        let ticks: Vec<u64> = [5_000, 5_000, 4_999, 5_001, 1]
            .into_iter()
            .map(|ms| next_tick(&last, ms))
            .collect();
        assert!(ticks.is_sorted_by(|a, b| a < b), "{ticks:?}");
        assert_eq!(ticks[0] >> COUNTER_BITS, 5_000);
        assert_eq!(ticks[3] >> COUNTER_BITS, 5_001);
    }

    #[test]
    fn a_clock_corrected_by_more_than_ten_seconds_is_followed() {
        let last = AtomicU64::new(0);
        next_tick(&last, 60_000);
        assert_eq!(next_tick(&last, 20_000) >> COUNTER_BITS, 20_000);
    }

    #[test]
    fn a_record_is_a_uuid_v7_of_its_time() {
        let source = Arc::new(Source {
            node: "n".into(),
            ..Source::nobody()
        });
        let record = Record::at(1_700_000_000_123, &source, Event::SocketConnect);
        assert_eq!(record.id().get_version_num(), 7);
        assert_eq!(record.created_at_ms(), 1_700_000_000_123);
        let ids: Vec<Uuid> = (0..10_000)
            .map(|_| Record::new(&source, None, Event::SocketConnect).id())
            .collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
