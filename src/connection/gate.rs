//! Events that a client is not to receive yet: before CONNECT, and while a guest becomes a member.
//! They wait here, in order, and are sent when the gate opens, so that none is lost or overtakes the
//! first.

use std::sync::atomic::{AtomicU8, Ordering};

use parking_lot::Mutex;

use crate::payload::SocketPacket;

/// Events wait.
const HELD: u8 = 1;
/// The client is to reconnect to another node: other users send it nothing more.
const DRAINING: u8 = 2;
/// The connection has ended.
const CLOSED: u8 = 4;

/// The way to a client: held at first, then open, at last closed.
#[derive(Debug)]
pub(super) struct Gate {
    /// Read without the lock. `HELD` and `CLOSED` change under it, so whoever reads that nothing is
    /// held any more can be sure that what waited is sent.
    state: AtomicU8,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    events: Vec<SocketPacket>,
    /// The client is to be disconnected as soon as it is connected.
    disconnects: bool,
}

impl Gate {
    /// A gate that holds events back.
    pub(super) fn held() -> Self {
        Self {
            state: AtomicU8::new(HELD),
            waiting: Mutex::default(),
        }
    }

    /// Whether events wait.
    pub(super) fn is_held(&self) -> bool {
        self.has(HELD)
    }

    /// Whether other users are to send nothing more.
    pub(super) fn is_draining(&self) -> bool {
        self.has(DRAINING)
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.has(CLOSED)
    }

    fn has(&self, flag: u8) -> bool {
        self.state.load(Ordering::Acquire) & flag != 0
    }

    fn set(&self, flag: u8) {
        self.state.fetch_or(flag, Ordering::AcqRel);
    }

    /// Whether events can be sent.
    pub(super) fn is_open(&self) -> bool {
        !self.has(HELD | CLOSED)
    }

    /// Lets an event wait, if events do; what is sent to a closed connection is dropped. `false`: it can be sent.
    pub(super) fn holds_back(&self, event: &SocketPacket) -> bool {
        let mut waiting = self.waiting.lock();
        if self.is_held() && !self.is_closed() {
            waiting.events.push(event.clone());
        }
        !self.is_open()
    }

    /// Events wait from now on.
    pub(super) fn hold(&self) {
        let _waiting = self.waiting.lock();
        if !self.is_closed() {
            self.set(HELD);
        }
    }

    /// Opens the gate: after `first`, `send` gets all that waited, in order. Whether the client is
    /// to be disconnected now, which was asked for before.
    pub(super) fn open(
        &self,
        first: Option<&SocketPacket>,
        mut send: impl FnMut(&SocketPacket),
    ) -> bool {
        let mut waiting = self.waiting.lock();
        first.into_iter().for_each(&mut send);
        let Waiting {
            events,
            disconnects,
        } = std::mem::take(&mut *waiting);
        events.iter().for_each(&mut send);
        self.state.fetch_and(!HELD, Ordering::AcqRel);
        disconnects
    }

    /// The client is to be disconnected as soon as the gate opens. `false`: it is open.
    pub(super) fn disconnect_when_open(&self) -> bool {
        let mut waiting = self.waiting.lock();
        let is_held = self.is_held();
        waiting.disconnects |= is_held;
        is_held
    }

    /// Whether the client is to be disconnected as soon as the gate opens.
    pub(super) fn will_disconnect(&self) -> bool {
        self.waiting.lock().disconnects
    }

    /// Other users send nothing more.
    pub(super) fn drain(&self) {
        self.set(DRAINING);
    }

    /// The connection has ended: what waits is dropped.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting.lock();
        *waiting = Waiting::default();
        self.state.store(CLOSED, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> SocketPacket {
        SocketPacket::event(name, &1, 0).unwrap()
    }

    fn waits(gate: &Gate, name: &str) -> bool {
        gate.holds_back(&event(name))
    }

    fn opened(gate: &Gate) -> (Vec<String>, bool) {
        let mut sent = Vec::new();
        let disconnects = gate.open(None, |event| {
            sent.push(String::from_utf8(event.text().to_vec()).unwrap());
        });
        (sent, disconnects)
    }

    #[test]
    fn what_waits_is_sent_once_and_in_order() {
        let gate = Gate::held();
        assert!(waits(&gate, "one") && waits(&gate, "two"));
        let both = vec![r#"42["one",1]"#.into(), r#"42["two",1]"#.into()];
        assert_eq!(opened(&gate), (both, false));
        assert!(!waits(&gate, "three"));
        assert_eq!(opened(&gate), (Vec::new(), false));
    }

    #[test]
    fn an_end_that_is_asked_for_early_comes_behind_what_waits() {
        let gate = Gate::held();
        assert!(gate.disconnect_when_open());
        assert!(waits(&gate, "one"));
        assert_eq!(opened(&gate), (vec![r#"42["one",1]"#.into()], true));
        assert!(!gate.disconnect_when_open());
    }

    #[test]
    fn nothing_waits_for_a_closed_connection() {
        let gate = Gate::held();
        assert!(waits(&gate, "one"));
        gate.close();
        assert!(gate.holds_back(&event("two")));
        gate.hold();
        assert!(!gate.is_held());
        assert_eq!(opened(&gate), (Vec::new(), false));
    }
}
