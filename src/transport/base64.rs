//! Base64 as Node.js reads and writes it: clients write line ends, leave out the padding, or use the alphabet of URLs, and
//! its servers take all of it.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, GeneralPurpose as Engine};

const LENIENT: Engine = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// The bytes of a text in Base64. What is not of the alphabet is passed over, and the first padding ends it.
pub(crate) fn decoded(text: &[u8]) -> Vec<u8> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return bytes;
    }
    let known = text.iter().take_while(|byte| **byte != b'=');
    let mut known: Vec<u8> = known
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => Some(*byte),
            _ => None,
        })
        .collect();
    if known.len() % 4 == 1 {
        // Six bits are no byte.
        known.pop();
    }
    // Nothing is left that it could refuse.
    LENIENT.decode(known).unwrap_or_default()
}

/// The bytes in Base64.
pub(crate) fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_node_reads_is_read() {
        for text in [
            "AQIDBA==",
            "AQIDBA",
            "AQIDBA=",
            "AQIDBA==\n",
            "AQID\r\nBA==\r\n",
            " A Q I D B A ",
            "AQIDBA==AAAA",
            "AQIDBB",
        ] {
            assert_eq!(decoded(text.as_bytes()), [1, 2, 3, 4], "{text:?}");
        }
        assert_eq!(decoded(b"-_-_"), decoded(b"+/+/"));
        assert_eq!(decoded(b"AQIDB"), [1, 2, 3]);
        assert!(decoded(b"A").is_empty());
        assert!(decoded(b"").is_empty());
    }
}
