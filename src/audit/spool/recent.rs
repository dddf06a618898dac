//! The newest frames of a spool while they are still in memory, so that they need not be read back.
//!
//! Owns how many there may be. The file stays the truth: what is not here is read from it.

use std::mem;

use super::segment::Chunk;

/// The most bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// A larger buffer is not kept.
const MAX_SPARE: usize = 1024 * 1024;

/// Where something is in a spool: the number of its file, and the offset there.
pub(in crate::audit) type Place = (u64, u64);

/// Frames that stand together in one file.
#[derive(Default)]
pub(in crate::audit) struct Recent {
    begin: Place,
    frames: Vec<u8>,
    /// An empty buffer for the next ones.
    spare: Vec<u8>,
}

impl Recent {
    /// Frames were written that end there. Those that are too many are left to the file.
    pub(in crate::audit) fn add(&mut self, frames: &[u8], (number, end): Place) {
        let begin = (number, end.saturating_sub(frames.len() as u64));
        if self.frames.is_empty() {
            self.begin = begin;
        }
        if begin == self.end() && self.frames.len() + frames.len() <= MAX_BYTES {
            self.frames.extend_from_slice(frames);
        }
    }

    /// At most `max` records of those that begin there.
    pub(in crate::audit) fn take(&mut self, place: Place, max: usize) -> Option<Chunk> {
        if self.begin < place {
            self.frames.clear();
        }
        if self.frames.is_empty() || self.begin != place {
            return None;
        }
        let frames = mem::replace(&mut self.frames, mem::take(&mut self.spare));
        let (mut chunk, rest) = Chunk::from_memory(frames, max);
        let end = (place.0, place.1 + chunk.bytes_read());
        chunk.origin = Some(end);
        self.begin = end;
        if !rest.is_empty() {
            self.frames = rest;
        }
        (chunk.len() > 0).then_some(chunk)
    }

    /// Takes the memory of a chunk that is not needed any more.
    pub(in crate::audit) fn reuse(&mut self, chunk: Chunk) {
        let mut bytes = chunk.into_bytes();
        if bytes.capacity() <= MAX_SPARE {
            bytes.clear();
            self.spare = bytes;
        }
    }

    fn end(&self) -> Place {
        (self.begin.0, self.begin.1 + self.frames.len() as u64)
    }
}
