//! Whose turn it is, of those who wait until one receiver has room: that of the sender who was given the least, so
//! who sends much waits behind their own, and not others behind them. What waits of one sender, or of one room, keeps
//! its order. It must not know how much room there is.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::model::UserId;

/// What waits for one receiver, and what those will send whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    waiting: BTreeMap<Place, Waiting>,
    /// Those of whom, and of which, something waits.
    senders: HashMap<UserId, Line>,
    rooms: HashMap<Arc<str>, Line>,
    /// How much those have been given whose turn it is: who comes new begins here.
    given: u64,
    count: u64,
    /// Bytes of those whose turn it is.
    granted: usize,
}

/// By how much its sender will have been given with it, or more if its room is ahead; and in which order they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64, u64);

/// Something that waits.
#[derive(Debug)]
struct Waiting {
    of: Origin,
    bytes: usize,
    woken: Arc<Notify>,
}

/// What an event keeps its order with.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Who sent it; `None`: the relay, or somebody who sends only to this room.
    pub(crate) sender: Option<UserId>,
    /// To which room, if not to the receiver alone.
    pub(crate) room: Option<Arc<str>>,
}

/// What waits of one sender, or of one room.
#[derive(Debug, Default)]
struct Line {
    /// How far it is with all of that.
    given: u64,
    events: usize,
    bytes: usize,
}

/// A sender's turn, until it is dropped: by then, what was to be sent is counted as what waits for the receiver.
#[must_use]
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    bytes: usize,
}

impl Turns {
    /// The turn of a sender to send so many bytes, if nobody waits, and there is room. `has_room` is as for
    /// [`wait`](Self::wait).
    pub(crate) fn now(
        self: &Arc<Self>,
        bytes: usize,
        has_room: impl Fn(usize) -> bool,
    ) -> Option<Turn> {
        let mut state = self.0.lock();
        (state.waiting.is_empty() && has_room(state.granted)).then(|| self.grant(&mut state, bytes))
    }

    /// Waits until it is the turn of this sender to send so many bytes. `has_room` says whether there is room when
    /// so many are about to be sent. Whoever changes that calls [`look_again`](Self::look_again) afterwards.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        sender: &UserId,
        bytes: usize,
        has_room: impl Fn(usize) -> bool,
    ) -> Turn {
        if let Some(turn) = self.now(bytes, &has_room) {
            return turn;
        }
        let of = Origin {
            sender: Some(sender.clone()),
            room: None,
        };
        let woken = Arc::new(Notify::new());
        let place = self.enqueue(of, bytes, woken.clone());
        let _enqueued = Enqueued { turns: self, place };
        loop {
            {
                let mut state = self.0.lock();
                if state.is_turn(place, &has_room) {
                    return self.grant(&mut state, bytes);
                }
            }
            woken.notified().await;
        }
    }

    fn grant(self: &Arc<Self>, state: &mut State, bytes: usize) -> Turn {
        state.granted += bytes;
        Turn {
            turns: self.clone(),
            bytes,
        }
    }

    /// An event waits from now on, until it is [removed](Self::remove). `woken` is notified when it may be its turn.
    pub(super) fn enqueue(&self, of: Origin, bytes: usize, woken: Arc<Notify>) -> Place {
        self.0.lock().enqueue(of, bytes, woken)
    }

    /// Whether it is the turn of what waits there.
    pub(super) fn is_turn(&self, place: Place, has_room: impl Fn(usize) -> bool) -> bool {
        self.0.lock().is_turn(place, has_room)
    }

    /// What waits there does no longer.
    pub(super) fn remove(&self, place: Place) {
        let mut state = self.0.lock();
        state.remove(place);
        // It may have been woken, or been in the way of another.
        state.wake_first();
    }

    /// Bytes of a sender that wait for their turn.
    pub(crate) fn waiting_of(&self, sender: &UserId) -> usize {
        let state = self.0.lock();
        state.senders.get(sender).map_or(0, |line| line.bytes)
    }

    /// Whether something of the same sender or room waits.
    pub(super) fn has_waiting(&self, of: &Origin) -> bool {
        let state = self.0.lock();
        let sender = of
            .sender
            .as_ref()
            .and_then(|sender| state.senders.get(sender));
        let room = of.room.as_ref().and_then(|room| state.rooms.get(room));
        sender.or(room).is_some()
    }

    /// There may be room now.
    pub(crate) fn look_again(&self) {
        self.0.lock().wake_first();
    }
}

impl State {
    fn enqueue(&mut self, of: Origin, bytes: usize, woken: Arc<Notify>) -> Place {
        let sender = of
            .sender
            .clone()
            .map(|sender| line(&mut self.senders, sender));
        let room = of.room.clone().map(|room| line(&mut self.rooms, room));
        let mut lines = [sender, room];
        let before = lines.iter().flatten().map(|line| line.given).max();
        let given = before.unwrap_or(0).max(self.given) + bytes as u64;
        for line in lines.iter_mut().flatten() {
            line.given = given;
            line.events += 1;
            line.bytes += bytes;
        }
        self.count += 1;
        let place = Place(given, self.count);
        self.waiting.insert(place, Waiting { of, bytes, woken });
        place
    }

    fn is_turn(&mut self, place: Place, has_room: impl Fn(usize) -> bool) -> bool {
        let first = self.waiting.first_key_value();
        let is_turn = first.is_some_and(|(first, _)| *first == place) && has_room(self.granted);
        if is_turn {
            self.given = self.given.max(place.0);
        }
        is_turn
    }

    fn remove(&mut self, place: Place) {
        let Some(Waiting { of, bytes, .. }) = self.waiting.remove(&place) else {
            return;
        };
        if let Some(sender) = of.sender {
            leave(&mut self.senders, &sender, bytes);
        }
        if let Some(room) = of.room {
            leave(&mut self.rooms, &room, bytes);
        }
    }

    fn wake_first(&self) {
        if let Some((_, first)) = self.waiting.first_key_value() {
            first.woken.notify_one();
        }
    }
}

fn line<K: Eq + Hash>(lines: &mut HashMap<K, Line>, of: K) -> &mut Line {
    lines.entry(of).or_default()
}

fn leave<K: Eq + Hash>(lines: &mut HashMap<K, Line>, of: &K, bytes: usize) {
    if let Some(line) = lines.get_mut(of) {
        line.events -= 1;
        line.bytes -= bytes;
        if line.events == 0 {
            lines.remove(of);
        }
    }
}

/// A sender who waits, until this is dropped.
struct Enqueued<'a> {
    turns: &'a Turns,
    place: Place,
}

impl Drop for Enqueued<'_> {
    fn drop(&mut self) {
        self.turns.remove(self.place);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.0.lock();
        state.granted -= self.bytes;
        state.wake_first();
    }
}

#[cfg(test)]
mod tests;
