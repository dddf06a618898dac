//! Puts events together: each comes as a packet of text, behind which its attachments come one by one. It must not know
//! what an event means, or what its packets come by.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::event::{AckId, RawEvent};

/// Within this time the attachments of an event have to follow it.
const COMPLETION_TIMEOUT: Duration = Duration::from_secs(60);

/// The event of one connection that is incomplete, if one is.
#[derive(Debug)]
pub(crate) struct Assembly {
    max_attachments: usize,
    max_bytes: usize,
    /// Few connections ever have one.
    partial: Option<Box<Partial>>,
}

/// What comes is no packet of an event or of an answer, or not in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPacket;

#[derive(Debug)]
struct Partial {
    packet: String,
    head: Head,
    attachments: Vec<Bytes>,
    /// Of all of it.
    bytes: usize,
    began: Instant,
}

impl Assembly {
    /// None is. An event may have so many attachments, and so many bytes.
    pub(crate) fn new(max_attachments: usize, max_bytes: usize) -> Self {
        Self {
            max_attachments,
            max_bytes,
            partial: None,
        }
    }

    /// Bytes of what is incomplete.
    pub(crate) fn bytes(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| partial.bytes)
    }

    /// Takes a packet of text, with its types of Engine.IO and Socket.IO. What is complete by it is returned: answers are
    /// not, since the relay asks for none, and neither is what is meant for another namespace, of which there is none.
    ///
    /// # Errors
    /// It is none, or attachments are missing of the one before.
    pub(crate) fn text(&mut self, packet: String) -> Result<Option<RawEvent>, BadPacket> {
        if self.partial.is_some() {
            return Err(BadPacket);
        }
        let head = Head::read(&packet).ok_or(BadPacket)?;
        if head.attachments > self.max_attachments {
            return Err(BadPacket);
        }
        if head.attachments == 0 {
            return self.complete(packet, &head, Vec::new());
        }
        self.partial = Some(Box::new(Partial {
            bytes: packet.len(),
            packet,
            head,
            attachments: Vec::new(),
            began: Instant::now(),
        }));
        Ok(None)
    }

    /// Takes the next attachment of what is incomplete.
    ///
    /// # Errors
    /// Nothing is, or it is since too long, or is too large.
    pub(crate) fn attachment(&mut self, bytes: Bytes) -> Result<Option<RawEvent>, BadPacket> {
        let mut partial = self.partial.take().ok_or(BadPacket)?;
        partial.bytes += bytes.len();
        partial.attachments.push(bytes);
        let is_late = partial.began.elapsed() > COMPLETION_TIMEOUT;
        if is_late || partial.bytes - partial.head.size > self.max_bytes {
            return Err(BadPacket);
        }
        if partial.attachments.len() < partial.head.attachments {
            self.partial = Some(partial);
            return Ok(None);
        }
        let Partial {
            packet,
            head,
            attachments,
            ..
        } = *partial;
        self.complete(packet, &head, attachments)
    }

    fn complete(
        &self,
        packet: String,
        head: &Head,
        attachments: Vec<Bytes>,
    ) -> Result<Option<RawEvent>, BadPacket> {
        if !head.is_event || !head.is_of_root {
            return Ok(None);
        }
        let event = RawEvent::new(packet, head.size, attachments, head.ack);
        // What it came as, in frames or in text, may be larger.
        let event = event.filter(|event| event.size() <= self.max_bytes);
        event.ok_or(BadPacket).map(Some)
    }
}

/// What stands before the JSON text of a packet.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    is_event: bool,
    /// It is meant for the only namespace.
    is_of_root: bool,
    attachments: usize,
    ack: Option<AckId>,
    /// Bytes of it.
    size: usize,
}

impl Head {
    /// Reads it: the type, the number of attachments and `-`, a namespace and `,`, and the number that an answer names.
    fn read(packet: &str) -> Option<Self> {
        let (kind, rest) = packet.strip_prefix('4')?.split_at_checked(1)?;
        let (is_event, has_attachments) = match kind {
            "2" => (true, false),
            "3" => (false, false),
            "5" => (true, true),
            "6" => (false, true),
            _ => return None,
        };
        let (attachments, rest) = match has_attachments {
            true => {
                let (count, rest) = rest.split_at(digits(rest));
                (count.parse().ok()?, rest.strip_prefix('-')?)
            }
            false => (0, rest),
        };
        let (namespace, rest) = match rest.starts_with('/') {
            true => rest.split_once(',').unwrap_or((rest, "")),
            false => ("/", rest),
        };
        let (number, rest) = rest.split_at(digits(rest));
        let ack = number.parse::<i64>().ok().map(AckId::from);
        if !is_event && ack.is_none() {
            return None;
        }
        Some(Self {
            is_event,
            is_of_root: namespace == "/",
            attachments,
            ack,
            size: packet.len() - rest.len(),
        })
    }
}

/// How many digits a text begins with.
fn digits(text: &str) -> usize {
    let other = |byte: &u8| !byte.is_ascii_digit();
    text.bytes()
        .position(|byte| other(&byte))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
