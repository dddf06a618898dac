//! How a connection ends: the one way in which others ask for it, and what its end does to the
//! transport.

use std::time::Duration;

use super::Connection;
use crate::model::DisconnectReason;

/// How long a client that is disconnected may take to close its connection.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// How the relay ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// At once: what waits to be written is lost.
    Now,
    /// After everything that was sent, the client receives DISCONNECT. It does not reconnect by
    /// itself.
    AfterFlush,
    /// After everything that was sent, the transport closes, so that the client reconnects.
    Reconnect,
}

impl Connection {
    /// Asks for the end of the connection. The first reason stays.
    pub(crate) fn close(&self, how: Close, why: DisconnectReason) {
        self.close_reason.lock().get_or_insert(why);
        match how {
            Close::Now => self.close_now(why),
            Close::AfterFlush => {
                // A client that is not connected yet is disconnected as soon as it is.
                if self.is_connected() || !self.gate.disconnect_when_open() {
                    self.open();
                    self.send_all_deferred();
                    self.disconnect(why);
                }
            }
            Close::Reconnect => {
                self.send_all_deferred();
                if let Some(carrier) = self.flow.carrier() {
                    carrier.close_gracefully(CLOSE_GRACE);
                }
            }
        }
    }

    pub(super) fn disconnect(&self, why: DisconnectReason) {
        self.end_packets();
        match self.socket.clone().disconnect() {
            Ok(()) => self.close_transport(),
            Err(_) => self.close_now(why),
        }
    }

    /// Nothing is written behind this but what the library writes.
    fn end_packets(&self) {
        if let Some(output) = self.output.get() {
            output.end_packets();
        }
    }

    fn close_now(&self, why: DisconnectReason) {
        if let Some(carrier) = self.flow.carrier() {
            carrier.close(why);
        }
    }

    /// The client may take a moment to close the transport itself.
    fn close_transport(&self) {
        if let Some(carrier) = self.flow.carrier() {
            carrier.close_within(CLOSE_GRACE);
        }
    }

    /// Why the relay ended it, if it was the relay.
    pub(crate) fn close_reason(&self) -> Option<DisconnectReason> {
        let by_carrier = || self.flow.carrier()?.close_reason();
        let asked = *self.close_reason.lock();
        asked.or_else(by_carrier)
    }

    /// Whether it is to be closed at once, or by closing its transport.
    pub(super) fn is_closing(&self) -> bool {
        self.close_reason().is_some() && !self.gate.will_disconnect()
    }

    /// It has ended: nothing more is sent, no sender waits for it, and its transport closes, too.
    pub(super) fn ended(&self) {
        self.gate.close();
        self.end_packets();
        self.drop_deferred();
        self.flow.close();
        self.close_transport();
    }

    /// Other users send nothing more to it: its client is about to reconnect to another node.
    pub(super) fn drain(&self) {
        self.gate.drain();
    }

    /// Whether other users are to send nothing more to it.
    pub(crate) fn is_draining(&self) -> bool {
        self.gate.is_draining()
    }

    /// Whether it has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }
}
