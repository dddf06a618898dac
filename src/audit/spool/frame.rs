//! A frame of the spool: a mark, the length of a record, its checksum and its bytes.
//!
//! Owns this format, and finding the next intact frame behind damage. It must not know what a record
//! holds.

use std::cell::Cell;

/// The first bytes of every frame, so that reading can resume behind damage. The last byte is the
/// version.
const MARK: [u8; 4] = [0xa5, b'S', b'R', 1];
pub(super) const HEADER_LEN: usize = MARK.len() + 4 + 4;
/// A longer length is damage: records are much smaller.
const MAX_PAYLOAD_LEN: usize = 64 * 1024;
/// Most frames are shorter.
const USUAL_LEN: usize = 512;
/// The largest length of a frame.
pub(super) const MAX_LEN: usize = HEADER_LEN + MAX_PAYLOAD_LEN;

/// Appends `payload` as a frame.
pub(in crate::audit) fn push(frames: &mut Vec<u8>, payload: &[u8]) {
    let start = frames.len();
    frames.extend_from_slice(&[0; HEADER_LEN]);
    frames.extend_from_slice(payload);
    finish(&mut frames[start..]);
}

thread_local! {
    /// Memory for the next frame of this thread.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Uses the frame of what `write` appends.
pub(in crate::audit) fn with_frame<T>(
    write: impl FnOnce(&mut Vec<u8>),
    use_frame: impl FnOnce(&[u8]) -> T,
) -> T {
    // A thread that ends has none.
    let mut frame = SPARE.try_with(Cell::take).unwrap_or_default();
    frame.clear();
    frame.reserve(USUAL_LEN);
    frame.extend_from_slice(&[0; HEADER_LEN]);
    write(&mut frame);
    finish(&mut frame);
    let used = use_frame(&frame);
    if frame.capacity() <= 8 * USUAL_LEN {
        let _ = SPARE.try_with(|spare| spare.set(frame));
    }
    used
}

/// Writes the head of a frame in front of its payload.
fn finish(frame: &mut [u8]) {
    let Some((head, payload)) = frame.split_first_chunk_mut::<HEADER_LEN>() else {
        return;
    };
    // A record has at most a few KiB.
    let length = payload.len() as u32;
    let (mark, rest) = head.split_at_mut(MARK.len());
    mark.copy_from_slice(&MARK);
    rest[..4].copy_from_slice(&length.to_le_bytes());
    rest[4..].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
}

/// What some bytes begin with.
pub(super) enum Next<'a> {
    /// An intact frame, and the offset of the next one.
    Frame { payload: &'a [u8], end: usize },
    /// This many bytes are not frames; a frame or the end follows.
    Damage(usize),
}

/// Reads the beginning of `bytes`, which are not empty.
pub(super) fn next(bytes: &[u8]) -> Next<'_> {
    if let Some((payload, end)) = intact_frame(bytes) {
        return Next::Frame { payload, end };
    }
    let later = (1..bytes.len()).find(|&at| intact_frame(&bytes[at..]).is_some());
    Next::Damage(later.unwrap_or(bytes.len()))
}

/// The first frame of bytes that were in no file. `None`: there is none.
pub(super) fn first(bytes: &[u8]) -> Option<&[u8]> {
    frame(bytes).map(|(payload, _)| payload)
}

fn intact_frame(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (payload, checksum) = frame(bytes)?;
    let matches = checksum == crc32fast::hash(payload).to_le_bytes();
    matches.then_some((payload, HEADER_LEN + payload.len()))
}

/// The payload of the frame that bytes begin with, and its checksum.
fn frame(bytes: &[u8]) -> Option<(&[u8], [u8; 4])> {
    let (head, rest) = bytes.split_at_checked(HEADER_LEN)?;
    let (mark, head) = head.split_first_chunk()?;
    let (length, checksum) = head.split_first_chunk()?;
    if *mark != MARK {
        return None;
    }
    let length = u32::from_le_bytes(*length) as usize;
    let payload = rest.get(..length).filter(|_| length <= MAX_PAYLOAD_LEN)?;
    Some((payload, *checksum.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(mut bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
        let (mut frames, mut damage) = (Vec::new(), 0);
        while !bytes.is_empty() {
            match next(bytes) {
                Next::Frame { payload, end } => {
                    frames.push(payload.to_vec());
                    bytes = &bytes[end..];
                }
                Next::Damage(length) => {
                    damage += length;
                    bytes = &bytes[length..];
                }
            }
        }
        (frames, damage)
    }

    fn written(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut frames = Vec::new();
        payloads
            .iter()
            .for_each(|payload| push(&mut frames, payload));
        frames
    }

    /// The spool of an earlier version is read by a later one: these bytes must not change.
    #[test]
    fn a_frame_is_its_mark_its_length_its_checksum_and_its_payload() {
        let frames = written(&[b"record".to_vec(), Vec::new()]);
        let expected = [
            &b"\xa5SR\x01\x06\x00\x00\x00\x91\x9f4\x9brecord"[..],
            b"\xa5SR\x01\x00\x00\x00\x00\x00\x00\x00\x00",
        ];
        assert_eq!(frames, expected.concat());
        assert_eq!(read(&frames), (vec![b"record".to_vec(), Vec::new()], 0));
    }

    proptest! {
        #[test]
        fn frames_are_read_as_they_were_written(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..20),
        ) {
            prop_assert_eq!(read(&written(&payloads)), (payloads, 0));
        }

        #[test]
        fn a_torn_end_costs_the_last_record_only(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..20),
            cut in 1_usize..11,
        ) {
            let frames = written(&payloads);
            let (read, damage) = read(&frames[..frames.len() - cut]);
            prop_assert_eq!(&read[..], &payloads[..payloads.len() - 1]);
            prop_assert!(damage > 0);
        }

        #[test]
        fn one_damaged_byte_costs_one_record(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..20),
            at: prop::sample::Index,
            flipped in 1_u8..,
        ) {
            let mut frames = written(&payloads);
            let at = at.index(frames.len());
            frames[at] ^= flipped;
            let (read, damage) = read(&frames);
            prop_assert_eq!(read.len(), payloads.len() - 1);
            prop_assert!(read.iter().all(|payload| payloads.contains(payload)));
            prop_assert!(damage > 0);
        }
    }
}
