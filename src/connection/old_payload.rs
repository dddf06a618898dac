//! What a client of Engine.IO 3, which is Socket.IO 2, is sent by polling. The library writes an attachment there as in
//! Engine.IO 4, `b` and Base64, which such a client takes for a packet of another type. It must not look into an event.

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a packet in a binary payload begins with: a text, or bytes.
const TEXT: u8 = 0;
const BYTES: u8 = 1;
/// What its length ends with there.
const END_OF_LENGTH: u8 = 0xff;
/// The type of a message, in a packet of bytes.
const MESSAGE: u8 = 4;

/// The payload with its attachments as its client reads them. `None`: it is none that the library writes.
pub(super) fn readable(payload: &Bytes, is_binary: bool) -> Option<Bytes> {
    let mut written = Vec::with_capacity(payload.len() + 64);
    if is_binary {
        let mut rest = &payload[..];
        while !rest.is_empty() {
            rest = binary_packet(rest, &mut written)?;
        }
    } else {
        let mut rest = std::str::from_utf8(payload).ok()?;
        while !rest.is_empty() {
            rest = text_packet(rest, &mut written)?;
        }
    }
    Some(written.into())
}

/// Writes the first packet of a payload of texts, each with its length in UTF-16; what comes behind it.
fn text_packet<'a>(payload: &'a str, written: &mut Vec<u8>) -> Option<&'a str> {
    let (length, text) = payload.split_once(':')?;
    let length: usize = length.parse().ok()?;
    let mut units = 0;
    let end = text.char_indices().find_map(|(at, character)| {
        let is_end = units == length;
        units += character.len_utf16();
        is_end.then_some(at)
    });
    let (packet, rest) = text.split_at(end.unwrap_or(text.len()));
    let (length, mark) = match packet.strip_prefix('b') {
        Some(_) => (length + 1, "b4"),
        None => (length, ""),
    };
    let packet = packet.strip_prefix('b').unwrap_or(packet);
    written.extend_from_slice(format!("{length}:{mark}").as_bytes());
    written.extend_from_slice(packet.as_bytes());
    Some(rest)
}

/// Writes the first packet of a payload that may have bytes, each with its length in bytes; what comes behind it.
fn binary_packet<'a>(payload: &'a [u8], written: &mut Vec<u8>) -> Option<&'a [u8]> {
    let end = payload.iter().position(|byte| *byte == END_OF_LENGTH)?;
    let digits = payload.get(1..end)?.iter();
    let length = digits.fold(0_usize, |length, digit| {
        length.saturating_mul(10).saturating_add((*digit).into())
    });
    let (packet, rest) = payload[end + 1..].split_at_checked(length)?;
    match packet.strip_prefix(b"b").filter(|_| payload[0] == TEXT) {
        None => written.extend_from_slice(&payload[..end + 1 + length]),
        Some(attachment) => {
            let bytes = STANDARD.decode(attachment).ok()?;
            let length = (bytes.len() + 1).to_string();
            written.push(BYTES);
            written.extend(length.bytes().map(|digit| digit - b'0'));
            written.extend([END_OF_LENGTH, MESSAGE]);
            written.extend(bytes);
        }
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &[u8], is_binary: bool) -> Option<Vec<u8>> {
        let read = readable(&Bytes::copy_from_slice(payload), is_binary)?;
        Some(read.into())
    }

    #[test]
    fn attachments_among_texts_are_messages() {
        let event = r#"451-["é😀",{"_placeholder":true,"num":0}]"#;
        let units = event.encode_utf16().count();
        let payload = format!("1:2{units}:{event}5:bAQI=1:b");
        let expected = format!("1:2{units}:{event}6:b4AQI=2:b4");
        assert_eq!(read(payload.as_bytes(), false), Some(expected.into()));
        assert_eq!(read(b"", false), Some(Vec::new()));
    }

    #[test]
    fn attachments_among_bytes_are_bytes() {
        let mut payload = b"\0\x01\x00\xff42[\"\xc3\xa9\"]ab".to_vec();
        payload.extend(b"\0\x05\xffbAQI=");
        let mut expected = b"\0\x01\x00\xff42[\"\xc3\xa9\"]ab".to_vec();
        expected.extend(b"\x01\x03\xff\x04\x01\x02");
        assert_eq!(read(&payload, true), Some(expected));
        let known = b"\x01\x03\xff\x04b\x02";
        assert_eq!(read(known, true), Some(known.to_vec()));
        let long = [
            b"\0\x01\x06\x05\xffb".to_vec(),
            STANDARD.encode([7; 123]).into(),
        ]
        .concat();
        let bytes = [b"\x01\x01\x02\x04\xff\x04".to_vec(), vec![7; 123]].concat();
        assert_eq!(read(&long, true), Some(bytes));
    }

    #[test]
    fn what_is_no_payload_is_left_alone() {
        for wrong in ["x", "5", ":", "x:1"] {
            assert_eq!(read(wrong.as_bytes(), false), None, "{wrong}");
        }
        for wrong in [&b"\0"[..], b"\xff", b"\0\x05\xffab", b"\0\x03\xffb?="] {
            assert_eq!(read(wrong, true), None, "{wrong:?}");
        }
    }
}
