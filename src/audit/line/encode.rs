//! Writing a line.
//!
//! Owns its bytes: the same record always makes the same ones, so that texts can be compared as they
//! are written. The details are in `details`.

mod details;

use std::fmt::Display;
use std::io::Write as _;

use uuid::Uuid;
use uuid::fmt::Simple;

use super::Fields;
use crate::audit::record::{Record, Source};
use crate::json::{push_some, push_text, push_word};

/// Appends the line of `record`.
pub(in crate::audit) fn push(line: &mut Vec<u8>, record: &Record) {
    let event = record.event();
    push_head(line, record.id(), event.event_type().as_str());
    match record.dialect() {
        Some(dialect) => push_word(line, dialect.as_str()),
        None => line.extend_from_slice(b"null"),
    }
    line.push(b',');
    let source = record.source();
    line.extend_from_slice(source.encoded.get_or_make(|| encoded(source)));
    line.push(b',');
    details::push(line, &event.details());
    line.push(b']');
}

/// Appends the line of a record that was in another form.
pub(in crate::audit) fn push_fields(line: &mut Vec<u8>, fields: &Fields<'_>) {
    push_head(line, fields.id, &fields.event_type);
    push_some(line, fields.dialect.as_deref());
    for text in [&fields.user, &fields.username] {
        line.push(b',');
        push_some(line, text.as_deref());
    }
    line.push(b',');
    push_id(line, fields.session_id);
    for text in [&fields.ip_address, &fields.user_agent] {
        line.push(b',');
        push_some(line, text.as_deref());
    }
    line.push(b',');
    push_text(line, &fields.node);
    line.push(b',');
    line.extend_from_slice(fields.details.as_bytes());
    line.push(b']');
}

/// A text as lines have it.
pub(in crate::audit) fn quoted(text: &str) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len() + 2);
    push_text(&mut quoted, text);
    quoted
}

/// What the lines of all records of a source have in common.
fn encoded(source: &Source) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    push_some(&mut line, source.user.as_deref());
    line.push(b',');
    push_some(&mut line, source.username.as_deref());
    line.push(b',');
    push_id(&mut line, source.session_id);
    line.push(b',');
    match source.ip {
        Some(address) => push_plain(&mut line, &address.to_canonical()),
        None => line.extend_from_slice(b"null"),
    }
    line.push(b',');
    let agent = source.user_agent.as_ref();
    push_some(&mut line, agent.map(|agent| agent.as_str()));
    line.push(b',');
    push_text(&mut line, &source.node);
    line
}

fn push_head(line: &mut Vec<u8>, id: Uuid, event_type: &str) {
    line.extend_from_slice(b"[\"");
    let mut text = [0; Simple::LENGTH];
    id.simple().encode_lower(&mut text);
    line.extend_from_slice(&text);
    line.extend_from_slice(b"\",");
    push_word(line, event_type);
    line.push(b',');
}

fn push_id(line: &mut Vec<u8>, id: Option<Uuid>) {
    match id {
        Some(id) => push_plain(line, &id.simple()),
        None => line.extend_from_slice(b"null"),
    }
}

fn push_plain(line: &mut Vec<u8>, value: &impl Display) {
    // Writing to memory cannot fail.
    let _ = write!(line, "\"{value}\"");
}
