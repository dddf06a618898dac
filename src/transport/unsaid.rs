//! What the library writes to a WebSocket and its client is not sent: an id that is no secret, CONNECT, which the relay
//! sends itself before all else, and the packet `close` before the WebSocket is closed, which clients take for a wish that
//! they stay away. A message that is too large is said by the code of the WebSocket's end. It must not change an event.

use super::entry::ENTER;
use super::frame_head::FrameHead;

/// The packet `close`, and the end of a WebSocket, as the library writes them.
const CLOSE: &[u8] = b"\x81\x011";
const END: &[u8] = b"\x88\x00";
const TEXT: u8 = 0x81;
/// The end for a message that is too large: its code is 1009.
pub(super) const TOO_LARGE: &[u8] = b"\x88\x02\x03\xf1";

/// What of the bytes that are written next the client is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    Whole,
    /// So many; what follows is looked at again.
    First(usize),
    /// Nothing of the first so many.
    Unsaid(usize),
    /// This instead of the first so many.
    Instead(&'static [u8], usize),
}

/// What is still to be left out.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    opens: bool,
    connects: bool,
    is_too_large: bool,
}

impl Unsaid {
    /// Of a session that begins: its client is told of it otherwise.
    pub(super) fn of_beginning() -> Self {
        Self {
            opens: true,
            ..Self::of_library()
        }
    }

    /// Of a session with which the library goes on.
    pub(super) fn of_library() -> Self {
        Self {
            connects: true,
            ..Self::default()
        }
    }

    /// What of these frames is sent.
    pub(super) fn passed(&mut self, bytes: &[u8]) -> Passed {
        if std::mem::take(&mut self.opens) {
            // It is written alone.
            return Passed::Unsaid(bytes.len());
        }
        let is_it = |frame: &[u8]| {
            frame.starts_with(CLOSE)
                || self.connects && connects(frame)
                || self.is_too_large && frame.starts_with(END)
        };
        match find(bytes, is_it) {
            None => Passed::Whole,
            Some(0) if bytes.starts_with(END) => Passed::Instead(TOO_LARGE, END.len()),
            Some(0) => Passed::Unsaid(2 + usize::from(bytes[1])),
            Some(at) => Passed::First(at),
        }
    }

    /// The client may have sent a frame that is too large.
    pub(super) fn note_too_large(&mut self, is_too_large: bool) {
        self.is_too_large |= is_too_large;
    }
}

/// Whether a frame, which is short, says that the namespace is entered.
fn connects(frame: &[u8]) -> bool {
    frame[0] == TEXT && frame[1] < 126 && frame[2..].starts_with(ENTER)
}

/// Where the first of these frames is for which this is so.
fn find(bytes: &[u8], is_it: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut at = 0;
    while let Some(frame @ [_, _, ..]) = bytes.get(at..) {
        if is_it(frame) {
            return Some(at);
        }
        let head = FrameHead::read(frame)?;
        at = at.checked_add(head.size)?.checked_add(head.length)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: &[u8] = b"\x81\x012";

    /// What a client is sent of this, with what was said instead.
    fn sent(unsaid: &mut Unsaid, mut bytes: &[u8]) -> Vec<u8> {
        let mut sent = Vec::new();
        while !bytes.is_empty() {
            let count = match unsaid.passed(bytes) {
                Passed::Whole => bytes.len(),
                Passed::First(count) => count,
                Passed::Unsaid(count) => {
                    bytes = &bytes[count..];
                    continue;
                }
                Passed::Instead(instead, count) => {
                    sent.extend_from_slice(instead);
                    bytes = &bytes[count..];
                    continue;
                }
            };
            sent.extend_from_slice(&bytes[..count]);
            bytes = &bytes[count..];
        }
        sent
    }

    #[test]
    fn the_beginning_and_every_close_are_not_said() {
        let mut unsaid = Unsaid::of_beginning();
        assert_eq!(sent(&mut unsaid, b"\x81\x080{\"a\":1}"), b"");
        let event = &b"\x81\x0442[]"[..];
        assert_eq!(
            sent(&mut unsaid, &[event, b"\x81\x0440{}", event].concat()),
            [event, event].concat()
        );
        let event = b"\x82\x7e\x00\x80"
            .iter()
            .copied()
            .chain([0x81; 128])
            .collect::<Vec<_>>();
        let rest = [PING, &event, CLOSE, END].concat();
        assert_eq!(sent(&mut unsaid, &rest), [PING, &event, END].concat());
    }

    #[test]
    fn an_event_that_reads_like_one_of_them_is_sent() {
        let mut unsaid = Unsaid::of_beginning();
        sent(&mut unsaid, b"\x81\x010");
        let inside = [b"\x82\x06", PING, CLOSE].concat();
        assert_eq!(sent(&mut unsaid, &inside), inside);
        let longer = b"\x81\x0212\x81\x021 ";
        assert_eq!(sent(&mut unsaid, longer), longer);
    }

    #[test]
    fn what_was_too_large_is_said_by_the_code_of_the_end() {
        let mut unsaid = Unsaid::default();
        unsaid.note_too_large(false);
        assert_eq!(sent(&mut unsaid, END), END);
        unsaid.note_too_large(true);
        unsaid.note_too_large(false);
        assert_eq!(sent(&mut unsaid, END), TOO_LARGE);
    }
}
