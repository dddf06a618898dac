//! A message that comes in several frames, until it is complete. It must not know what a message means.

use super::FINAL;
use crate::transport::frame_head::{FrameHead, put_frame_head};

/// The parts of a message that have come.
#[derive(Debug)]
pub(super) struct Fragments {
    pub(super) opcode: u8,
    pub(super) payload: Vec<u8>,
}

impl Fragments {
    /// None of a message of this opcode.
    pub(super) fn of(opcode: u8) -> Self {
        Self {
            opcode,
            payload: Vec::new(),
        }
    }

    /// The next part is this.
    pub(super) fn put(&mut self, part: &[u8]) {
        self.payload.extend_from_slice(part);
    }

    /// Bytes of them.
    pub(super) fn bytes(&self) -> usize {
        self.payload.len()
    }
}

/// A message as one frame of a client, whose mask is zero.
pub(super) fn one_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + FrameHead::LONGEST);
    put_frame_head(&mut frame, FINAL | opcode, true, payload.len());
    frame.extend_from_slice(payload);
    frame
}
