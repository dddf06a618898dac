//! A request by which a client asks what there is for it. It must not know what that is.

use axum::body::Bytes;
use axum::response::Response;

use super::answers;
use super::packet::{self, Packet};
use super::payload;
use super::pipe::Stage;
use super::session::Session;
use crate::model::DisconnectReason;
use crate::transport::Carrier as _;

/// A packet that says nothing, upon which a client polls again.
const NOTHING: Packet = Packet::Text(Bytes::from_static(b"6"));
/// What says that the session is over.
const OVER: Packet = Packet::Text(Bytes::from_static(&[packet::CLOSE]));

impl Session {
    /// Answers a poll, as soon as there is something. A client has one at a time, and is gone when that is.
    pub(crate) async fn poll(&self) -> Response {
        self.heard();
        if !self.polls.begin() {
            self.close(DisconnectReason::ProtocolError);
            return answers::bad_request();
        }
        let mut waiting = Waiting {
            session: self,
            is_answered: false,
        };
        let packets = self.wait_for_packets().await;
        waiting.is_answered = true;
        drop(waiting);
        self.writer.wake();
        let relayed = packets.iter().filter(|packet| packet.is_relayed()).count();
        if let Some(flow) = self.flow().filter(|_| relayed > 0) {
            flow.taken(relayed);
        }
        let (body, has_bytes) = payload::answer(&packets, self.revision, self.as_text);
        self.was_answered(body.len());
        answers::payload(body, has_bytes)
    }

    async fn wait_for_packets(&self) -> Vec<Packet> {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if let Some(packets) = self.packets() {
                return packets;
            }
            tokio::select! {
                () = changed => {}
                () = self.polls.asked() => return vec![NOTHING],
            }
        }
    }

    /// What a poll is answered with now. `None`: it waits.
    fn packets(&self) -> Option<Vec<Packet>> {
        let mut pipe = self.pipe.lock();
        let packets = match pipe.stage {
            Stage::Polling | Stage::Ended => pipe.take(),
            Stage::Upgrading | Stage::Upgraded(_) => Vec::new(),
        };
        match (packets.is_empty(), &pipe.stage) {
            (false, _) => Some(packets),
            (true, Stage::Polling) => None,
            (true, Stage::Ended) => Some(vec![self.last_packet()]),
            (true, _) => Some(vec![NOTHING]),
        }
    }

    /// What the poll that waits for the end of the session is answered with. Some clients take it for a wish that they stay
    /// away when they are told of the end, so it is told only to those that broke the protocol. Others find out by
    /// their next poll.
    fn last_packet(&self) -> Packet {
        match self.close_reason() {
            Some(DisconnectReason::ProtocolError) => OVER,
            _ => NOTHING,
        }
    }
}

/// A poll that waits as long as this is there: its client may go away at any time.
struct Waiting<'a> {
    session: &'a Session,
    is_answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.session.polls.end();
        if !self.is_answered {
            self.session.end();
        }
    }
}
