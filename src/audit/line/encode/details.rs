//! The details as JSON: what serde makes of them, at a fraction of its cost.

use crate::audit::details::Details;
use crate::audit::text::{AuditText, Seq};
use crate::json::{push_number, push_text};

/// The name of a detail, as it is written in front of the value.
macro_rules! name {
    ($name:literal) => {
        concat!("\"", $name, "\":")
    };
}

/// Appends the object.
pub(super) fn push(line: &mut Vec<u8>, details: &Details<'_>) {
    line.push(b'{');
    let begin = line.len();
    let mut members = Members { line };
    members.text(name!("recipient"), details.recipient);
    members.texts(name!("recipients"), details.recipients);
    members.seq(name!("seq"), details.seq);
    members.text(name!("messageType"), details.message_type);
    members.text(name!("messageId"), details.message_id);
    members.text(name!("conversationId"), details.conversation_id);
    members.number(name!("chunkNumber"), details.chunk_number);
    members.number(name!("totalChunks"), details.total_chunks);
    members.number(name!("fileSize"), details.file_size);
    members.text(name!("mimeType"), details.mime_type);
    members.text(name!("roomName"), details.room_name);
    members.text(name!("event"), details.event);
    members.number(name!("targets"), details.targets);
    members.number(name!("count"), details.count);
    members.number(name!("users"), details.users);
    members.number(name!("conversations"), details.conversations);
    members.number(name!("participants"), details.participants);
    members.text(name!("firstAt"), details.first_at.as_deref());
    members.text(name!("lastAt"), details.last_at.as_deref());
    members.number(name!("bytes"), details.bytes);
    members.flag(name!("urgent"), details.urgent);
    members.text(name!("reason"), details.reason);
    members.text(name!("origin"), details.origin);
    members.text(name!("code"), details.code.map(|code| code.as_str()));
    // The comma behind the last.
    if line.len() > begin {
        line.pop();
    }
    line.push(b'}');
}

/// Each with a comma behind it.
struct Members<'a> {
    line: &'a mut Vec<u8>,
}

impl Members<'_> {
    fn text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.line.extend_from_slice(name.as_bytes());
            push_text(self.line, value);
            self.line.push(b',');
        }
    }

    fn texts(&mut self, name: &'static str, values: Option<&[AuditText]>) {
        let Some(values) = values else {
            return;
        };
        self.line.extend_from_slice(name.as_bytes());
        self.line.push(b'[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.line.push(b',');
            }
            push_text(self.line, value.as_str());
        }
        self.line.extend_from_slice(b"],");
    }

    fn flag(&mut self, name: &'static str, value: Option<bool>) {
        if let Some(value) = value {
            self.line.extend_from_slice(name.as_bytes());
            let value: &[u8] = if value { b"true," } else { b"false," };
            self.line.extend_from_slice(value);
        }
    }

    fn number(&mut self, name: &'static str, value: Option<i64>) {
        if let Some(value) = value {
            self.line.extend_from_slice(name.as_bytes());
            push_number(self.line, value);
            self.line.push(b',');
        }
    }

    fn seq(&mut self, name: &'static str, value: Option<&Seq>) {
        match value {
            Some(Seq::Number(number)) => self.number(name, Some(*number)),
            Some(Seq::Digits(digits)) => self.text(name, Some(digits)),
            None => {}
        }
    }
}
