//! The JSON type of the ids of users: that of the last token of each, wherever it was shown. `7` and `"7"` are the same
//! user, so an id is text everywhere else, and its type is looked up when a client is told it.
//!
//! It is one for the process, as ids are put out everywhere, and must not be asked for anything but that.

use std::collections::BTreeMap;

use parking_lot::RwLock;
use serde::{Serialize, Serializer};

use super::id_type::IdType;
use super::identity::UserId;
use super::js_number;
use crate::payload::Own;

/// The most groups of 64 ids that follow each other: 50 MiB of memory, which is enough for 64 million users who are
/// numbered in turn, or a million whose ids are far from each other. The types of others are unknown.
const MAX_GROUPS: usize = 1 << 20;

static KNOWN: RwLock<Known> = RwLock::new(Known::NOTHING);

/// Of which ids that look like numbers the types are known.
#[derive(Debug)]
struct Known {
    groups: BTreeMap<i64, Group>,
    numbers: usize,
    texts: usize,
}

/// A bit for each of 64 ids.
#[derive(Debug, Default)]
struct Group {
    numbers: u64,
    texts: u64,
}

impl Known {
    const NOTHING: Self = Self {
        groups: BTreeMap::new(),
        numbers: 0,
        texts: 0,
    };

    /// That of a user, if it is known.
    fn find(&self, id: i64) -> Option<IdType> {
        let (key, bit) = place(id);
        let group = self.groups.get(&key)?;
        let is_number = group.numbers & bit != 0;
        (is_number || group.texts & bit != 0).then(|| IdType::of_number(is_number))
    }

    /// Whether that is new.
    fn set(&mut self, id: i64, id_type: IdType) -> bool {
        let (key, bit) = place(id);
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&key) {
            return false;
        }
        let before = self.find(id);
        if before == Some(id_type) {
            return false;
        }
        let group = self.groups.entry(key).or_default();
        match before {
            Some(IdType::Number) => {
                group.numbers &= !bit;
                self.numbers -= 1;
            }
            Some(IdType::Text) => {
                group.texts &= !bit;
                self.texts -= 1;
            }
            None => {}
        }
        match id_type {
            IdType::Number => {
                group.numbers |= bit;
                self.numbers += 1;
            }
            IdType::Text => {
                group.texts |= bit;
                self.texts += 1;
            }
        }
        true
    }

    /// That of a user who never came is that of most others.
    fn get(&self, id: i64) -> IdType {
        let of_most = || IdType::of_number(self.numbers > self.texts);
        self.find(id).unwrap_or_else(of_most)
    }
}

/// The group of an id, and its bit there.
fn place(id: i64) -> (i64, u64) {
    (id >> 6, 1 << (id & 63))
}

impl UserId {
    /// Takes note of the type that the user's id has. Whether that was not known; of an id that looks like no number,
    /// there is nothing to know.
    pub(crate) fn has_type(&self, id_type: IdType) -> bool {
        let Some(number) = js_number::parse_exact(self.as_str()) else {
            return false;
        };
        // With nearly every token it is known, and those who only look do not wait for each other.
        let is_known = KNOWN.read().find(number) == Some(id_type);
        !is_known && KNOWN.write().set(number, id_type)
    }

    /// Whether the id may be a number.
    pub(crate) fn looks_like_number(&self) -> bool {
        js_number::parse_exact(self.as_str()).is_some()
    }

    /// The id as clients are told it.
    pub(crate) fn as_client(&self) -> ClientUserId<'_> {
        ClientUserId(self)
    }

    /// The number that clients are told as the id, if they are told one.
    pub(crate) fn as_number(&self) -> Option<i64> {
        let number = js_number::parse_exact(self.as_str())?;
        KNOWN.read().get(number).is_number().then_some(number)
    }
}

impl<'p> From<&'p UserId> for Own<'p> {
    fn from(id: &'p UserId) -> Self {
        id.as_number()
            .map_or(Self::Text(id.as_str()), Self::Integer)
    }
}

/// A user's id as clients are told it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientUserId<'a>(&'a UserId);

impl<'a> ClientUserId<'a> {
    /// The id as text.
    pub(crate) fn as_str(self) -> &'a str {
        self.0.as_str()
    }
}

impl Serialize for ClientUserId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_number() {
            Some(number) => serializer.serialize_i64(number),
            None => serializer.serialize_str(self.0.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_type_counts_and_who_never_came_has_that_of_most() {
        let mut known = Known::NOTHING;
        assert_eq!(known.get(7), IdType::Text);
        assert!(known.set(7, IdType::Number));
        assert!(!known.set(7, IdType::Number));
        assert_eq!([known.get(7), known.get(8)], [IdType::Number; 2]);
        assert!(known.set(8, IdType::Text));
        assert_eq!([known.get(8), known.get(-9)], [IdType::Text; 2]);
        assert!(known.set(7, IdType::Text));
        assert_eq!((known.numbers, known.texts), (0, 2));
        assert_eq!(known.get(7), IdType::Text);
    }

    #[test]
    fn what_is_known_is_bounded() {
        let mut known = Known::NOTHING;
        for number in 0..=MAX_GROUPS as i64 {
            known.set(64 * number, IdType::Number);
        }
        assert_eq!(known.groups.len(), MAX_GROUPS);
        assert!(known.set(1, IdType::Text));
    }

    #[test]
    fn clients_are_told_numbers_that_are_some() {
        let json = |id: &str| {
            let id = UserId::parse(id).unwrap();
            id.has_type(IdType::Number);
            serde_json::to_string(&id.as_client()).unwrap()
        };
        assert_eq!(json("-1234567890123"), "-1234567890123");
        for text in ["007", "1e3", "-0", "9007199254740993", "ann"] {
            assert_eq!(json(text), format!("\"{text}\""));
        }
    }
}
