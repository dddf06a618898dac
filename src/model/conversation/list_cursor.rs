//! How far a list of conversations was read, as an opaque text. It must not know how a list is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ConversationId, Listed};

/// The form of the text that this release writes and reads.
const VERSION: u8 = 1;

/// Where a list of conversations goes on. The list is as it was when its first part was read, whatever was sent since: so
/// each conversation is in one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListCursor {
    /// Of later messages nothing is known, in milliseconds since the epoch.
    pub(crate) as_of: u64,
    /// When the last message was sent of the last conversation that was read, as it was then.
    pub(crate) last_message_at: u64,
    /// When that was made.
    pub(crate) created_at: u64,
    /// Its id.
    pub(crate) id: ConversationId,
}

impl ListCursor {
    /// Parses the text. `None`: it is none that this release writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (as_of, rest) = take_number(rest)?;
        let (last_message_at, rest) = take_number(rest)?;
        let (created_at, id) = take_number(rest)?;
        Some(Self {
            as_of,
            last_message_at,
            created_at,
            id: ConversationId::parse(std::str::from_utf8(id).ok()?)?,
        })
    }

    /// The text.
    pub(crate) fn to_text(&self) -> String {
        let mut bytes = vec![VERSION];
        for number in [self.as_of, self.last_message_at, self.created_at] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.id.as_str().as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    // Stores have no larger numbers.
    let number = i64::from_be_bytes(*number);
    Some((u64::try_from(number).ok()?, rest))
}

/// A part of a list.
#[derive(Debug)]
pub(crate) struct ListPage {
    /// The conversation with the newest message first.
    pub(crate) conversations: Vec<Listed>,
    /// Where it goes on, if there are more.
    pub(crate) next: Option<ListCursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_its_text_again() {
        let cursor = ListCursor {
            as_of: 1_700_000_000_123,
            last_message_at: 7,
            created_at: 0,
            id: ConversationId::parse("ü 💬?&").unwrap(),
        };
        assert_eq!(ListCursor::parse(&cursor.to_text()), Some(cursor.clone()));
        let too_large = ListCursor {
            as_of: u64::MAX,
            ..cursor
        };
        assert_eq!(ListCursor::parse(&too_large.to_text()), None);
        for text in ["", "x", "AQ", "!!", "1", &URL_SAFE_NO_PAD.encode([1; 25])] {
            assert_eq!(ListCursor::parse(text), None, "{text}");
        }
    }
}
