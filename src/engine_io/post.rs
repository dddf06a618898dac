//! A request by which a client sends: its packets are handed over in their order, those of events to their receiver and
//! others to the library, and it is answered when they are read. It must not look into an event.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use bytes::BytesMut;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::answers;
use super::packet::{self, Packet};
use super::payload::{Counted, Malformed, Posted};
use super::pipe::Stage;
use super::session::Session;
use super::settings::FRAMING;
use crate::model::DisconnectReason;
use crate::transport::{Carrier as _, ENTRY_PAUSE, PREFIX, TooSlow};

/// How many packets of no event one request may have that is of nobody who has entered.
const MAX_CONTROLS: u32 = 100;
/// How many packets are handed over before it is looked whether they are read.
const AT_ONCE: usize = 64;

/// Why what a client sends is not taken in.
pub(super) enum Refused {
    /// It is no payload, or has more packets than are allowed.
    Wrong,
    /// It is larger than is allowed.
    TooLarge,
    /// The session is over, or carried otherwise.
    Over,
    /// The client went away while it sent it.
    Gone,
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self::Wrong
    }
}

impl Session {
    /// Takes in what a client posts.
    pub(crate) async fn post(&self, headers: &HeaderMap, body: Body) -> Response {
        const BYTES: &[u8] = b"application/octet-stream";
        self.heard();
        let _turn = self.posting.lock().await;
        let has_bytes = headers.get(CONTENT_TYPE);
        let has_bytes = has_bytes.is_some_and(|it| it.as_bytes() == BYTES);
        match self.take_in(body, has_bytes).await {
            Ok(()) => answers::posted(),
            Err(why) => {
                match why {
                    Refused::Wrong | Refused::TooLarge => {
                        self.close(DisconnectReason::ProtocolError);
                    }
                    Refused::Gone => self.end(),
                    Refused::Over => {}
                }
                match why {
                    Refused::TooLarge => answers::too_large(),
                    Refused::Wrong | Refused::Gone | Refused::Over => answers::bad_request(),
                }
            }
        }
    }

    async fn take_in(&self, body: Body, has_bytes: bool) -> Result<(), Refused> {
        if let Some(flow) = self.flow() {
            let _waits = ClientWaits::begin(self);
            flow.readable().await;
        }
        let mut arriving = Arriving {
            session: self,
            bytes: 0,
        };
        let body = arriving.read(body).await?;
        self.was_posted(body.len());
        let mut posted = Posted::new(self.revision, has_bytes, body);
        if !self.allows(posted.count()?, arriving.bytes) {
            return Err(Refused::Wrong);
        }
        for number in 1.. {
            let Some(packet) = posted.next()? else { break };
            self.wait_to_enter(&packet).await;
            self.take_packet(packet).await?;
            if number % AT_ONCE == 0 && !self.is_read().await {
                return Err(Refused::Over);
            }
        }
        // It may be over by what it was sent.
        self.is_read().await;
        Ok(())
    }

    /// Whether one request may have that many packets, of so many bytes.
    fn allows(&self, counted: Counted, bytes: usize) -> bool {
        match self.flow() {
            Some(flow) => {
                let may_wait = flow.may_wait(counted.packets, bytes);
                may_wait && (counted.controls == 0 || flow.allows_controls(counted.controls))
            }
            None => counted.controls <= MAX_CONTROLS,
        }
    }

    /// A further try to enter comes a little later.
    pub(super) async fn wait_to_enter(&self, packet: &Packet) {
        let is_further = match packet {
            Packet::Text(text) => self.entry.lock().is_further(text),
            Packet::Binary(_) => false,
        };
        if is_further {
            tokio::time::sleep(ENTRY_PAUSE).await;
        }
    }

    /// Hands a packet over, behind those before it.
    pub(super) async fn take_packet(&self, packet: Packet) -> Result<(), Refused> {
        if !packet.is_relayed() || self.receiver.open().is_none() {
            return self.hand_in(&packet);
        }
        // Whether the client is still in is known when the library has read all before.
        if !self.is_read().await {
            return Err(Refused::Over);
        }
        if let Some(flow) = self.flow().filter(|flow| flow.reading_paused()) {
            let _waits = ClientWaits::begin(self);
            flow.goes_on().await;
        }
        let Some(receiver) = self.receiver.open() else {
            return self.hand_in(&packet);
        };
        if packet.len() > self.settings.max_payload + FRAMING {
            return Err(Refused::TooLarge);
        }
        if self.pipe.lock().is_over() {
            return Err(Refused::Over);
        }
        match packet {
            Packet::Text(text) => {
                let text = String::from_utf8(text.into()).map_err(|_| Refused::Wrong)?;
                receiver.text(text);
            }
            Packet::Binary(bytes) => receiver.attachment(bytes),
        }
        Ok(())
    }

    /// Hands a packet to the library, behind those before it.
    fn hand_in(&self, packet: &Packet) -> Result<(), Refused> {
        if packet.len() > self.settings.max_payload + FRAMING {
            return Err(Refused::TooLarge);
        }
        if let Packet::Text(text) = packet {
            let prefix = &text[..text.len().min(PREFIX)];
            let flow = self.flow().map(|flow| &**flow);
            if !self.entry.lock().allows(prefix, flow) {
                return Err(Refused::Wrong);
            }
        }
        let mut pipe = self.pipe.lock();
        if pipe.is_over() {
            return Err(Refused::Over);
        }
        match packet.kind() {
            Some(packet::MESSAGE | packet::CLOSE) => pipe.push(packet),
            Some(packet::PING | packet::PONG) => pipe.push_heartbeat(packet),
            // They mean nothing, and no server minds.
            _ => {}
        }
        drop(pipe);
        self.reader.wake();
        Ok(())
    }

    /// Waits until the library has read everything; whether it goes on. A client that waits for an answer posts nothing
    /// more.
    pub(super) async fn is_read(&self) -> bool {
        let _waits = ClientWaits::begin(self);
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            {
                let pipe = self.pipe.lock();
                let has_ended = matches!(pipe.stage, Stage::Ended);
                if has_ended || pipe.is_read() {
                    return !has_ended;
                }
            }
            changed.await;
        }
    }
}

/// The client waits as long as this is there.
struct ClientWaits<'a>(&'a Session);

impl<'a> ClientWaits<'a> {
    fn begin(session: &'a Session) -> Self {
        session.pipe.lock().set_client_waits(true);
        session.reader.wake();
        Self(session)
    }
}

impl Drop for ClientWaits<'_> {
    fn drop(&mut self) {
        self.0.pipe.lock().set_client_waits(false);
    }
}

/// What is posted counts as arriving until it is handed over.
struct Arriving<'a> {
    session: &'a Session,
    bytes: usize,
}

impl Arriving<'_> {
    async fn read(&mut self, body: Body) -> Result<Bytes, Refused> {
        let mut body = Limited::new(body, self.session.max_body());
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    Refused::TooLarge
                } else if TooSlow::is_cause_of(&*error) {
                    Refused::Wrong
                } else {
                    Refused::Gone
                }
            })?;
            if let Some(data) = frame.data_ref() {
                self.bytes += data.len();
                if let Some(flow) = self.session.flow() {
                    flow.arrived(data.len());
                }
                read.extend_from_slice(data);
            }
        }
        Ok(read.freeze())
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        if let Some(flow) = self.session.flow() {
            flow.assembled(self.bytes);
        }
    }
}
