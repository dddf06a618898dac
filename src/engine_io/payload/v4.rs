//! The payload of revision 4: packets between separators, attachments in Base64.

use axum::body::Bytes;

use super::super::packet::Packet;
use super::Malformed;
use crate::transport::base64;

/// What stands between two packets.
const SEPARATOR: u8 = 0x1e;
/// What an attachment begins with.
const ATTACHMENT: u8 = b'b';

/// Takes the first packet; whether another follows.
pub(super) fn take(rest: &mut Bytes, follows: &mut bool) -> Result<Packet, Malformed> {
    packet(split(rest, follows))
}

/// The packet of a text, or of what may be one.
pub(super) fn packet(packet: Bytes) -> Result<Packet, Malformed> {
    match packet.first() {
        Some(&ATTACHMENT) => Ok(Packet::Binary(base64::decoded(&packet[1..]).into())),
        Some(b'0'..=b'6') if std::str::from_utf8(&packet).is_ok() => Ok(Packet::Text(packet)),
        _ => Err(Malformed),
    }
}

/// The same, whatever it is.
pub(super) fn split(rest: &mut Bytes, follows: &mut bool) -> Bytes {
    let end = memchr::memchr(SEPARATOR, rest);
    *follows = end.is_some();
    let packet = rest.split_to(end.unwrap_or(rest.len()));
    if end.is_some() {
        drop(rest.split_to(1));
    }
    packet
}

pub(super) fn payload(packets: &[Packet]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(packets.iter().map(|it| it.len() + 1).sum());
    for (number, packet) in packets.iter().enumerate() {
        if number > 0 {
            payload.push(SEPARATOR);
        }
        match packet {
            Packet::Text(text) => payload.extend_from_slice(text),
            Packet::Binary(bytes) => {
                payload.push(ATTACHMENT);
                payload.extend_from_slice(base64::encoded(bytes).as_bytes());
            }
        }
    }
    payload
}
