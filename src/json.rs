//! Texts and numbers as JSON, appended to bytes. It must not know what they are of.

use memchr::memchr2;

/// Appends a text in quotes.
pub(crate) fn push_text(line: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        push_word(line, text);
    } else {
        // Writing a text to memory cannot fail.
        let _ = serde_json::to_writer(line, text);
    }
}

/// Appends a text in quotes, or `null`.
pub(crate) fn push_some(line: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => push_text(line, text),
        None => line.extend_from_slice(b"null"),
    }
}

/// Appends a text that needs no escapes.
pub(crate) fn push_word(line: &mut Vec<u8>, word: &str) {
    debug_assert!(is_plain(word.as_bytes()), "{word} needs escapes");
    line.reserve(word.len() + 2);
    line.push(b'"');
    line.extend_from_slice(word.as_bytes());
    line.push(b'"');
}

/// Appends the name of a member that needs no escapes, with the colon behind it, and the comma before it unless it is the
/// first.
pub(crate) fn push_name(line: &mut Vec<u8>, is_first: bool, name: &str) {
    debug_assert!(is_plain(name.as_bytes()), "{name} needs escapes");
    line.reserve(name.len() + 4);
    if !is_first {
        line.push(b',');
    }
    line.push(b'"');
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

/// Appends a number.
pub(crate) fn push_number(line: &mut Vec<u8>, number: i64) {
    let mut digits = itoa::Buffer::new();
    line.extend_from_slice(digits.format(number).as_bytes());
}

/// How many bytes a text begins with that need no escapes.
pub(crate) fn plain_length(text: &[u8]) -> usize {
    /// From so many bytes on, a search in larger steps is worth its beginning.
    const SHORT: usize = 3;
    let (words, rest) = text.as_chunks::<8>();
    for (number, word) in words.iter().take(SHORT).enumerate() {
        if let Some(at) = first_escaped(*word) {
            return 8 * number + at;
        }
    }
    if words.len() <= SHORT {
        let is_escaped = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
        return text.len() - rest.len() + rest.iter().position(is_escaped).unwrap_or(rest.len());
    }
    let found = memchr2(b'"', b'\\', &text[8 * SHORT..]);
    let length = found.map_or(text.len(), |found| 8 * SHORT + found);
    let is_control = |is, byte: &u8| is | (*byte < b' ');
    match text[..length].iter().fold(false, is_control) {
        false => length,
        true => text.iter().take_while(|byte| **byte >= b' ').count(),
    }
}

/// Whether a text needs no escapes.
fn is_plain(text: &[u8]) -> bool {
    let are_plain = |word: &[u8; 8]| first_escaped(*word).is_none();
    match (text.as_chunks::<8>().0, text.last_chunk::<8>()) {
        // The last eight may have been looked at in part.
        (words, Some(last)) => words.iter().all(are_plain) && are_plain(last),
        (_, None) => {
            let mut word = [b' '; 8];
            word.iter_mut().zip(text).for_each(|(to, byte)| *to = *byte);
            are_plain(&word)
        }
    }
}

/// The first of eight bytes that is escaped: subtracting borrows from the highest bit of one that is too small, and perhaps
/// of others behind it.
fn first_escaped(word: [u8; 8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGHEST: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    let is_less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word & HIGHEST;
    let has = |byte: u8| is_less(word ^ (ONES * u64::from(byte)), 1);
    let escaped = is_less(word, b' ') | has(b'"') | has(b'\\');
    (escaped != 0).then_some(escaped.trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pushed(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = Vec::new();
        push(&mut line);
        String::from_utf8(line).unwrap()
    }

    proptest! {
        #[test]
        fn a_plain_beginning_ends_where_an_escape_is_needed(text in "[a-e\"\\\\\u{0}-\u{1f}é]{0,4}|[a-z é🦀]{0,60}[a\"\\\\\n\u{1f} ]{0,9}") {
            let is_escaped = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
            let expected = text.bytes().position(|byte| is_escaped(&byte));
            prop_assert_eq!(plain_length(text.as_bytes()), expected.unwrap_or(text.len()));
        }

        #[test]
        fn texts_and_numbers_are_what_serde_makes_of_them(
            text in "[a\"\\\\\u{0}-\u{1f}\u{7f}é🦀]{0,40}|.{0,80}", number: i64, small in -20_i64..200,
        ) {
            prop_assert_eq!(pushed(|line| push_text(line, &text)), serde_json::to_string(&text).unwrap());
            for number in [number, small, 0, i64::MIN, i64::MAX] {
                prop_assert_eq!(pushed(|line| push_number(line, number)), number.to_string());
            }
        }
    }
}
