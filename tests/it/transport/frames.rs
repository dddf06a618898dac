//! The forms in which an event may come on a WebSocket.

use test_support::raw::Client;
use test_support::raw::socket::{BINARY, CONTINUATION, FIN, PING, RawSocket, TEXT, frame};
use test_support::scene::stop;

use crate::program::server;

const EVENT: &[u8] = br#"451-["send_message",{"recipientId":"bob","ciphertext":{"_placeholder":true,"num":0},"iv":"i","tag":"t","seq":"#;

/// A message in frames of so many bytes, with a ping behind each.
fn in_parts(opcode: u8, message: &[u8], size: usize) -> Vec<u8> {
    let parts = message.chunks(size).enumerate().map(|(number, part)| {
        let is_last = (number + 1) * size >= message.len();
        let first = if is_last { FIN } else { 0 };
        let opcode = if number == 0 { opcode } else { CONTINUATION };
        [frame(first | opcode, part), frame(FIN | PING, b"")].concat()
    });
    parts.collect::<Vec<_>>().concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_relayed_in_its_order_however_it_is_cut() {
    let mut relay = server(&[]);
    let mut bob = Client::connect(&relay, "bob").await;
    let mut alice = RawSocket::connect(&relay, "alice").await;
    let event = |seq: usize| [EVENT, format!("{seq}}}]").as_bytes()].concat();
    let attachment = [0, 1, 2, 0xff].repeat(25);
    let whole = [
        frame(FIN | TEXT, &event(0)),
        frame(FIN | BINARY, &attachment),
    ];
    let parts = [
        in_parts(TEXT, &event(1), 50),
        in_parts(BINARY, &attachment, 50),
    ];
    let mut as_text = b"b".to_vec();
    as_text.extend_from_slice(base64(&attachment).as_bytes());
    let text = [
        in_parts(TEXT, &event(2), 100),
        frame(FIN | TEXT, b"3"),
        in_parts(TEXT, &as_text, 50),
    ];
    let all = [whole.concat(), parts.concat(), text.concat()].concat();
    // At once, and so that the parts of frames come one after the other.
    alice.send(&all).await;
    for piece in all.chunks(7) {
        alice.send(piece).await;
    }
    for number in 0..6 {
        let event = bob.event("receive_message").await;
        assert_eq!(event.attachments.len(), 1);
        assert_eq!(event.attachments[0], attachment);
        let seq = event.members.iter().find(|(name, _)| name == "seq");
        assert_eq!(seq.unwrap().1, (number % 3).to_string());
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_in_its_place_closes_the_connection() {
    let mut relay = server(&[]);
    let event = [EVENT, b"0}]"].concat();
    let alone = frame(FIN | BINARY, b"x");
    let twice = [frame(FIN | TEXT, &event), frame(FIN | TEXT, &event)].concat();
    let between = [frame(FIN | TEXT, &event), frame(FIN | TEXT, b"42[\"x\"]")].concat();
    let parts = [in_parts(TEXT, &event, 50), in_parts(TEXT, b"42[\"x\"]", 4)].concat();
    for packets in [
        alone,
        twice,
        between,
        parts,
        frame(FIN | TEXT, b"42"),
        frame(FIN | TEXT, b"42[\"send_message\",{]"),
        frame(FIN | TEXT, b"42[\"unknown\",{]"),
        frame(FIN | TEXT, b"42[\"authenticate\",{]"),
        frame(FIN | TEXT, b"42[1]"),
        frame(FIN | TEXT, b"43[]"),
    ] {
        println!("{}", String::from_utf8_lossy(&packets));
        let mut mallory = RawSocket::connect(&relay, "mallory").await;
        mallory.send(&packets).await;
        mallory.closed().await;
    }
    // Answers to what the relay asks nobody, and what is meant for other namespaces, do no harm.
    let mut alice = RawSocket::connect(&relay, "alice").await;
    let mut bob = Client::connect(&relay, "bob").await;
    for packet in [
        &b"431[]"[..],
        b"42/other,[\"x\"]",
        br#"42["send_message",{"recipientId":"bob","ciphertext":"c","iv":"i","tag":"t","seq":1}]"#,
    ] {
        alice.send(&frame(FIN | TEXT, packet)).await;
    }
    bob.event("receive_message").await;
    stop(&mut relay);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
