//! What the frame in front is, of what is read of a client, by its head and the first bytes of its text. It must not take it.

use smallvec::SmallVec;

use super::mask::MASK_BYTES;
use super::{BINARY, FINAL, Incoming, OPCODE};
use crate::transport::entry::{ENTER, PREFIX};
use crate::transport::frame_head::FrameHead;
use crate::transport::frames::is_relayed_packet;

const RESERVED: u8 = 0x70;
const CONTINUATION: u8 = 0;
/// What the frame in front is.
pub(super) enum Frame {
    Unknown,
    /// The library reads it.
    Passed,
    /// It says that the client enters.
    Entry,
    /// A packet of an event, or an attachment.
    Taken,
    /// A part of a message.
    Part,
    Wrong,
}

impl Incoming {
    /// What the frame in front is.
    pub(super) fn frame(&self, takes: bool) -> Frame {
        let bytes = &self.held[self.at..];
        let Some(head) = FrameHead::read(bytes) else {
            return Frame::Unknown;
        };
        let (is_final, opcode) = (bytes[0] & FINAL != 0, bytes[0] & OPCODE);
        if !head.is_masked || head.length > self.max || bytes[0] & RESERVED != 0 || opcode > BINARY
        {
            return Frame::Passed;
        }
        let is_whole = bytes.len() >= head.size + head.length;
        let whole = |frame| if is_whole { frame } else { Frame::Unknown };
        match (opcode, &self.fragments) {
            (CONTINUATION, None) => Frame::Passed,
            (CONTINUATION, Some(_)) => whole(Frame::Part),
            (_, Some(_)) => Frame::Wrong,
            _ if !is_final => whole(Frame::Part),
            (BINARY, _) if takes => whole(Frame::Taken),
            (BINARY, _) => Frame::Passed,
            _ => match self.telling(head) {
                None => Frame::Unknown,
                Some(text) if takes && is_relayed_packet(&text) => whole(Frame::Taken),
                Some(text) if text.starts_with(ENTER) => Frame::Entry,
                Some(_) => Frame::Passed,
            },
        }
    }

    /// What the text of the frame in front begins with, if it is there.
    fn telling(&self, head: FrameHead) -> Option<SmallVec<[u8; PREFIX]>> {
        let frame = &self.held[self.at..];
        let count = head.length.min(PREFIX);
        let text = frame.get(head.size..head.size + count)?;
        let mask = mask_of(frame, head);
        let text = text.iter().zip(mask).map(|(byte, mask)| byte ^ mask);
        Some(text.collect())
    }
}

/// The mask of a frame whose head is there.
pub(super) fn mask_of(frame: &[u8], head: FrameHead) -> [u8; MASK_BYTES] {
    let mask = &frame[head.size - MASK_BYTES..head.size];
    mask.try_into().unwrap_or_default()
}
