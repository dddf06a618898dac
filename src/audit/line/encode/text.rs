//! Texts as JSON.

/// Appends a text in quotes.
pub(super) fn push_text(line: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        push_word(line, text);
    } else {
        // Writing a text to memory cannot fail.
        let _ = serde_json::to_writer(line, text);
    }
}

/// Appends a text in quotes, or `null`.
pub(super) fn push_some(line: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => push_text(line, text),
        None => line.extend_from_slice(b"null"),
    }
}

/// Appends a text that needs no escapes.
pub(super) fn push_word(line: &mut Vec<u8>, word: &str) {
    line.reserve(word.len() + 2);
    line.push(b'"');
    line.extend_from_slice(word.as_bytes());
    line.push(b'"');
}

/// Whether a text needs no escapes. Looks at all of it, so that it can look at many bytes at once.
fn is_plain(text: &[u8]) -> bool {
    let is_escaped = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    !text
        .iter()
        .fold(false, |found, byte| found | is_escaped(*byte))
}
