//! What a frame of the spool holds: the line of a record, or a document that an earlier version left.
//!
//! Owns telling them apart.

use std::borrow::Cow;

use super::document::to_line;
use super::event_type::{EventType, Removal};
use super::line::{Fields, Line};
use super::spool::Chunk;

/// The lines of the records of a chunk.
pub(super) struct Lines<'a> {
    lines: Vec<Cow<'a, [u8]>>,
    /// How many of its records are none.
    pub(super) others: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(chunk: &'a Chunk) -> Self {
        // What another process left may be of another version.
        let is_line = |line: &Cow<'_, [u8]>| chunk.is_trusted || Fields::read(line).is_some();
        let mut lines = Vec::with_capacity(chunk.len());
        lines.extend(chunk.records().filter_map(to_lines).filter(is_line));
        let others = chunk.len() - lines.len();
        Self { lines, others }
    }

    pub(super) fn get(&self) -> Vec<Line<'_>> {
        self.lines
            .iter()
            .filter_map(|line| Line::new(line))
            .collect()
    }
}

/// The line of a record. `None`: it is neither a line nor a document.
fn to_lines(payload: &[u8]) -> Option<Cow<'_, [u8]>> {
    match Line::new(payload) {
        Some(_) => Some(Cow::Borrowed(payload)),
        None => to_line(payload).map(Cow::Owned),
    }
}

/// Whether a payload is of a record that is removed last.
pub(super) fn is_removed_last(payload: &[u8]) -> bool {
    let line = to_lines(payload);
    let line = line.as_deref().and_then(Line::new);
    line.is_some_and(|line| line.removal() == Removal::Last)
}

/// The type of the record of a payload. `None`: it is none, or of a later version.
pub(super) fn event_type_of(payload: &[u8]) -> Option<EventType> {
    let line = to_lines(payload)?;
    let name = Line::new(&line)?.event_type();
    EventType::parse(str::from_utf8(name).ok()?)
}
