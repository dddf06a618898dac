//! What one administrator was shown, and how many events they may still get: so many a second, the rest is dropped, and made
//! good later by all that is then the case. It must not know what an event says.

use std::time::{Duration, Instant};

use super::shapes::Features;
use crate::payload::SocketPacket;

/// How many events of connections an administrator gets in a second.
const EVENTS: u32 = 50;
const SECOND: Duration = Duration::from_secs(1);
/// After what time dropped ones are made good.
const MADE_GOOD: Duration = Duration::from_secs(10);

/// What an administrator was shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// What they may do, as they were told.
    pub(super) features: Option<Features>,
    /// Whether they were shown all connections, and with their users.
    pub(super) with_users: Option<bool>,
    /// Since when events are counted, and how many there were.
    second: Option<Instant>,
    events: u32,
    /// When they are to be shown all connections again.
    make_good: Option<Instant>,
}

impl Shown {
    /// Sends events of connections, as many as they may get.
    pub(super) fn send(
        &mut self,
        events: &[SocketPacket],
        now: Instant,
        offer: impl Fn(&SocketPacket) -> bool,
    ) {
        let is_over = |since: Instant| now.duration_since(since) >= SECOND;
        if self.second.is_none_or(is_over) {
            (self.second, self.events) = (Some(now), 0);
        }
        for event in events {
            let is_sent = self.events < EVENTS && offer(event);
            if is_sent {
                self.events += 1;
            } else {
                self.make_good.get_or_insert(now + MADE_GOOD);
            }
        }
    }

    /// Whether they are to be shown all connections: they were not yet, or not so, or something was dropped.
    pub(super) fn wants_all(&self, with_users: bool, now: Instant) -> bool {
        let is_due = self.make_good.is_some_and(|then| now >= then);
        is_due || self.with_users != Some(with_users)
    }

    /// They were shown all connections, unless it was not taken.
    pub(super) fn note_all(&mut self, with_users: bool, is_taken: bool, now: Instant) {
        match is_taken {
            true => (self.with_users, self.make_good) = (Some(with_users), None),
            false => self.make_good = Some(now + SECOND),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn what_is_over_the_rate_is_dropped_and_made_good_later() {
        let event = SocketPacket::event_of("/admin", &("socket_updated",)).unwrap();
        let events = vec![event; 80];
        let sent = Cell::new(0);
        let offer = |_: &SocketPacket| {
            sent.set(sent.get() + 1);
            true
        };
        let mut shown = Shown::default();
        let begin = Instant::now();
        assert!(shown.wants_all(false, begin));
        shown.note_all(false, true, begin);
        assert!(!shown.wants_all(false, begin) && shown.wants_all(true, begin));
        shown.send(&events, begin, offer);
        assert_eq!(sent.get(), 50);
        shown.send(&events[..1], begin, offer);
        assert_eq!(sent.get(), 50);
        shown.send(&events[..1], begin + SECOND, offer);
        assert_eq!(sent.get(), 51);
        let later = begin + MADE_GOOD;
        assert!(!shown.wants_all(false, later - SECOND) && shown.wants_all(false, later));
        shown.note_all(false, true, later);
        assert!(!shown.wants_all(false, later + MADE_GOOD));
    }

    #[test]
    fn what_is_not_taken_is_made_good_too() {
        let event = SocketPacket::event_of("/admin", &("socket_updated",)).unwrap();
        let (mut shown, begin) = (Shown::default(), Instant::now());
        shown.note_all(false, true, begin);
        shown.send(&[event], begin, |_| false);
        assert!(shown.wants_all(false, begin + MADE_GOOD));
        shown.note_all(false, false, begin + MADE_GOOD);
        assert!(shown.wants_all(false, begin + MADE_GOOD + SECOND));
    }
}
