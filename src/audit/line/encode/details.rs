//! The details as JSON: what serde makes of them, at a fraction of its cost.

use super::text::push_text;
use crate::audit::details::Details;
use crate::audit::text::Seq;

/// The name of a detail, as it is written in front of the value.
macro_rules! name {
    ($name:literal) => {
        concat!("\"", $name, "\":")
    };
}

/// Appends the object.
pub(super) fn push(line: &mut Vec<u8>, details: &Details<'_>) {
    let mut object = Object { line, before: b'{' };
    object.text(name!("recipient"), details.recipient);
    object.seq(name!("seq"), details.seq);
    object.text(name!("messageType"), details.message_type);
    object.text(name!("messageId"), details.message_id);
    object.text(name!("conversationId"), details.conversation_id);
    object.number(name!("chunkNumber"), details.chunk_number);
    object.number(name!("totalChunks"), details.total_chunks);
    object.number(name!("fileSize"), details.file_size);
    object.text(name!("mimeType"), details.mime_type);
    object.text(name!("roomName"), details.room_name);
    object.number(name!("count"), details.count);
    object.text(name!("firstAt"), details.first_at.as_deref());
    object.text(name!("lastAt"), details.last_at.as_deref());
    object.number(name!("bytes"), details.bytes);
    object.text(name!("reason"), details.reason);
    object.text(name!("origin"), details.origin);
    object.text(name!("code"), details.code.map(|code| code.as_str()));
    object.finish();
}

/// An object while it is written.
struct Object<'a> {
    line: &'a mut Vec<u8>,
    before: u8,
}

impl Object<'_> {
    fn name(&mut self, name: &str) {
        self.line.push(self.before);
        self.line.extend_from_slice(name.as_bytes());
        self.before = b',';
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(name);
            push_text(self.line, value);
        }
    }

    fn number(&mut self, name: &str, value: Option<i64>) {
        if let Some(value) = value {
            self.name(name);
            // Writing a number to memory cannot fail.
            let _ = serde_json::to_writer(&mut *self.line, &value);
        }
    }

    fn seq(&mut self, name: &str, value: Option<&Seq>) {
        match value {
            Some(Seq::Number(number)) => self.number(name, Some(*number)),
            Some(Seq::Digits(digits)) => self.text(name, Some(digits)),
            None => {}
        }
    }

    fn finish(self) {
        if self.before == b'{' {
            self.line.push(b'{');
        }
        self.line.push(b'}');
    }
}
