//! What polling carries: several packets in one body, in the form of either revision of the protocol. It must not look
//! into an event.

mod v3;
mod v4;

use axum::body::Bytes;

use super::packet::Packet;
use super::revision::Revision;
use crate::transport::base64;

/// A body that is no payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Takes the packets off a body that a client posted, one after the other.
#[derive(Debug)]
pub(super) struct Posted {
    rest: Bytes,
    form: Form,
}

/// How many packets there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) packets: usize,
    /// Those of no event.
    pub(super) controls: u32,
}

#[derive(Debug, Clone, Copy)]
enum Form {
    /// Between separators; `true`: something has to follow.
    Separated(bool),
    /// Each behind its length, in UTF-16.
    Measured,
    /// Each behind its length in bytes.
    MeasuredInBytes,
}

impl Posted {
    /// Nothing is taken yet. In revision 3 a body may be said to have bytes in it.
    pub(super) fn new(revision: Revision, has_bytes: bool, body: Bytes) -> Self {
        let form = match (revision, has_bytes) {
            (Revision::V4, _) => Form::Separated(true),
            (Revision::V3, false) => Form::Measured,
            (Revision::V3, true) => Form::MeasuredInBytes,
        };
        Self { rest: body, form }
    }

    /// The next packet, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, Malformed> {
        match &mut self.form {
            Form::Separated(follows) if !*follows => Ok(None),
            Form::Separated(follows) => v4::take(&mut self.rest, follows).map(Some),
            _ if self.rest.is_empty() => Ok(None),
            Form::Measured => v3::take_text(&mut self.rest).map(Some),
            Form::MeasuredInBytes => v3::take(&mut self.rest).map(Some),
        }
    }

    /// Counts the packets, none of which is decoded.
    pub(super) fn count(&self) -> Result<Counted, Malformed> {
        let mut counted = Counted::default();
        let mut rest = Self {
            rest: self.rest.clone(),
            form: self.form,
        };
        while let Some(is_relayed) = rest.skip()? {
            counted.packets += 1;
            counted.controls += u32::from(!is_relayed);
        }
        Ok(counted)
    }

    /// Passes over the next packet; whether it is of an event.
    fn skip(&mut self) -> Result<Option<bool>, Malformed> {
        let is_relayed = |packet: &[u8]| crate::transport::is_relayed_packet(packet);
        Ok(Some(match &mut self.form {
            Form::Separated(follows) if !*follows => return Ok(None),
            Form::Separated(follows) => is_relayed(&v4::split(&mut self.rest, follows)),
            _ if self.rest.is_empty() => return Ok(None),
            Form::Measured => is_relayed(&v3::split_text(&mut self.rest)?),
            Form::MeasuredInBytes => match v3::split(&mut self.rest)? {
                (true, packet) => is_relayed(&packet),
                (false, packet) => packet.first() == Some(&v3::MESSAGE),
            },
        }))
    }
}

/// Packets as the answer to a poll, and whether there are bytes in it. In revision 3 a client says whether it takes text
/// alone.
pub(super) fn answer(packets: &[Packet], revision: Revision, as_text: bool) -> (Vec<u8>, bool) {
    let has_bytes = packets.iter().any(|it| matches!(it, Packet::Binary(_)));
    match revision {
        Revision::V4 => (v4::payload(packets), false),
        Revision::V3 if has_bytes && !as_text => (v3::payload(packets), true),
        Revision::V3 => (v3::text_payload(packets), false),
    }
}

// A packet on a WebSocket.

/// The packet of a text.
pub(super) fn packet_of(revision: Revision, text: Bytes) -> Result<Packet, Malformed> {
    match revision {
        Revision::V3 => v3::packet(text),
        Revision::V4 => v4::packet(text),
    }
}

/// The packet of a message of bytes.
pub(super) fn attachment_of(revision: Revision, bytes: Bytes) -> Result<Packet, Malformed> {
    match revision {
        Revision::V3 => v3::attachment(&bytes),
        Revision::V4 => Ok(Packet::Binary(bytes)),
    }
}

/// An attachment for a client that takes no bytes.
pub(super) fn as_text(revision: Revision, bytes: &[u8]) -> String {
    let mark = match revision {
        Revision::V3 => "b4",
        Revision::V4 => "b",
    };
    [mark, &base64::encoded(bytes)].concat()
}

/// An attachment as a message of bytes.
pub(super) fn as_message(revision: Revision, bytes: Bytes) -> Bytes {
    match revision {
        Revision::V3 => v3::message(&bytes),
        Revision::V4 => bytes,
    }
}

#[cfg(test)]
mod tests;
