//! A WebSocket as what carries a connection.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{ASK_INTERVAL_MS, INJECT_CLOSE, Link, NONE, UNBOUNDED};
use crate::model::DisconnectReason;
use crate::payload::SocketPacket;
use crate::transport::attach::Attach;
use crate::transport::carrier::Carrier;
use crate::transport::clock::now_ms;
use crate::transport::flow::Flow;
use crate::transport::receive::Receive;

impl Attach for Link {
    fn carried(&self) -> Option<Arc<Flow>> {
        self.flow().cloned()
    }

    fn carry(self: Arc<Self>, flow: &Arc<Flow>) {
        let carrier: Weak<Self> = Arc::downgrade(&self);
        flow.attach(carrier);
        // It is set already where another connection was carried before, which it goes on for.
        let _ = self.flow.set(flow.clone());
        self.take_packets(true);
        self.deadline.store(NONE, Ordering::Relaxed);
    }

    fn deliver_to(&self, receiver: Weak<dyn Receive>) {
        self.receiver.set(receiver);
    }

    fn write(self: Arc<Self>, packet: &SocketPacket) {
        self.put_packet(packet);
    }

    fn carry_admin(&self) {
        self.has_admin.store(true, Ordering::Release);
        self.deadline.store(NONE, Ordering::Relaxed);
        if self.flow().is_none() {
            self.allow(None);
        }
    }

    fn leave_admin(self: Arc<Self>, grace: Duration) {
        self.has_admin.store(false, Ordering::Release);
        if self.flow().is_none_or(|flow| flow.is_closed()) {
            self.set_deadline(grace);
        }
    }

    fn offer(self: Arc<Self>, packet: &SocketPacket) -> bool {
        self.put_offered(packet)
    }

    fn end_packets(&self) {
        self.take_packets(false);
    }
}

impl Carrier for Link {
    fn wake_reader(&self) {
        self.reader.wake();
    }

    fn ask(&self) {
        let now = now_ms();
        let due = self.asked_at.load(Ordering::Relaxed) + ASK_INTERVAL_MS;
        if now >= due {
            self.asked_at.store(now, Ordering::Relaxed);
            self.asks.store(true, Ordering::Relaxed);
            self.reader.wake();
        }
    }

    fn allow(&self, bytes: Option<u64>) {
        self.allowance
            .store(bytes.unwrap_or(UNBOUNDED), Ordering::Relaxed);
    }

    fn close(&self, reason: DisconnectReason) {
        let _ = self.close_reason.set(reason);
        self.reader.wake();
        self.writer.wake();
    }

    fn close_gracefully(self: Arc<Self>, grace: Duration) {
        self.set_deadline(grace);
        self.inject(INJECT_CLOSE);
    }

    fn close_within(self: Arc<Self>, grace: Duration) {
        // An administrator on it does not end with a connection.
        if !self.has_admin() {
            self.set_deadline(grace);
        }
    }

    fn close_reason(&self) -> Option<DisconnectReason> {
        self.close_reason.get().copied()
    }
}
