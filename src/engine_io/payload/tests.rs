//! Payloads as published clients write and read them.

use proptest::prelude::*;

use super::*;

fn text(text: &str) -> Packet {
    Packet::Text(Bytes::copy_from_slice(text.as_bytes()))
}

fn binary(bytes: &[u8]) -> Packet {
    Packet::Binary(Bytes::copy_from_slice(bytes))
}

fn posted(revision: Revision, has_bytes: bool, body: &[u8]) -> Result<Vec<Packet>, Malformed> {
    let mut posted = Posted::new(revision, has_bytes, Bytes::copy_from_slice(body));
    let mut packets = Vec::new();
    while let Some(packet) = posted.next()? {
        packets.push(packet);
    }
    Ok(packets)
}

#[test]
fn a_payload_of_revision_4_is_read() {
    let body = "40{\"a\":\"é😀\"}\u{1e}451-[\"x\",{}]\u{1e}bAQIDBA==\n\u{1e}3";
    let expected = [
        text("40{\"a\":\"é😀\"}"),
        text("451-[\"x\",{}]"),
        binary(&[1, 2, 3, 4]),
        text("3"),
    ];
    assert_eq!(
        posted(Revision::V4, false, body.as_bytes()),
        Ok(expected.into())
    );
    for wrong in ["", "\u{1e}", "4x\u{1e}", "x", "9", "\u{1e}4x"] {
        let read = posted(Revision::V4, false, wrong.as_bytes());
        assert_eq!(read, Err(Malformed), "{wrong:?}");
    }
    assert_eq!(posted(Revision::V4, false, b"4\xff"), Err(Malformed));
}

#[test]
fn a_payload_of_revision_3_is_read() {
    let event = "42[\"é😀\"]";
    let units = event.encode_utf16().count();
    let body = format!("1:2{units}:{event}10:b4AQIDBA==");
    let expected = [text("2"), text(event), binary(&[1, 2, 3, 4])];
    assert_eq!(
        posted(Revision::V3, false, body.as_bytes()),
        Ok(expected.into())
    );
    let body = b"\0\x01\xff2\x01\x03\xff\x04\x01\x02\0\x07\xffb4AQI=\n";
    let expected = [text("2"), binary(&[1, 2]), binary(&[1, 2])];
    assert_eq!(posted(Revision::V3, true, body), Ok(expected.into()));
    for wrong in [
        "x",
        "5",
        ":",
        "2:4",
        "1:😀",
        "1:x",
        "99999999999:4",
        "-1:4",
        "0:",
    ] {
        let read = posted(Revision::V3, false, wrong.as_bytes());
        assert_eq!(read, Err(Malformed), "{wrong:?}");
    }
    for wrong in [
        &b"\0"[..],
        b"\x02\x01\xff4",
        b"\0\x01\xff",
        b"\0\x0a\xff4",
        b"\x01\x01\xff\x03",
        b"\0\x02\xff4\xff",
    ] {
        assert_eq!(
            posted(Revision::V3, true, wrong),
            Err(Malformed),
            "{wrong:?}"
        );
    }
}

#[test]
fn an_answer_is_of_the_form_that_its_client_reads() {
    let packets = [text("451-[\"é😀\",{}]"), binary(&[1, 2])];
    let answered = |revision, as_text| answer(&packets, revision, as_text);
    let v4 = "451-[\"é😀\",{}]\u{1e}bAQI=".as_bytes().to_vec();
    assert_eq!(answered(Revision::V4, false), (v4, false));
    let v3 = "14:451-[\"é😀\",{}]6:b4AQI=".as_bytes().to_vec();
    assert_eq!(answered(Revision::V3, true), (v3, false));
    let mut bytes = b"\0\x01\x07\xff451-[\"\xc3\xa9\xf0\x9f\x98\x80\",{}]".to_vec();
    bytes.extend(b"\x01\x03\xff\x04\x01\x02");
    assert_eq!(answered(Revision::V3, false), (bytes, true));
    let alone = answer(&packets[..1], Revision::V3, false);
    assert!(!alone.1);
}

#[test]
fn packets_of_no_event_are_counted_before_any_is_decoded() {
    let controls = |revision, has_bytes, body: &[u8]| {
        let counted = Posted::new(revision, has_bytes, Bytes::copy_from_slice(body)).count();
        counted.map(|counted| (counted.packets, counted.controls))
    };
    let v4 = "3\u{1e}42[\"x\"]\u{1e}\u{1e}bAQI=\u{1e}2probe\u{1e}3".as_bytes();
    assert_eq!(controls(Revision::V4, false, v4), Ok((6, 4)));
    assert_eq!(
        controls(Revision::V3, false, b"1:25:42[1]0:1:36:b4AQI="),
        Ok((5, 3))
    );
    let bytes = b"\0\x01\xff3\0\x05\xff42[1]\x01\x02\xff\x04\x01\0\x01\xff2";
    assert_eq!(controls(Revision::V3, true, bytes), Ok((4, 2)));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        parts in prop::collection::vec(
            prop_oneof![
                "[ -\u{ff}😀ß漢]{0,40}".prop_map(|rest| text(&format!("4{rest}"))),
                prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| binary(&bytes)),
            ],
            1..8,
        ),
        as_text: bool,
    ) {
        for revision in [Revision::V3, Revision::V4] {
            let (body, has_bytes) = answer(&parts, revision, as_text);
            prop_assert_eq!(posted(revision, has_bytes, &body), Ok(parts.clone()));
        }
    }

    #[test]
    fn no_body_is_too_much(body in prop::collection::vec(any::<u8>(), 0..60), has_bytes: bool) {
        for revision in [Revision::V3, Revision::V4] {
            let _ = posted(revision, has_bytes, &body);
            let _ = Posted::new(revision, has_bytes, body.clone().into()).count();
        }
    }
}
