use std::pin::Pin;

use proptest::prelude::*;
use tokio::io::AsyncReadExt;

use super::super::frames::Sender;
use super::*;

const MASKED: u8 = 0x80;
const MAX: u64 = 100_000;

/// What a client sends, as the library reads it.
struct Reader<'a> {
    attachments: TextAttachments,
    ahead: ReadAhead,
    frames: FrameScanner,
    /// What comes at once, with a pause behind each.
    pieces: std::slice::Chunks<'a, u8>,
    source: Piece<'a>,
    is_paused: bool,
}

impl AsyncRead for Reader<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if std::mem::take(&mut this.is_paused) && this.source.0.is_empty() {
            this.source.0 = this.pieces.next().unwrap_or_default();
        }
        this.source.1 = this.pieces.len() == 0;
        let source = (&mut this.source, &mut this.ahead);
        let polled = this
            .attachments
            .poll_read(source, cx, buf, usize::MAX, &this.frames);
        if polled.is_pending() {
            this.is_paused = true;
            cx.waker().wake_by_ref();
        }
        this.frames.advance(&buf.filled()[before..], |_, _, _| {});
        polled
    }
}

/// What has come, and whether it is the last.
struct Piece<'a>(&'a [u8], bool);

impl AsyncRead for Piece<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() && !self.1 {
            return Poll::Pending;
        }
        let (now, rest) = self.0.split_at(self.0.len().min(buf.remaining()));
        buf.put_slice(now);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

/// A frame of a client.
fn frame(first: u8, payload: &[u8], mask: [u8; MASK]) -> Vec<u8> {
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

/// What the library reads when it comes in such pieces, which are no larger than what it reads at once.
fn read(sent: &[u8], piece: usize) -> Vec<u8> {
    let mut attachments = TextAttachments::default();
    attachments.begin(MAX);
    let mut reader = Reader {
        attachments,
        ahead: ReadAhead::default(),
        frames: FrameScanner::new(Sender::Client),
        pieces: sent.chunks(piece),
        source: Piece(&[], false),
        is_paused: true,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut all, mut part) = (Vec::new(), vec![0; piece.max(16)]);
        loop {
            match reader.read(&mut part).await.unwrap() {
                0 => return all,
                read => all.extend_from_slice(&part[..read]),
            }
        }
    })
}

#[test]
fn one_that_is_larger_than_may_be_or_comes_in_parts_is_left_as_it_is() {
    let mask = [1, 2, 3, 4];
    let large = frame(TEXT, &[MARK; MAX as usize], mask);
    let parts = [frame(0x01, b"bAQ", mask), frame(0x80, b"ID", mask)].concat();
    let event = frame(TEXT, b"42[\"b\"]", mask);
    for sent in [
        large,
        parts,
        event,
        frame(TEXT, b"", mask),
        frame(BINARY, b"bAQID", mask),
    ] {
        assert_eq!(read(&sent, 1000), sent);
    }
    // What is no frame of a client is left, too.
    assert_eq!(read(b"\x81\x05bAQID\x81\x01", 3), b"\x81\x05bAQID\x81\x01");
}

#[test]
fn who_enters_again_is_read_a_little_later_and_what_follows_behind_it() {
    let (mask, began) = ([1, 2, 3, 4], std::time::Instant::now());
    let packets = [&b"40{}"[..], b"42[]", b"41", b"40{}", b"42[1]"];
    let frames = packets.map(|packet| frame(TEXT, packet, mask));
    let first = [frames[0].clone(), frames[1].clone()].concat();
    assert_eq!(read(&first, 1000), first);
    let passed = began.elapsed();
    let all = frames.concat();
    for piece in [3, 1000] {
        assert_eq!(read(&all, piece), all);
    }
    assert!(began.elapsed() >= passed + 2 * ENTRY_PAUSE);
}

proptest! {
    #[test]
    fn attachments_as_text_are_read_as_bytes_and_all_else_as_it_is(
        messages in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300), any::<[u8; MASK]>()), 0..8),
        large in prop::collection::vec(any::<u8>(), 0..70_000),
        piece in prop_oneof![1usize..20, 100usize..10_000],
    ) {
        let (mut sent, mut expected) = (Vec::new(), Vec::new());
        let mut put = |is_text: bool, bytes: &[u8], mask| {
            let text = [&[MARK], base64::encoded(bytes).as_bytes()].concat();
            let other = [b"42", bytes].concat();
            sent.extend(frame(TEXT, if is_text { &text } else { &other }, mask));
            expected.extend(match is_text {
                true => frame(BINARY, bytes, [0; MASK]),
                false => frame(TEXT, &other, mask),
            });
        };
        for (is_text, bytes, mask) in &messages {
            put(*is_text, bytes, *mask);
        }
        put(true, &large, [9, 8, 7, 6]);
        put(false, b"[]", [1, 2, 3, 4]);
        prop_assert_eq!(read(&sent, piece), expected);
    }
}
