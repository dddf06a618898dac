//! The mask of a client's frames (RFC 6455, section 5.3). It must not know a frame.

/// Bytes of a mask.
pub(super) const MASK_BYTES: usize = 4;

const AT_ONCE: usize = 16;

/// A payload without its mask.
pub(super) fn unmasked(masked: &[u8], mask: [u8; MASK_BYTES]) -> Vec<u8> {
    let mut bytes = masked.to_vec();
    let wide = u128::from_ne_bytes(std::array::from_fn(|at| mask[at % MASK_BYTES]));
    let (chunks, rest) = bytes.as_chunks_mut::<AT_ONCE>();
    for chunk in chunks {
        *chunk = (u128::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_its_own_of_the_mask() {
        let mask = [1, 2, 4, 8];
        for length in 0..50 {
            let masked: Vec<u8> = (0..length).collect();
            let expected: Vec<u8> = masked
                .iter()
                .enumerate()
                .map(|(at, byte)| byte ^ mask[at % 4])
                .collect();
            assert_eq!(unmasked(&masked, mask), expected);
        }
    }
}
