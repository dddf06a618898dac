//! The answers that the HTTP library makes by itself, to what it cannot read as a request. No layer sees them, so the
//! header that every answer has is put in here.

const STATUS: &[u8] = b"HTTP/1.1 4";
const END: &[u8] = b"\r\n\r\n";
const HEADER: &[u8] = b"\r\nx-content-type-options: nosniff";
/// Such an answer has a handful of headers and no body.
const MAX_BYTES: usize = 512;

/// The answer with the header. `None`: these bytes are no such answer.
pub(super) fn completed(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = bytes
        .strip_suffix(END)
        .filter(|_| bytes.len() <= MAX_BYTES)?;
    let has_it = head.windows(HEADER.len()).any(|part| part == HEADER);
    if !head.starts_with(STATUS) || has_it {
        return None;
    }
    Some([head, HEADER, END].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_answer_gets_the_header_and_others_are_left_alone() {
        let bare = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        let complete = completed(bare).unwrap();
        let expected = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nx-content-type-options: nosniff\r\n\r\n";
        assert_eq!(String::from_utf8(complete.clone()).unwrap(), expected);
        assert_eq!(completed(&complete), None);
        for other in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\n",
            b"\r\n\r\n",
            b"",
        ] {
            assert_eq!(completed(other), None);
        }
    }
}
