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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::spool::push_frame;

    fn frames(payloads: std::ops::Range<usize>, len: usize) -> Vec<u8> {
        let mut frames = Vec::new();
        payloads.for_each(|number| push_frame(&mut frames, &vec![number as u8; len]));
        frames
    }

    fn payloads(chunk: &Chunk) -> Vec<u8> {
        chunk.records().map(|record| record[0]).collect()
    }

    #[test]
    fn frames_come_out_in_their_order_and_only_where_they_are_in_the_file() {
        let mut recent = Recent::default();
        let (one, two) = (frames(0..3, 5), frames(3..5, 5));
        let begin = (7, 100);
        let middle = (7, 100 + one.len() as u64);
        let end = (7, middle.1 + two.len() as u64);
        recent.add(&one, middle);
        recent.add(&two, end);
        // Another file begins.
        recent.add(&one, (8, one.len() as u64));
        assert!(
            recent.take((7, 50), 9).is_none(),
            "what is before them is in the file"
        );
        let chunk = recent.take(begin, 2).unwrap();
        assert_eq!(payloads(&chunk), [0, 1]);
        let next = chunk.origin.unwrap();
        recent.reuse(chunk);
        let chunk = recent.take(next, 9).unwrap();
        assert_eq!((payloads(&chunk), chunk.origin), (vec![2, 3, 4], Some(end)));
        assert!(recent.take(end, 9).is_none());
        assert!(recent.take((8, 0), 9).is_none());
        recent.add(&two, (8, 900));
        assert!(
            recent.take((8, 890), 9).is_none(),
            "it was read from the file"
        );
        recent.add(&two, (8, 1_000));
        let begin = (8, 1_000 - two.len() as u64);
        assert_eq!(payloads(&recent.take(begin, 9).unwrap()), [3, 4]);
    }

    #[test]
    fn they_take_no_more_memory_than_they_may() {
        let mut recent = Recent::default();
        let some = frames(0..10, 60_000);
        for number in 1..20 {
            recent.add(&some, (1, number * some.len() as u64));
        }
        assert!(recent.frames.len() <= MAX_BYTES);
        let chunk = recent.take((1, 0), usize::MAX).unwrap();
        assert_eq!(chunk.len(), 60);
        recent.reuse(chunk);
        assert!(recent.spare.capacity() <= MAX_SPARE);
    }
}
