//! The lines of a batch: a JSON array, with a newline between two. No line has one in it.

use crate::audit::line::Line;

/// A body while it grows.
#[derive(Default)]
pub(super) struct Body {
    bytes: Vec<u8>,
}

impl Body {
    pub(super) fn push(&mut self, line: Line<'_>) {
        self.begin_line();
        self.bytes.extend_from_slice(line.bytes());
    }

    /// Appends the lines of another.
    pub(super) fn append(&mut self, body: &[u8]) {
        self.begin_line();
        self.bytes.extend_from_slice(inner(body));
    }

    pub(super) fn reserve(&mut self, more: usize) {
        self.bytes.reserve(more);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn begin_line(&mut self) {
        let before: &[u8] = match self.bytes.is_empty() {
            true => b"[",
            false => b",\n",
        };
        self.bytes.extend_from_slice(before);
    }

    /// The whole of it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(b']');
        self.bytes
    }
}

fn inner(body: &[u8]) -> &[u8] {
    let body = body.strip_prefix(b"[").unwrap_or(body);
    body.strip_suffix(b"]").unwrap_or(body)
}

/// The lines of a body.
pub(super) fn lines(body: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut rest = inner(body);
    let lines = std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end).filter(|line| !line.is_empty())?;
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(line.strip_suffix(b",").unwrap_or(line))
    });
    lines.filter_map(Line::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_as_they_went_in_also_when_bodies_are_joined() {
        let all: Vec<_> = (0..5)
            .map(|n| format!("[\"{n:032}\",\"T\",{{\"{n}\":\"]\\n,[\"}}]"))
            .collect();
        let line = |n: usize| Line::new(all[n].as_bytes()).unwrap();
        let body = |numbers: &[usize]| {
            let mut body = Body::default();
            numbers.iter().for_each(|n| body.push(line(*n)));
            body.finish()
        };
        let mut joined = Body::default();
        joined.append(&body(&[0]));
        joined.append(&body(&[1, 2]));
        joined.push(line(3));
        joined.append(&body(&[4]));
        let joined = joined.finish();
        let found: Vec<_> = lines(&joined).map(Line::bytes).collect();
        assert_eq!(found, all.iter().map(String::as_bytes).collect::<Vec<_>>());
        let array: Vec<serde_json::Value> = serde_json::from_slice(&joined).unwrap();
        assert_eq!(array.len(), 5);
    }
}
