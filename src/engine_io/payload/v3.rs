//! The payload of revision 3: each packet behind its length; of texts alone, or with bytes among them.

use axum::body::Bytes;

use super::super::packet::Packet;
use super::Malformed;
use crate::transport::base64;

/// What a packet in a payload with bytes begins with: a text, or bytes.
const TEXT: u8 = 0;
const BYTES: u8 = 1;
/// What its length ends with there.
const END_OF_LENGTH: u8 = 0xff;
/// The type of a message, in a packet of bytes.
pub(super) const MESSAGE: u8 = 4;
/// What an attachment begins with among texts: it is Base64, of a message.
const ATTACHMENT: &[u8] = b"b4";
/// No length has more digits.
const MAX_DIGITS: usize = 10;

/// Takes the first packet of texts.
pub(super) fn take_text(rest: &mut Bytes) -> Result<Packet, Malformed> {
    packet(split_text(rest)?)
}

/// The packet of a text.
pub(super) fn packet(packet: Bytes) -> Result<Packet, Malformed> {
    if let Some(attachment) = packet.strip_prefix(ATTACHMENT) {
        return Ok(Packet::Binary(base64::decoded(attachment).into()));
    }
    match packet.first() {
        Some(b'0'..=b'6') => Ok(Packet::Text(packet)),
        _ => Err(Malformed),
    }
}

/// The same, whatever it is. Its length is in UTF-16, so it is read.
pub(super) fn split_text(rest: &mut Bytes) -> Result<Bytes, Malformed> {
    let head = &rest[..rest.len().min(MAX_DIGITS + 1)];
    let colon = head.iter().position(|byte| *byte == b':');
    let colon = colon.ok_or(Malformed)?;
    let length = std::str::from_utf8(&rest[..colon]).map_err(|_| Malformed)?;
    let length: usize = length.parse().map_err(|_| Malformed)?;
    drop(rest.split_to(colon + 1));
    // A character is three bytes for a unit at most.
    let bytes = &rest[..rest.len().min(length.saturating_mul(3))];
    let end = end_of(bytes, length).ok_or(Malformed)?;
    let packet = rest.split_to(end);
    std::str::from_utf8(&packet).map_err(|_| Malformed)?;
    Ok(packet)
}

/// Where so many units of UTF-16 end.
fn end_of(text: &[u8], units: usize) -> Option<usize> {
    let (mut at, mut left) = (0, units);
    while left > 0 {
        let (bytes, units) = match text.get(at)? {
            0x00..=0x7f => (1, 1),
            0xc0..=0xdf => (2, 1),
            0xe0..=0xef => (3, 1),
            0xf0..=0xf7 => (4, 2),
            0x80..=0xbf | 0xf8.. => return None,
        };
        at += bytes;
        left = left.checked_sub(units)?;
    }
    (at <= text.len()).then_some(at)
}

/// Takes the first packet of a payload that may have bytes.
pub(super) fn take(rest: &mut Bytes) -> Result<Packet, Malformed> {
    match split(rest)? {
        (true, packet) => {
            std::str::from_utf8(&packet).map_err(|_| Malformed)?;
            self::packet(packet)
        }
        (false, bytes) => attachment(&bytes),
    }
}

/// The packet of bytes, which begin with its type.
pub(super) fn attachment(bytes: &Bytes) -> Result<Packet, Malformed> {
    match bytes.first() {
        Some(&MESSAGE) => Ok(Packet::Binary(bytes.slice(1..))),
        _ => Err(Malformed),
    }
}

/// The same, whatever it is, and whether it is a text.
pub(super) fn split(rest: &mut Bytes) -> Result<(bool, Bytes), Malformed> {
    let is_text = match rest.first() {
        Some(&TEXT) => true,
        Some(&BYTES) => false,
        _ => return Err(Malformed),
    };
    let head = &rest[..rest.len().min(MAX_DIGITS + 2)];
    let end = head.iter().position(|byte| *byte == END_OF_LENGTH);
    let end = end.ok_or(Malformed)?;
    let mut length = 0_usize;
    for digit in &rest[1..end] {
        if *digit > 9 {
            return Err(Malformed);
        }
        length = length.saturating_mul(10).saturating_add((*digit).into());
    }
    if rest.len() - end - 1 < length {
        return Err(Malformed);
    }
    drop(rest.split_to(end + 1));
    Ok((is_text, rest.split_to(length)))
}

/// Bytes behind their type.
pub(super) fn message(bytes: &[u8]) -> Bytes {
    [&[MESSAGE][..], bytes].concat().into()
}

pub(super) fn text_payload(packets: &[Packet]) -> Vec<u8> {
    let mut payload = Vec::new();
    for packet in packets {
        match packet {
            Packet::Text(text) => {
                let units = units_of(text);
                payload.extend_from_slice(format!("{units}:").as_bytes());
                payload.extend_from_slice(text);
            }
            Packet::Binary(bytes) => {
                let attachment = base64::encoded(bytes);
                let length = ATTACHMENT.len() + attachment.len();
                payload.extend_from_slice(format!("{length}:").as_bytes());
                payload.extend_from_slice(ATTACHMENT);
                payload.extend_from_slice(attachment.as_bytes());
            }
        }
    }
    payload
}

/// How long a text is in UTF-16: a character counts by its first byte.
fn units_of(text: &[u8]) -> usize {
    let units = text.iter().map(|byte| match byte {
        0x80..=0xbf => 0,
        0xf0.. => 2,
        _ => 1,
    });
    units.sum()
}

pub(super) fn payload(packets: &[Packet]) -> Vec<u8> {
    let mut payload = Vec::new();
    for packet in packets {
        let (kind, mark, bytes) = match packet {
            Packet::Text(text) => (TEXT, &[][..], text),
            Packet::Binary(bytes) => (BYTES, &[MESSAGE][..], bytes),
        };
        let length = (mark.len() + bytes.len()).to_string();
        payload.push(kind);
        payload.extend(length.bytes().map(|digit| digit - b'0'));
        payload.push(END_OF_LENGTH);
        payload.extend_from_slice(mark);
        payload.extend_from_slice(bytes);
    }
    payload
}
