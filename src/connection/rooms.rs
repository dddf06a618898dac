//! Rooms: their names, in one place, and the way an event reaches all who are in one, written once
//! for all of them.

use std::num::NonZeroU32;
use std::sync::Arc;

use futures_util::future::select_all;
use serde::Serialize;
use smallvec::SmallVec;

use crate::connection::{Connection, Patience};
use crate::metrics::events;
use crate::model::UserId;
use crate::payload::{FrameSizes, SocketPacket};
use crate::transport::Origin;

/// The name that clients see for the room of two users: their ids, sorted and joined by `_`. Clients make it themselves
/// by `sort`, which compares UTF-16 code units. It is sent, never parsed: ids may contain a `_` themselves.
pub(crate) fn pair(one: &UserId, other: &UserId) -> String {
    let units = |user: &UserId| {
        user.as_str()
            .encode_utf16()
            .collect::<SmallVec<[u16; 32]>>()
    };
    let (first, second) = if units(one) <= units(other) {
        (one, other)
    } else {
        (other, one)
    };
    format!("{}_{}", first.as_str(), second.as_str())
}

/// What the events of a conversation keep their order with at a receiver that is behind: those of all its rooms.
pub(crate) fn of_conversation(id: &str) -> Origin {
    of_room(format!("conversation:{id}").into())
}

/// What those of a session do: those of all sessions, since a member has no account by which what they send to one
/// could keep its order with what they send to another.
pub(crate) fn of_sessions() -> Origin {
    of_room("sessions".into())
}

/// What events of backends keep their order with, besides a room.
pub(crate) fn of_backend(room: Option<Origin>) -> Origin {
    Origin {
        sender: Some(UserId::backend()),
        room: room.and_then(|room| room.room),
    }
}

fn of_room(name: Arc<str>) -> Origin {
    Origin {
        sender: None,
        room: Some(name),
    }
}

/// The connections of this server that are in one room. Whoever owns it decides who enters, and in
/// which order events go out.
#[derive(Debug)]
pub(crate) struct Room {
    origin: Origin,
    connections: Vec<Arc<Connection>>,
}

/// Whom in a room an event is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To<'a> {
    /// All.
    Everyone,
    /// All but this one.
    Others(&'a Connection),
}

impl<'a> To<'a> {
    /// Whether it is for this one.
    pub(crate) fn includes(self, connection: &Connection) -> bool {
        self.except()
            .is_none_or(|except| !std::ptr::eq(except, connection))
    }

    fn except(self) -> Option<&'a Connection> {
        match self {
            Self::Everyone => None,
            Self::Others(except) => Some(except),
        }
    }
}

impl Room {
    /// A room that is empty, and what its events keep their order with.
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            connections: Vec::new(),
        }
    }

    /// Adds a connection.
    pub(crate) fn enter(&mut self, connection: &Arc<Connection>) {
        self.connections.push(connection.clone());
    }

    /// Removes a connection.
    pub(crate) fn leave(&mut self, connection: &Arc<Connection>) {
        self.connections
            .retain(|other| !Arc::ptr_eq(other, connection));
    }

    /// Whether nobody is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Sends one of them an event, behind what waits of the room.
    pub(crate) fn send_to<T: Serialize>(
        &self,
        receiver: &Arc<Connection>,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) {
        receiver.send_behind(|| self.origin(None), event, payload, frames);
    }

    /// Sends an event of a user, or of nobody, that becomes frames of these sizes. With receivers that are behind it
    /// waits for its turn. One that has far too much waiting is disconnected, and receives nothing more.
    pub(crate) fn send_sized<T: Serialize>(
        &self,
        to: To<'_>,
        sender: Option<&UserId>,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> Lagging {
        let mut lagging = Lagging {
            bytes: frames.iter().sum(),
            ..Lagging::default()
        };
        let receivers = self.connections.iter();
        let mut receivers = receivers.filter(|other| to.includes(other)).peekable();
        if receivers.peek().is_none() {
            return lagging;
        }
        let Some(packet) = SocketPacket::event(event, payload, frames[0]) else {
            receivers.for_each(|receiver| receiver.close_unwritable());
            return lagging;
        };
        let dialect = receivers.peek().map(|receiver| receiver.dialect());
        let mut sent = 0;
        for receiver in receivers {
            let is_deferred =
                receiver.is_behind() && receiver.defer(self.origin(sender), frames, packet.clone());
            if is_deferred || receiver.send_packet(&packet, frames) {
                lagging.note(receiver);
                receiver.tally_sent();
                sent += 1;
            }
        }
        if let Some(dialect) = dialect {
            events::sent(event, dialect, sent);
        }
        lagging
    }

    fn origin(&self, sender: Option<&UserId>) -> Origin {
        Origin {
            sender: sender.cloned(),
            ..self.origin.clone()
        }
    }
}

/// Receivers that have more waiting than they should, and how many bytes each was sent. Who sent it
/// waits for them before it sends more.
#[must_use]
#[derive(Debug, Default)]
pub(crate) struct Lagging {
    receivers: SmallVec<[Arc<Connection>; 2]>,
    bytes: usize,
}

impl Lagging {
    /// The one receiver of frames of these sizes, if others may wait for their turn to send to it.
    pub(crate) fn one(receiver: &Arc<Connection>, frames: &FrameSizes) -> Self {
        Self::any(std::iter::once(receiver), frames)
    }

    /// The same, of which each is as good as the others: there is somebody to wait for only if all of them lag.
    pub(crate) fn any<'a>(
        receivers: impl Iterator<Item = &'a Arc<Connection>> + Clone,
        frames: &FrameSizes,
    ) -> Self {
        let lags = |receiver: &Arc<Connection>| !receiver.flow().is_within_window(0);
        Self {
            receivers: match receivers.clone().all(lags) {
                true => receivers.cloned().collect(),
                false => SmallVec::new(),
            },
            bytes: frames.iter().sum(),
        }
    }

    fn note(&mut self, receiver: &Arc<Connection>) {
        if !receiver.flow().has_room() {
            self.receivers.push(receiver.clone());
        }
    }

    /// The same for what was sent to others besides.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.receivers.extend(other.receivers);
        self.bytes += other.bytes;
        self
    }

    /// The same for what was sent to others instead.
    pub(crate) fn or(mut self, other: Self) -> Self {
        self.receivers.extend(other.receivers);
        self.bytes = self.bytes.max(other.bytes);
        self
    }

    /// Waits for the one receiver of something, or one of those that are as good, until it is the turn of its sender
    /// again, who is made no slower than `rate`, in bytes per second, unless it is much.
    pub(crate) async fn wait_for_one(self, sender: &UserId, rate: NonZeroU32) {
        let receivers = self.receivers.iter();
        let turns = receivers.map(|one| Box::pin(one.flow().wait_for_turn(sender, self.bytes)));
        let turns: Vec<_> = turns.collect();
        if !turns.is_empty() {
            let turn = Patience::with(self.bytes, rate).wait_for(select_all(turns));
            drop(turn.await);
        }
    }

    async fn drained(self) {
        for receiver in self.receivers {
            receiver.flow().wait_for_room().await;
        }
    }

    /// Waits until none lags, but no longer than sending at `rate`, in bytes per second, would take:
    /// a receiver that is too slow must not hold up the others of its room. It is disconnected when
    /// twice its budget waits for it.
    pub(crate) async fn wait_at_rate(self, rate: NonZeroU32) {
        Patience::at_rate(self.bytes, rate)
            .wait_for(self.drained())
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_one_name_from_either_side() {
        let (a, b) = (UserId::parse("b2"), UserId::parse("b10"));
        let (a, b) = (a.expect("an id"), b.expect("an id"));
        assert_eq!(pair(&a, &b), "b10_b2");
        assert_eq!(pair(&b, &a), "b10_b2");
    }
}
