use super::*;
use proptest::prelude::*;

/// An unfragmented frame as a peer would send it.
fn frame(sender: Sender, first: u8, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if sender == Sender::Client { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..126 => bytes.push(mask_bit | len as u8),
        len @ 126..65536 => {
            bytes.push(mask_bit | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(mask_bit | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    let mask = if sender == Sender::Client {
        [7, 11, 13, 17]
    } else {
        [0; 4]
    };
    if sender == Sender::Client {
        bytes.extend(mask);
    }
    bytes.extend(
        payload
            .iter()
            .enumerate()
            .map(|(i, byte)| byte ^ mask[i % 4]),
    );
    bytes
}

proptest! {
    #[test]
    fn frames_are_found_however_the_stream_is_cut(
        sizes in prop::collection::vec(prop_oneof![0usize..200, 65_000usize..66_000], 1..8),
        cut in 1usize..9_000,
        client in any::<bool>(),
    ) {
        let sender = if client { Sender::Client } else { Sender::Server };
        let mut stream = Vec::new();
        let mut ends = Vec::new();
        for size in &sizes {
            stream.extend(frame(sender, 0x81, &b"42".repeat(size / 2 + 1)));
            ends.push(stream.len());
        }
        let mut scanner = FrameScanner::new(sender);
        let mut found = Vec::new();
        for (piece, bytes) in stream.chunks(cut).enumerate() {
            scanner.advance(bytes, |frame, offset, _| {
                assert!(frame.is_relayed());
                found.push(piece * cut + offset);
            });
        }
        prop_assert_eq!(found, ends);
        prop_assert!(scanner.between_messages());
    }
}

#[test]
fn heartbeats_and_handshakes_are_not_relayed_frames() {
    let mut scanner = FrameScanner::new(Sender::Server);
    let mut relayed = Vec::new();
    for payload in [
        "2",
        "0{\"sid\":1}",
        "40{\"sid\":2}",
        "44{}",
        "41",
        "42[\"a\"]",
        "431[]",
        "451-[]",
        "461-[]",
        "42/admin,[\"a\"]",
        "42/,[\"b\"]",
        "42/",
    ] {
        scanner.advance(
            &frame(Sender::Server, 0x81, payload.as_bytes()),
            |frame, _, _| {
                relayed.push((payload, frame.is_relayed()));
            },
        );
    }
    let counted: Vec<_> = relayed
        .iter()
        .filter(|(_, counts)| *counts)
        .map(|(text, _)| *text)
        .collect();
    let expected = ["42[\"a\"]", "431[]", "451-[]", "461-[]", "42/,[\"b\"]"];
    // What is of another namespace is not among them.
    assert_eq!(counted, expected);
    assert_eq!(relayed.len(), 12);
}

#[test]
fn nothing_may_be_put_inside_a_fragmented_message() {
    let mut scanner = FrameScanner::new(Sender::Client);
    scanner.advance(
        &frame(Sender::Client, 0x01, b"42"),
        |_, _, message_ended| assert!(!message_ended),
    );
    assert!(!scanner.between_messages());
    scanner.advance(&frame(Sender::Client, 0x8a, b""), |_, _, message_ended| {
        assert!(!message_ended)
    });
    scanner.advance(
        &frame(Sender::Client, 0x80, b"[]"),
        |_, _, message_ended| assert!(message_ended),
    );
    assert!(scanner.between_messages());
}

#[test]
fn bytes_that_are_no_frames_are_given_up() {
    // Not masked, reserved bits set, an opcode that does not exist.
    for first in [
        &[0x81, 0x02][..],
        &[0xf1, 0x82, 0, 0, 0, 0],
        &[0x83, 0x82, 0, 0, 0, 0],
    ] {
        let mut scanner = FrameScanner::new(Sender::Client);
        scanner.advance(first, |_, _, _| panic!("no frame is here"));
        assert!(!scanner.between_messages());
        assert_eq!(scanner.left_in_frame(), None);
    }
}
