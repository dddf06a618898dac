//! Sending to a client: every event is counted by flow control, and waits while the gate is held. A
//! client that takes too little is disconnected.

use serde::Serialize;
use smallvec::smallvec;

use super::{Close, Connection};
use crate::metrics::events;
use crate::model::DisconnectReason;
use crate::payload::{AckId, Encode, EncodedEvent, FrameSizes, SocketPacket};

/// The size that is counted for a small event of the relay's own, in bytes.
pub(crate) const SMALL_EVENT: usize = 256;

impl Connection {
    /// Sends a small event of the relay's own.
    pub(crate) fn send<T: Serialize>(&self, event: &'static str, payload: &T) {
        self.send_sized(event, payload, &smallvec![SMALL_EVENT]);
    }

    /// Sends an event that becomes frames of these sizes.
    pub(crate) fn send_sized<T: Encode>(&self, event: &str, payload: &T, frames: &FrameSizes) {
        if self.hand_over(frames) {
            self.note_sent(event);
            match SocketPacket::event(event, payload, frames[0]) {
                Some(packet) => self.write_or_hold(&packet),
                None => self.close_unwritable(),
            }
        }
    }

    /// Sends a packet that is encoded already; whether it was taken.
    pub(super) fn send_packet(&self, packet: &SocketPacket, frames: &FrameSizes) -> bool {
        let is_taken = self.hand_over(frames);
        if is_taken {
            self.write_or_hold(packet);
        }
        is_taken
    }

    /// An event of this name is handed to it.
    pub(super) fn note_sent(&self, event: &str) {
        events::sent(event, self.dialect(), 1);
        self.tally_sent();
    }

    /// The same without its name.
    pub(super) fn tally_sent(&self) {
        if let Some(tally) = self.flow.counted().tally() {
            tally.events_out.inc();
        }
    }

    /// Sends an event that was written on another node.
    pub(crate) fn send_encoded(&self, event: &EncodedEvent) {
        match event.packet() {
            Ok((packet, frames)) => {
                if self.send_packet(&packet, &frames) {
                    self.note_sent(event.name());
                }
            }
            Err(_) => tracing::error!("an event of another server could not be read"),
        }
    }

    /// Answers an event's callback, with a small object.
    pub(crate) fn acknowledge<T: Serialize>(&self, ack: AckId, payload: &T) {
        self.acknowledge_with(ack, payload, &smallvec![SMALL_EVENT]);
    }

    /// The same, with an object that becomes frames of these sizes.
    pub(crate) fn acknowledge_with<T: Serialize>(
        &self,
        ack: AckId,
        payload: &T,
        frames: &FrameSizes,
    ) {
        if self.hand_over(frames) {
            match SocketPacket::acknowledgement(ack, payload, frames[0]) {
                Some(packet) => self.write(&packet),
                None => self.close_unwritable(),
            }
        }
    }

    /// Counts frames of these sizes as sent. `false`: too much waits for the client already, and it
    /// is disconnected.
    pub(super) fn hand_over(&self, frames: &FrameSizes) -> bool {
        let taken = self.flow.hand_over(frames);
        if !taken {
            self.close_slow();
        }
        taken
    }

    /// Writes a packet, or lets it wait.
    fn write_or_hold(&self, packet: &SocketPacket) {
        if self.gate.is_open() || !self.gate.holds_back(packet) {
            self.write(packet);
        }
    }

    /// Writes a packet that is counted.
    pub(super) fn write(&self, packet: &SocketPacket) {
        if let Some(output) = self.output.get() {
            output.clone().write(packet);
        }
    }

    pub(super) fn close_slow(&self) {
        self.close(Close::Now, DisconnectReason::SlowConsumer);
    }

    pub(super) fn close_unwritable(&self) {
        tracing::error!(connection = %self.id, "an event could not be written");
        self.close(Close::Now, DisconnectReason::ServerClosed);
    }

    // Waiting until it is open.

    /// What is sent to it waits from now on, until it is [opened](Self::open_with), or the value
    /// is dropped.
    pub(crate) fn hold(&self) -> Holding<'_> {
        self.gate.hold();
        self.send_all_deferred();
        Holding(self)
    }

    /// Sends this small event, then what waited; what comes later is sent at once.
    pub(crate) fn open_with<T: Serialize>(&self, first: &'static str, payload: &T) {
        let fits = self.hand_over(&smallvec![SMALL_EVENT]);
        let packet = SocketPacket::event(first, payload, SMALL_EVENT).filter(|_| fits);
        if packet.is_some() {
            self.note_sent(first);
        }
        self.open_behind(packet.as_ref());
    }

    /// Sends what waited; what comes later is sent at once.
    pub(super) fn open(&self) {
        self.open_behind(None);
    }

    fn open_behind(&self, first: Option<&SocketPacket>) {
        if self.gate.open(first, |packet| self.write(packet)) {
            let why = self.close_reason();
            self.disconnect(why.unwrap_or(DisconnectReason::ServerClosed));
        }
    }
}

/// What is sent to a connection waits as long as this is there.
#[derive(Debug)]
pub(crate) struct Holding<'a>(&'a Connection);

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.open();
    }
}
