//! Sending what has to wait for its turn while the client is behind: events of rooms, and what has to come behind them.
//! What is sent to the client alone passes them, and each room waits for itself: who sends much to one does not hold
//! up the others.

use std::sync::Arc;

use super::Connection;
use super::deferred::{Added, Deferred};
use crate::payload::{Encode, FrameSizes, SocketPacket};
use crate::transport::Origin;

impl Connection {
    fn with_deferred(&self) -> Option<&Deferred> {
        let deferred = self.deferred.get();
        deferred.map(|all| &**all).filter(|all| all.any())
    }

    /// Whether an event of a room has to wait for its turn.
    pub(super) fn is_behind(&self) -> bool {
        self.with_deferred().is_some() || !self.flow.is_within_window(0)
    }

    /// An event waits for its turn. `false`: it is to be sent as any other.
    pub(super) fn defer(
        self: &Arc<Self>,
        of: Origin,
        frames: &FrameSizes,
        packet: SocketPacket,
    ) -> bool {
        let deferred = self.deferred.get_or_init(Box::default);
        let added = {
            let mut events = deferred.lock();
            if self.gate.is_held() || self.gate.is_closed() {
                return false;
            }
            deferred.add(&mut events, &self.flow, of, packet, frames)
        };
        match added {
            Added::Behind => {}
            Added::First => {
                tokio::spawn(send_in_turn(self.clone()));
            }
            Added::TooMuch => self.close_slow(),
        }
        true
    }

    /// Sends an event behind what waits of the same sender or room.
    pub(crate) fn send_behind<T: Encode>(
        self: &Arc<Self>,
        of: impl FnOnce() -> Origin,
        event: &str,
        payload: &T,
        frames: &FrameSizes,
    ) {
        let Some(packet) = SocketPacket::event(event, payload, frames[0]) else {
            return self.close_unwritable();
        };
        let is_deferred = self.with_deferred().is_some() && {
            let of = of();
            self.flow.has_waiting(&of) && self.defer(of, frames, packet.clone())
        };
        if is_deferred || self.send_packet(&packet, frames) {
            self.note_sent(event);
        }
    }

    /// Sends an event of a backend, which is encoded already: behind what waits of the same sender or room, where the
    /// client is behind. Nobody waits for that. Whether it was taken.
    pub(crate) fn send_in_turn(
        self: &Arc<Self>,
        of: impl FnOnce() -> Origin,
        packet: &SocketPacket,
        frames: &FrameSizes,
    ) -> bool {
        if self.is_closed() {
            return false;
        }
        let is_deferred = self.is_behind() && self.defer(of(), frames, packet.clone());
        let is_taken = match is_deferred {
            // It may have been too much.
            true => self.close_reason().is_none(),
            false => self.send_packet(packet, frames),
        };
        if is_taken {
            self.tally_sent();
        }
        is_taken
    }

    /// Sends what waits of a room, and what has to come before that. What is sent afterwards comes behind.
    pub(crate) fn send_deferred_of(&self, room: impl FnOnce() -> Origin) {
        if let Some(deferred) = self.with_deferred() {
            deferred.send_of(Some(&room()), &self.flow, |packet| self.write(packet));
        }
    }

    /// Sends all that waits.
    pub(super) fn send_all_deferred(&self) {
        if let Some(deferred) = self.with_deferred() {
            deferred.send_of(None, &self.flow, |packet| self.write(packet));
        }
    }

    /// Nothing waits any more: it has ended.
    pub(super) fn drop_deferred(&self) {
        if let Some(deferred) = self.deferred.get() {
            deferred.clear(&self.flow);
        }
    }
}

async fn send_in_turn(connection: Arc<Connection>) {
    let Some(deferred) = connection.deferred.get() else {
        return;
    };
    while deferred.send_due(&connection.flow, |packet| connection.write(packet)) {
        deferred.woken().await;
    }
}
