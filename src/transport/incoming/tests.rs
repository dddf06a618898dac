use proptest::prelude::*;

use super::mask::MASK_BYTES;
use super::*;

const MASKED: u8 = 0x80;
const MAX: usize = 100_000;
const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;

/// What becomes of what a client sends: in its order, with what is passed next to each other as one.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Passed(Vec<u8>),
    Text(String),
    Attachment(Vec<u8>),
    Wrong,
}

/// A frame of a client.
fn frame(first: u8, payload: &[u8], mask: [u8; MASK_BYTES]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ ..126 => frame.push(MASKED | short as u8),
        length @ ..65_536 => {
            frame.push(MASKED | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(MASKED | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

fn message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(FINAL | opcode, payload, [1, 2, 3, 4])
}

/// What comes, with a pause behind it.
struct Piece<'a>(&'a [u8]);

impl AsyncRead for Piece<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        let (now, rest) = self.0.split_at(self.0.len().min(buf.remaining()));
        buf.put_slice(now);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

/// What becomes of this when it comes in such pieces.
async fn seen(sent: &[u8], piece: usize, takes: bool) -> Vec<Seen> {
    let mut incoming = Incoming::default();
    incoming.begin(MAX as u64);
    let mut seen = Vec::new();
    for piece in sent.chunks(piece) {
        let mut source = Piece(piece);
        loop {
            let next = std::future::poll_fn(|cx| incoming.next(cx, takes)).await;
            match next {
                Next::Text(packet) => seen.push(Seen::Text(packet)),
                Next::Attachment(bytes) => seen.push(Seen::Attachment(bytes.into())),
                Next::Part(_) => {}
                Next::Wrong => {
                    seen.push(Seen::Wrong);
                    return seen;
                }
                Next::Pass => {
                    let mut space = [0; 1000];
                    let mut buf = ReadBuf::new(&mut space);
                    incoming.pass(&mut buf, usize::MAX);
                    match seen.last_mut() {
                        Some(Seen::Passed(before)) => before.extend_from_slice(buf.filled()),
                        _ => seen.push(Seen::Passed(buf.filled().to_vec())),
                    }
                }
                Next::More => {
                    let mut cx = Context::from_waker(std::task::Waker::noop());
                    if incoming.poll_more(&mut source, &mut cx).is_pending() {
                        break;
                    }
                }
            }
        }
        incoming.settle();
        assert!(!spare::is_one(&incoming.held));
    }
    assert_eq!((incoming.unfinished(), incoming.missing()), (0, 0));
    seen
}

fn text(packet: &str) -> Seen {
    Seen::Text(packet.to_owned())
}

#[tokio::test]
async fn events_are_taken_and_the_rest_is_passed_in_their_order() {
    let pong = message(TEXT, b"3");
    let control = frame(0x89, b"ping", [0; MASK_BYTES]);
    let other = message(TEXT, b"42/admin,[\"a\"]");
    let sent = [
        message(TEXT, b"42[\"a\"]"),
        pong.clone(),
        control.clone(),
        other.clone(),
        message(TEXT, b"42/,[\"a\"]"),
        message(TEXT, b"451-[\"b\"]"),
        message(BINARY, b"x"),
        message(TEXT, b"bAQID"),
        message(TEXT, b"41"),
        message(TEXT, b"431[]"),
    ];
    let expected = [
        text("42[\"a\"]"),
        Seen::Passed([pong, control, other].concat()),
        text("42/,[\"a\"]"),
        text("451-[\"b\"]"),
        Seen::Attachment(b"x".to_vec()),
        Seen::Attachment(vec![1, 2, 3]),
        Seen::Passed(message(TEXT, b"41")),
        text("431[]"),
    ];
    for piece in [1, 3, 20, 1000] {
        assert_eq!(seen(&sent.concat(), piece, true).await, expected);
    }
    let all = Seen::Passed(sent.concat());
    assert_eq!(seen(&sent.concat(), 5, false).await, [all]);
}

#[tokio::test]
async fn a_message_in_several_frames_is_put_together() {
    let part = |first, payload| frame(first, payload, [9, 8, 7, 6]);
    let ping = frame(0x89, b"", [0; MASK_BYTES]);
    for (parts, expected, passed) in [
        (
            [&b"4"[..], b"2[\"a", b"\"]"],
            text("42[\"a\"]"),
            &b"42[\"a\"]"[..],
        ),
        (
            [b"", b"", b"3"],
            Seen::Passed([&ping[..], &frame(0x81, b"3", [0; 4])].concat()),
            b"3",
        ),
    ] {
        let sent = [
            part(TEXT, parts[0]),
            part(CONTINUATION, parts[1]),
            ping.clone(),
            part(FINAL | CONTINUATION, parts[2]),
        ]
        .concat();
        let with_ping = match expected {
            Seen::Text(_) => vec![Seen::Passed(ping.clone()), expected],
            other => vec![other],
        };
        assert_eq!(seen(&sent, 7, true).await, with_ping);
        let passed = [ping.clone(), frame(0x81, passed, [0; 4])].concat();
        assert_eq!(seen(&sent, 7, false).await, [Seen::Passed(passed)]);
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_or_left_to_the_library() {
    // Larger than may be, also in parts; no frame of a client; of no known kind.
    let large = message(TEXT, &[b'4'; MAX + 1]);
    for sent in [
        large,
        b"\x81\x0542[\"a\"]".to_vec(),
        frame(0xc1, b"42[]", [0; 4]),
        frame(0x83, b"42[]", [0; 4]),
        frame(0x80, b"42[]", [0; 4]),
    ] {
        assert_eq!(seen(&sent, 1000, true).await, [Seen::Passed(sent)]);
    }
    let parts = [
        frame(TEXT, &[b'4'; MAX], [0; 4]),
        frame(CONTINUATION, b"4", [0; 4]),
    ];
    let one = frame(0x81, &[b'4'; MAX + 1], [0; 4]);
    assert_eq!(seen(&parts.concat(), 1000, true).await, [Seen::Passed(one)]);
    let within = [frame(TEXT, b"42", [0; 4]), message(TEXT, b"42[]")].concat();
    assert_eq!(seen(&within, 1000, true).await, [Seen::Wrong]);
    let no_text = message(TEXT, b"42[\"\xff\"]");
    assert_eq!(seen(&no_text, 1000, true).await, [Seen::Wrong]);
}

#[tokio::test]
async fn who_enters_again_is_read_a_little_later_and_what_follows_behind_it() {
    let began = std::time::Instant::now();
    let packets = [&b"40{}"[..], b"41", b"40{}", b"3"];
    let all = packets.map(|packet| message(TEXT, packet)).concat();
    for piece in [3, 1000] {
        assert_eq!(seen(&all, piece, true).await, [Seen::Passed(all.clone())]);
    }
    assert!(began.elapsed() >= 2 * ENTRY_PAUSE);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_taken_is_what_was_sent(
        messages in prop::collection::vec(
            (0u8..4, prop::collection::vec(0u8..128, 0..300), any::<[u8; MASK_BYTES]>()),
            0..8,
        ),
        large in prop::collection::vec(0u8..128, 60_000..90_000),
        piece in prop_oneof![1usize..20, 100usize..10_000, Just(70_000)],
    ) {
        let (mut sent, mut expected) = (Vec::new(), Vec::new());
        let mut put = |kind: u8, bytes: &[u8], mask| match kind {
            0 => {
                let packet = [b"42[", bytes].concat();
                sent.extend(frame(FINAL | TEXT, &packet, mask));
                expected.push(Seen::Text(String::from_utf8(packet).unwrap()));
            }
            1 => {
                sent.extend(frame(FINAL | BINARY, bytes, mask));
                expected.push(Seen::Attachment(bytes.to_vec()));
            }
            2 => {
                let packet = [&[MARK], base64::encoded(bytes).as_bytes()].concat();
                sent.extend(frame(FINAL | TEXT, &packet, mask));
                expected.push(Seen::Attachment(bytes.to_vec()));
            }
            _ => {
                let passed = frame(FINAL | TEXT, &[b"2", bytes].concat(), mask);
                sent.extend_from_slice(&passed);
                match expected.last_mut() {
                    Some(Seen::Passed(before)) => before.extend_from_slice(&passed),
                    _ => expected.push(Seen::Passed(passed)),
                }
            }
        };
        for (kind, bytes, mask) in &messages {
            put(*kind, bytes, *mask);
        }
        put(0, &large, [9, 8, 7, 6]);
        put(1, b"x", [1, 2, 3, 4]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let got = runtime.unwrap().block_on(seen(&sent, piece, true));
        prop_assert_eq!(got, expected);
    }
}
