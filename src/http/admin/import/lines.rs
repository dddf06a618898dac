//! The lines of a body as it comes. Of a line that is too long nothing is kept.

use bytes::Bytes;

/// The longest line, in bytes, without its end.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024;
/// What some programs write in front of text.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// What it says.
    Text(Vec<u8>),
    /// It is longer than a line may be.
    TooLong,
}

/// The lines that have come.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What has come, and was not looked at.
    rest: Bytes,
    /// The beginning of a line of which the end is missing.
    begun: Vec<u8>,
    /// That line is too long.
    is_too_long: bool,
    /// Something has come.
    has_begun: bool,
}

impl Lines {
    /// More has come. To be called when there is no further line.
    pub(super) fn push(&mut self, more: Bytes) {
        self.rest = more;
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Option<Line> {
        match memchr::memchr(b'\n', &self.rest) {
            Some(end) => {
                let part = self.rest.split_to(end + 1);
                self.begin(&part[..end]);
                Some(self.take())
            }
            None => {
                let part = std::mem::take(&mut self.rest);
                self.begin(&part);
                None
            }
        }
    }

    /// What has come behind the last end of a line, if there is no more.
    pub(super) fn last(&mut self) -> Option<Line> {
        (self.is_too_long || !self.begun.is_empty()).then(|| self.take())
    }

    fn begin(&mut self, part: &[u8]) {
        // One more for the end of a line as some systems write it.
        self.is_too_long |= self.begun.len() + part.len() > MAX_LINE_BYTES + 1;
        match self.is_too_long {
            true => self.begun = Vec::new(),
            false => self.begun.extend_from_slice(part),
        }
    }

    fn take(&mut self) -> Line {
        let mut line = std::mem::take(&mut self.begun);
        if line.ends_with(b"\r") {
            line.pop();
        }
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if is_first && line.starts_with(MARK) {
            line.drain(..MARK.len());
        }
        let is_too_long = std::mem::take(&mut self.is_too_long);
        match is_too_long || line.len() > MAX_LINE_BYTES {
            true => Line::TooLong,
            false => Line::Text(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> Line {
        Line::Text(line.into())
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let whole = "\u{feff}{\"a\":1}\n\r\n two\r\nlast";
        for size in 1..=whole.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for part in whole.as_bytes().chunks(size) {
                lines.push(Bytes::copy_from_slice(part));
                found.extend(std::iter::from_fn(|| lines.next()));
            }
            found.extend(lines.last());
            let expected = [text("{\"a\":1}"), text(""), text(" two"), text("last")];
            assert_eq!(found, expected, "{size}");
            assert_eq!(lines.last(), None);
        }
    }

    #[test]
    fn of_a_line_that_is_too_long_nothing_is_kept() {
        let mut lines = Lines::default();
        lines.push(vec![b'x'; MAX_LINE_BYTES].into());
        assert_eq!(lines.next(), None);
        lines.push(b"\r\n".as_slice().into());
        assert!(matches!(lines.next(), Some(Line::Text(line)) if line.len() == MAX_LINE_BYTES));
        for _ in 0..3 {
            lines.push(vec![b'x'; MAX_LINE_BYTES].into());
            assert_eq!(lines.next(), None);
            assert!(lines.begun.len() <= MAX_LINE_BYTES + 1);
        }
        lines.push(b"x\nshort\n".as_slice().into());
        assert_eq!(lines.next(), Some(Line::TooLong));
        assert_eq!(lines.next(), Some(text("short")));
        lines.push(vec![b'x'; MAX_LINE_BYTES + 1].into());
        assert_eq!(lines.next(), None);
        assert_eq!(lines.last(), Some(Line::TooLong));
    }
}
