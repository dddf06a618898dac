//! A session as what carries a connection: by the requests of a client that polls, or by the WebSocket that was chosen.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Session, UNBOUNDED};
use crate::engine_io::pipe::Stage;
use crate::model::DisconnectReason;
use crate::payload::SocketPacket;
use crate::transport::{Attach, Carrier, Flow, Receive};

impl Attach for Session {
    fn carried(&self) -> Option<Arc<Flow>> {
        self.flow().cloned()
    }

    fn deliver_to(&self, receiver: Weak<dyn Receive>) {
        if let Some(link) = self.link.get() {
            link.deliver_to(receiver.clone());
        }
        self.receiver.set(receiver);
    }

    fn write(self: Arc<Self>, packet: &SocketPacket) {
        let mut pipe = self.pipe.lock();
        if matches!(pipe.stage, Stage::Upgraded(_)) && !pipe.packets_ended {
            drop(pipe);
            if let Some(link) = self.link.get() {
                link.clone().write(packet);
            }
        } else if pipe.put_packet(packet) {
            drop(pipe);
            self.changed.notify_waiters();
        }
    }

    fn carry_admin(&self) {
        self.has_admin.store(true, Ordering::Release);
        if self.flow().is_none() {
            self.allow(None);
        }
        if let Some(link) = self.link.get() {
            link.carry_admin();
        }
    }

    fn leave_admin(self: Arc<Self>, grace: Duration) {
        self.has_admin.store(false, Ordering::Release);
        match self.link.get() {
            Some(link) => link.clone().leave_admin(grace),
            None if self.is_used() => {}
            None => self.close_within(grace),
        }
    }

    fn offer(self: Arc<Self>, packet: &SocketPacket) -> bool {
        let mut pipe = self.pipe.lock();
        if let Stage::Upgraded(_) = pipe.stage {
            drop(pipe);
            let link = self.link.get();
            return link.is_some_and(|link| link.clone().offer(packet));
        }
        let is_taken = pipe.offer(packet);
        drop(pipe);
        if is_taken {
            self.changed.notify_waiters();
        }
        is_taken
    }

    fn end_packets(&self) {
        self.pipe.lock().packets_ended = true;
        if let Some(link) = self.link.get() {
            link.end_packets();
        }
    }

    fn carry(self: Arc<Self>, flow: &Arc<Flow>) {
        self.pipe.lock().packets_ended = false;
        let carrier: Weak<Self> = Arc::downgrade(&self);
        // It is set already where another connection was carried before, which it goes on for.
        let _ = self.flow.set(flow.clone());
        self.connections.fetch_add(1, Ordering::Relaxed);
        match self.link.get() {
            Some(link) => self.carry_by(link, flow),
            None => flow.attach(carrier),
        }
    }
}

impl Carrier for Session {
    fn is_polling(&self) -> bool {
        true
    }

    fn wake_reader(&self) {
        self.reader.wake();
    }

    fn ask(&self) {
        self.polls.ask();
    }

    fn reading_time(&self, rate: u64) -> Duration {
        self.polls.reading_time(rate)
    }

    fn allow(&self, bytes: Option<u64>) {
        self.allowance
            .store(bytes.unwrap_or(UNBOUNDED), Ordering::Relaxed);
    }

    fn close(&self, reason: DisconnectReason) {
        // The first reason stays.
        let _ = self.close_reason.set(reason);
        match self.link.get() {
            Some(link) => link.close(reason),
            None => self.end(),
        }
    }

    fn close_gracefully(self: Arc<Self>, grace: Duration) {
        match self.link.get() {
            Some(link) => link.clone().close_gracefully(grace),
            None => self.end(),
        }
    }

    fn close_within(self: Arc<Self>, grace: Duration) {
        if let Some(link) = self.link.get() {
            return link.clone().close_within(grace);
        }
        let session = Arc::downgrade(&self);
        let connections = self.connections.load(Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            if let Some(session) = session.upgrade()
                && session.connections.load(Ordering::Relaxed) == connections
                && !session.has_admin()
            {
                session.end();
            }
        });
    }

    fn close_reason(&self) -> Option<DisconnectReason> {
        self.close_reason.get().copied()
    }
}
