//! Sending to a client: every event is counted by flow control, and waits while the gate is held. A
//! client that takes too little is disconnected.

use serde::Serialize;
use smallvec::smallvec;
use socketioxide::extract::AckSender;
use socketioxide::{BroadcastError, SendError, SocketError};

use super::gate::Held;
use super::{Close, Connection};
use crate::model::DisconnectReason;
use crate::payload::{EncodedEvent, FrameSizes, Opaque};

/// The size that is counted for a small event of the relay's own, in bytes.
pub(crate) const SMALL_EVENT: usize = 256;

impl Connection {
    /// Sends a small event of the relay's own.
    pub(crate) fn send<T: Serialize>(&self, event: &'static str, payload: &T) {
        self.send_sized(event, payload, &smallvec![SMALL_EVENT]);
    }

    /// Sends an event that becomes frames of these sizes.
    pub(crate) fn send_sized<T: Serialize>(&self, event: &str, payload: &T, frames: &FrameSizes) {
        if !self.hand_over(frames) {
            return;
        }
        if self.gate.is_held() {
            match self.gate.hold_back(|| EncodedEvent::new(event, payload)) {
                Held::Open => {}
                Held::Done => return,
                Held::Unwritable => return self.close_unwritable(),
            }
        }
        self.sent(self.socket.emit(event, payload));
    }

    /// Sends an event that was written on another node.
    pub(crate) fn send_encoded(&self, event: &EncodedEvent) {
        let emit = |payload: &Opaque<'_>, frames: &FrameSizes| {
            self.send_sized(event.event(), payload, frames);
        };
        if event.with_payload(emit).is_err() {
            tracing::error!("an event of another server could not be read");
        }
    }

    /// Answers an event's callback, with a small object.
    pub(crate) fn acknowledge<T: Serialize>(&self, ack: AckSender, payload: &T) {
        self.acknowledge_with(ack, payload, &smallvec![SMALL_EVENT]);
    }

    /// The same, with an object that becomes frames of these sizes.
    pub(crate) fn acknowledge_with<T: Serialize>(
        &self,
        ack: AckSender,
        payload: &T,
        frames: &FrameSizes,
    ) {
        if self.hand_over(frames) {
            self.sent(ack.send(payload));
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

    fn sent(&self, result: Result<(), SendError>) {
        match result {
            // A closed connection gets nothing more: its client knows by that.
            Ok(()) | Err(SendError::Socket(SocketError::Closed)) => {}
            Err(SendError::Socket(_)) => self.close_slow(),
            Err(SendError::Serialize(_)) => self.close_unwritable(),
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

    /// Whether what is sent to it waits.
    pub(super) fn is_held(&self) -> bool {
        self.gate.is_held()
    }

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
        self.open_behind(|| {
            if fits {
                self.sent(self.socket.emit(first, payload));
            }
        });
    }

    /// Sends what waited; what comes later is sent at once.
    pub(super) fn open(&self) {
        self.open_behind(|| {});
    }

    fn open_behind(&self, first: impl FnOnce()) {
        if self.gate.open(first, |event| self.emit_encoded(event)) {
            let why = self.close_reason();
            self.disconnect(why.unwrap_or(DisconnectReason::ServerClosed));
        }
    }

    /// Sends an event that has waited, and is counted already.
    pub(super) fn emit_encoded(&self, event: &EncodedEvent) {
        let emit = |payload: &Opaque<'_>, _: &FrameSizes| {
            self.sent(self.socket.emit(event.event(), payload));
        };
        if event.with_payload(emit).is_err() {
            tracing::error!("an event that waited could not be read");
        }
    }

    // Its rooms.

    /// Enters a room of the library. One that has ended does not: it would never be removed.
    pub(super) fn enter_room(&self, name: &str) {
        self.gate
            .unless_closed(|| self.socket.join(name.to_owned()));
    }

    /// Leaves a room of the library.
    pub(super) fn leave_room(&self, name: &str) {
        self.socket.leave(name.to_owned());
    }

    /// Sends an event to all in a room of the library, or to all but one. They have counted its
    /// frames.
    pub(super) async fn broadcast<T: Serialize + Sync>(
        &self,
        room: &str,
        except: Option<&Self>,
        event: &'static str,
        payload: &T,
    ) {
        let room = room.to_owned();
        let receivers = match except {
            None => self.socket.within(room),
            Some(except) => except.socket.to(room),
        };
        match receivers.emit(event, payload).await {
            // Closed connections get nothing more. No channel is full: each has room for more frames
            // than its budget lets wait (`FlowLimits::max_frames`).
            Ok(()) | Err(BroadcastError::Socket(_)) => {}
            Err(error) => tracing::error!(%error, "an event could not be sent to a room"),
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
