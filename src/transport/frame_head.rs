//! The head of a WebSocket frame (RFC 6455, section 5.2) that is there at once, read and written. It must not look behind it.

use bytes::BufMut;

const MASKED: u8 = 0x80;
/// Lengths that stand in two bytes more, and in eight.
const LENGTH_16: u8 = 126;
const LENGTH_64: u8 = 127;
const MASK_BYTES: usize = 4;

/// What the head of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHead {
    /// Bytes of the head, with those of a mask.
    pub(crate) size: usize,
    /// Bytes behind it. So many that memory cannot hold them count as the most there can be.
    pub(crate) length: usize,
    pub(crate) is_masked: bool,
}

impl FrameHead {
    /// Bytes of the longest.
    pub(crate) const LONGEST: usize = 10 + MASK_BYTES;

    /// Reads it. The mask need not be there. `None`: less than it takes to tell is.
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let second = *frame.get(1)?;
        let (size, length) = match second & !MASKED {
            LENGTH_16 => (4, u64::from(u16::from_be_bytes(length_at(frame)?))),
            LENGTH_64 => (10, u64::from_be_bytes(length_at(frame)?)),
            short => (2, u64::from(short)),
        };
        let is_masked = second & MASKED != 0;
        Some(Self {
            size: size + if is_masked { MASK_BYTES } else { 0 },
            length: usize::try_from(length).unwrap_or(usize::MAX),
            is_masked,
        })
    }
}

/// The bytes of a length, behind the two that every frame begins with.
fn length_at<const N: usize>(frame: &[u8]) -> Option<[u8; N]> {
    frame.get(2..2 + N)?.try_into().ok()
}

/// Writes the head of a frame that begins with this byte and has so many bytes behind it. A mask is zero.
pub(crate) fn put_frame_head(frame: &mut impl BufMut, first: u8, is_masked: bool, length: usize) {
    let masked = if is_masked { MASKED } else { 0 };
    frame.put_u8(first);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if short < LENGTH_16 => frame.put_u8(masked | short),
        (_, Ok(length)) => {
            frame.put_u8(masked | LENGTH_16);
            frame.put_u16(length);
        }
        _ => {
            frame.put_u8(masked | LENGTH_64);
            frame.put_u64(length as u64);
        }
    }
    if is_masked {
        frame.put_bytes(0, MASK_BYTES);
    }
}
