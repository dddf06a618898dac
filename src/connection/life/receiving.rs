//! What a client sends of events, from its packets to the inbox. It must not know what they come by.

use std::sync::Arc;

use bytes::Bytes;

use super::Life;
use super::handler::Handler;
use crate::connection::Close;
use crate::model::DisconnectReason;
use crate::payload::{Assembly, BadPacket, RawEvent};
use crate::transport::Receive;

impl<H: Handler> Receive for Life<H> {
    fn is_open(&self) -> bool {
        self.connection.is_connected()
    }

    fn text(self: Arc<Self>, packet: String) {
        self.take(|assembly| assembly.text(packet));
    }

    fn attachment(self: Arc<Self>, bytes: Bytes) {
        self.take(|assembly| assembly.attachment(bytes));
    }
}

impl<H: Handler> Life<H> {
    /// Takes a packet in, and handles the event that is complete by it.
    fn take(
        self: Arc<Self>,
        put: impl FnOnce(&mut Assembly) -> Result<Option<RawEvent>, BadPacket>,
    ) {
        let taken = {
            let mut assembly = self.assembly.lock();
            let Some(assembly) = &mut *assembly else {
                return;
            };
            let before = assembly.bytes();
            let taken = put(assembly);
            self.count_incomplete(before, assembly.bytes());
            taken
        };
        match taken {
            Ok(Some(event)) => {
                self.push(event);
                self.work_now_if_idle();
            }
            Ok(None) => {}
            Err(BadPacket) => self.close_as_faulty(),
        }
    }

    /// Adds an event. To be called in the order in which events come.
    fn push(&self, event: RawEvent) {
        if !self.inbox.push(event) {
            self.close_as_faulty();
        }
    }

    /// Nothing more is taken in.
    pub(super) fn end_receiving(&self) {
        if let Some(assembly) = self.assembly.lock().take() {
            self.count_incomplete(assembly.bytes(), 0);
        }
    }

    fn count_incomplete(&self, before: usize, now: usize) {
        let flow = self.connection.flow();
        if now > before {
            flow.arrived(now - before);
        } else if now < before {
            flow.assembled(before - now);
        }
    }

    /// Ends the connection of a client that breaks the protocol.
    pub(crate) fn close_as_faulty(&self) {
        self.connection
            .close(Close::Now, DisconnectReason::ProtocolError);
    }
}
