//! Events of rooms that wait since their receiver is behind, until it is their turn. It must not know what an event
//! means, or how one is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::payload::{FrameSizes, SocketPacket};
use crate::transport::{Flow, Origin, Place};

/// What waits for one connection.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// Read without the lock: only whoever has sent the last of them says that there are none.
    any: AtomicBool,
    events: Mutex<Events>,
    woken: Arc<Notify>,
}

#[derive(Debug, Default)]
pub(super) struct Events {
    waiting: BTreeMap<Place, Waiting>,
    /// A task sends them.
    is_sending: bool,
}

#[derive(Debug)]
struct Waiting {
    event: SocketPacket,
    frames: FrameSizes,
    room: Option<Arc<str>>,
}

/// What became of an event that is to wait.
pub(super) enum Added {
    /// It waits, and is sent with the others.
    Behind,
    /// It waits, and nobody sends it yet.
    First,
    /// Too much waits for the connection.
    TooMuch,
}

impl Deferred {
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// While this is held, none is added and none is sent.
    pub(super) fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock()
    }

    /// Adds an event.
    pub(super) fn add(
        &self,
        events: &mut Events,
        flow: &Flow,
        of: Origin,
        event: SocketPacket,
        frames: &FrameSizes,
    ) -> Added {
        let room = of.room.clone();
        let Some(place) = flow.defer(frames, of, &self.woken) else {
            return Added::TooMuch;
        };
        let frames = frames.clone();
        let waiting = Waiting {
            event,
            frames,
            room,
        };
        events.waiting.insert(place, waiting);
        self.any.store(true, Ordering::Release);
        match std::mem::replace(&mut events.is_sending, true) {
            true => Added::Behind,
            false => Added::First,
        }
    }

    /// Sends those whose turn it is. Whether others wait.
    pub(super) fn send_due(&self, flow: &Flow, send: impl FnMut(&SocketPacket)) -> bool {
        let mut events = self.events.lock();
        events.send_while(flow, |place| flow.is_turn(place), send);
        events.is_sending = !events.waiting.is_empty();
        self.any.store(events.is_sending, Ordering::Release);
        events.is_sending
    }

    /// Waits until it may be somebody's turn.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Sends what waits of a room, and what has to come before that; of no room, all.
    pub(super) fn send_of(
        &self,
        room: Option<&Origin>,
        flow: &Flow,
        send: impl FnMut(&SocketPacket),
    ) {
        let mut events = self.events.lock();
        let is_of = |(_, one): &(&Place, &Waiting)| room.is_none_or(|of| one.room == of.room);
        let last = events.waiting.iter().rfind(is_of).map(|(place, _)| *place);
        if let Some(last) = last {
            events.send_while(flow, |place| place <= last, send);
        }
    }

    /// Nothing waits any more: the connection has ended.
    pub(super) fn clear(&self, flow: &Flow) {
        let waiting = std::mem::take(&mut self.events.lock().waiting);
        for place in waiting.into_keys() {
            flow.give_up(place);
        }
        self.woken.notify_one();
    }
}

impl Events {
    fn send_while(
        &mut self,
        flow: &Flow,
        is_next: impl Fn(Place) -> bool,
        mut send: impl FnMut(&SocketPacket),
    ) {
        while let Some(first) = self.waiting.first_entry() {
            if !is_next(*first.key()) {
                return;
            }
            let (place, waiting) = first.remove_entry();
            flow.hand_over_deferred(&waiting.frames, place);
            send(&waiting.event);
        }
    }
}
