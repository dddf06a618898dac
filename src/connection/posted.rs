//! Which packets in what a polling client posts are of no event, in both forms of a payload. It must not look into an
//! event, and keeps nothing of it.

use crate::transport::is_relayed_packet;

/// What stands between two packets.
pub(super) const SEPARATOR: u8 = 0x1e;

/// Finds them in the parts of a payload, as they come.
#[derive(Debug)]
pub(super) enum Packets {
    /// Of Engine.IO 4: between separators.
    Separated(Start),
    /// Of Engine.IO 3: each behind its length.
    Measured(Measured),
}

impl Packets {
    /// None has come yet.
    pub(super) fn new(old_payload: bool) -> Self {
        match old_payload {
            false => Self::Separated(Start::default()),
            true => Self::Measured(Measured::default()),
        }
    }

    /// How many of those that end in the next part are none of an event.
    pub(super) fn controls_in(&mut self, part: &[u8]) -> u32 {
        match self {
            Self::Separated(start) => start.controls_in(part),
            Self::Measured(measured) => {
                let controls = part.iter().filter(|byte| measured.ends_control(**byte));
                u32::try_from(controls.count()).unwrap_or(u32::MAX)
            }
        }
    }

    /// Whether what came last, which has no end of its own, is none of an event.
    pub(super) fn ends_with_control(&self) -> bool {
        match self {
            Self::Separated(start) => start.is_control(),
            Self::Measured(_) => false,
        }
    }
}

/// The first bytes of the packet that is arriving, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Start {
    prefix: [u8; 2],
    len: usize,
}

impl Start {
    fn push(&mut self, byte: u8) {
        if let Some(next) = self.prefix.get_mut(self.len) {
            *next = byte;
            self.len += 1;
        }
    }

    fn controls_in(&mut self, part: &[u8]) -> u32 {
        let mut controls = 0;
        for (number, bytes) in part.split(|&byte| byte == SEPARATOR).enumerate() {
            if number > 0 {
                controls += u32::from(self.is_control());
                self.len = 0;
            }
            for byte in bytes.iter().take(self.prefix.len() - self.len) {
                self.push(*byte);
            }
        }
        controls
    }

    /// Whether the packet that is arriving is none of an event.
    fn is_control(&self) -> bool {
        !is_relayed_packet(&self.prefix[..self.len])
    }
}

/// Where a payload is of which each packet comes behind its length: in UTF-16 as text and ended by a colon, or, where
/// there is a mark before it, in bytes and ended by 255.
#[derive(Debug, Default)]
pub(super) struct Measured {
    mark: Option<u8>,
    length: usize,
    /// What is left of the packet; `None`: its length is arriving.
    left: Option<usize>,
    start: Start,
}

impl Measured {
    const TEXT: u8 = 0;
    const BYTES: u8 = 1;

    /// Whether a packet ends with this byte that is of no event.
    fn ends_control(&mut self, byte: u8) -> bool {
        match self.left {
            None => self.read_length(byte),
            Some(left) => {
                self.start.push(byte);
                self.left = Some(left.saturating_sub(self.units(byte)));
            }
        }
        let is_control = self.left == Some(0) && self.is_control();
        if self.left == Some(0) {
            *self = Self::default();
        }
        is_control
    }

    fn read_length(&mut self, byte: u8) {
        match (byte, self.mark) {
            (Self::TEXT | Self::BYTES, None) if self.length == 0 => self.mark = Some(byte),
            (b':', None) | (0xff, Some(_)) => self.left = Some(self.length),
            (b'0'..=b'9', None) => self.add_digit(byte - b'0'),
            (0..=9, Some(_)) => self.add_digit(byte),
            // The rest of the last character of a text; or the library refuses it.
            _ => {}
        }
    }

    fn add_digit(&mut self, digit: u8) {
        self.length = self.length.saturating_mul(10).saturating_add(digit.into());
    }

    /// Of a character, its first byte counts.
    fn units(&self, byte: u8) -> usize {
        match (self.mark, byte) {
            (None, 0x80..=0xbf) => 0,
            (None, 0xf0..) => 2,
            _ => 1,
        }
    }

    fn is_control(&self) -> bool {
        const MESSAGE: u8 = 4;
        let is_attachment = self.mark == Some(Self::BYTES) && self.start.prefix[0] == MESSAGE;
        !is_attachment && self.start.is_control()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many there are, however the payload is divided.
    fn controls(payload: &[u8], old_payload: bool) -> u32 {
        let mut whole = Packets::new(old_payload);
        let count = whole.controls_in(payload);
        for at in 0..payload.len() {
            let mut packets = Packets::new(old_payload);
            let (one, other) = payload.split_at(at);
            let parts = packets.controls_in(one) + packets.controls_in(other);
            assert_eq!(parts, count, "divided at {at}");
        }
        count
    }

    #[test]
    fn a_packet_between_separators_is_looked_at_by_its_first_bytes() {
        assert_eq!(
            controls(b"3\x1e42[\"x\"]\x1e\x1ebAQI=\x1e2probe\x1e3", false),
            3
        );
    }

    #[test]
    fn a_packet_behind_its_length_is_looked_at_likewise() {
        let event = r#"42["é😀ü"]"#;
        let units = event.encode_utf16().count();
        let payload = format!("1:2{units}:{event}0:1:3{units}:{event}6:b4AQI=6:2probe");
        assert_eq!(controls(payload.as_bytes(), true), 4);
        let mut bytes = b"\0\x01\xff3\0\x08\xff42[\"\xc3\xa9\"]".to_vec();
        bytes.extend(b"\x01\x01\x02\xff\x0412345678901\x00\x01\xff2");
        assert_eq!(controls(&bytes, true), 2);
    }
}
