//! How far a user has read: the logs of all their conversations, or the receipts of one, as an opaque
//! text. It must not know where these are stored.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ChangeNumber, ConversationId};
use crate::model::UserId;

/// The form of the text that this release writes and reads.
const VERSION: u8 = 1;
/// How many bytes of a hash stand for a conversation.
const KEY: usize = 8;

/// The number of the last change that was read of each conversation.
///
/// As a text it has about 13 characters for each of them: a conversation is a hash, of its id and the
/// user's, so that a cursor is of use to its own user only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cursor(BTreeMap<[u8; KEY], ChangeNumber>);

impl Cursor {
    /// The last change of a conversation that a user has read. `None`: none.
    pub(crate) fn get(&self, user: &UserId, conversation: &ConversationId) -> Option<ChangeNumber> {
        self.0.get(&key(user, conversation)).copied()
    }

    /// A user has read a conversation up to this change.
    pub(crate) fn set(&mut self, user: &UserId, conversation: &ConversationId, read: ChangeNumber) {
        self.0.insert(key(user, conversation), read);
    }

    /// Parses the text. `None`: it is none that this release writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut rest = bytes.strip_prefix(&[VERSION])?;
        let mut read = BTreeMap::new();
        while !rest.is_empty() {
            let (key, behind) = rest.split_first_chunk::<KEY>()?;
            let (number, behind) = take_number(behind)?;
            read.insert(*key, ChangeNumber::new(number));
            rest = behind;
        }
        Some(Self(read))
    }

    /// The text.
    pub(crate) fn to_text(&self) -> String {
        let mut bytes = vec![VERSION];
        for (key, number) in &self.0 {
            bytes.extend(key);
            put_number(&mut bytes, number.get());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// How far the receipts of a conversation were read, in the order of their store.
///
/// Where several nodes note receipts at once, some may appear before the end of what was read: what was
/// read of late is read again once the end is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ReceiptCursor {
    /// Where reading goes on.
    pub(crate) read: u64,
    /// Up to here, which is not behind `read`, no other can appear.
    pub(crate) settled: u64,
}

impl ReceiptCursor {
    /// Everything up to a place was read, and no other can appear there.
    pub(crate) const fn at(place: u64) -> Self {
        Self {
            read: place,
            settled: place,
        }
    }

    /// Parses the text. `None`: it is none that this release writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| ChangeNumber::parse(text).map(ChangeNumber::get);
        let Some((settled, read)) = text.split_once('-') else {
            return number(text).map(Self::at);
        };
        let (settled, read) = (number(settled)?, number(read)?);
        (settled < read).then_some(Self { read, settled })
    }
}

impl fmt::Display for ReceiptCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.settled < self.read {
            true => write!(f, "{}-{}", self.settled, self.read),
            false => self.read.fmt(f),
        }
    }
}

fn key(user: &UserId, conversation: &ConversationId) -> [u8; KEY] {
    let mut hash = Context::new(&SHA256);
    hash.update(user.as_str().as_bytes());
    hash.update(&[0]);
    hash.update(conversation.as_str().as_bytes());
    let mut key = [0; KEY];
    for (byte, hashed) in key.iter_mut().zip(hash.finish().as_ref()) {
        *byte = *hashed;
    }
    key
}

/// Seven bits in each byte, the lowest first; the highest bit says that there are more.
fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_is_for_each_user_and_conversation() {
        let user = |name| UserId::parse(name).unwrap();
        let id = |name| ConversationId::parse(name).unwrap();
        let mut cursor = Cursor::default();
        cursor.set(&user("ann"), &id("c"), ChangeNumber::new(300));
        cursor.set(&user("ann"), &id("d"), ChangeNumber::new(0));
        assert_eq!(
            cursor.get(&user("ann"), &id("c")),
            Some(ChangeNumber::new(300))
        );
        assert_eq!(
            cursor.get(&user("ann"), &id("d")),
            Some(ChangeNumber::START)
        );
        assert_eq!(cursor.get(&user("bo"), &id("c")), None);
        assert_eq!(cursor.get(&user("ann"), &id("e")), None);
        assert!(cursor.to_text().len() < 30);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "!", "Ag", "AQE", "AQEBAQEBAQEBAf", "AQEBAQEBAQEBgA"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
        assert_eq!(Cursor::parse("AQ"), Some(Cursor::default()));
    }

    #[test]
    fn receipts_are_read_from_a_place_or_from_two() {
        let whole = ReceiptCursor::at(17);
        let walking = ReceiptCursor {
            read: 20,
            settled: 17,
        };
        for (cursor, text) in [(whole, "17"), (walking, "17-20")] {
            assert_eq!(cursor.to_string(), text);
            assert_eq!(ReceiptCursor::parse(text), Some(cursor));
        }
        for text in [
            "",
            "-",
            "1-",
            "-1",
            "2-1",
            "1-1",
            "1-2-3",
            "x",
            "+1",
            "9".repeat(30).as_str(),
        ] {
            assert_eq!(ReceiptCursor::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_text_is_read_as_it_was_written(
            read in proptest::collection::btree_map(any::<[u8; KEY]>(), 0..=i64::MAX as u64, 0..20)
        ) {
            let read = read.into_iter().map(|(key, number)| (key, ChangeNumber::new(number)));
            let cursor = Cursor(read.collect());
            prop_assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        }

        #[test]
        fn no_text_panics(text in "[A-Za-z0-9_-]{0,60}") {
            let _ = Cursor::parse(&text);
        }
    }
}
