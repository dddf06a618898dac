//! On whose behalf a connection acts. Ids are parsed once, so that a value of these types is valid.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::id_type::IdType;
use super::name;

/// Maximum length of a user id, in bytes (protocol, "Identity and authentication").
pub(super) const MAX_USER_ID_BYTES: usize = 128;

/// A user's id: 1 to 128 bytes without control characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct UserId(Arc<str>);

impl UserId {
    /// Parses an id. `None` when it is empty, too long, or has control characters.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let valid =
            !id.is_empty() && id.len() <= MAX_USER_ID_BYTES && !id.chars().any(char::is_control);
        valid.then(|| Self(id.into()))
    }

    /// Stands for the backend where senders take turns. No user has this id.
    pub(crate) fn backend() -> Self {
        static BACKEND: LazyLock<UserId> = LazyLock::new(|| UserId("\0backend".into()));
        BACKEND.clone()
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as shared text.
    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.0
    }

    /// The id in the place of a name, for one who has none.
    pub(crate) fn as_name(&self) -> Arc<str> {
        match name::is_showable(&self.0) {
            true => self.0.clone(),
            false => name::shown(&self.0).unwrap_or_else(|| "\u{fffd}".into()),
        }
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::parse(&id).ok_or_else(|| D::Error::custom("no id of a user"))
    }
}

impl std::borrow::Borrow<str> for UserId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug of str escapes what could forge a log line.
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// A user, as their token describes them. What it leaves out keeps its stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenUser {
    /// Their id.
    pub(crate) id: UserId,
    /// The JSON type that it has in the token.
    pub(crate) id_type: IdType,
    /// The name to show, if the token has one; never empty.
    pub(crate) name: Option<Arc<str>>,
    /// The name by which others may address the user, if the token has one: its claim `username`.
    pub(crate) username: Option<Arc<str>>,
    /// A picture, if the token has one.
    pub(crate) avatar_url: Option<Arc<str>>,
}

impl TokenUser {
    /// Whether a store keeps of the id that it is a number. `None`: it could not be one.
    pub(crate) fn stored_id_type(&self) -> Option<bool> {
        let is_number = self.id_type.is_number();
        self.id.looks_like_number().then_some(is_number)
    }
}

/// An authenticated user: what the token says, completed by what is known besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// The only id of this user in events.
    pub(crate) user: UserId,
    /// The name shown to others; never empty.
    pub(crate) name: Arc<str>,
    /// A picture to show to others.
    pub(crate) avatar_url: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_refused_by_length_and_by_control_characters() {
        for bad in ["", "a\0b", "a\nb", "a\u{7f}", "a\u{9b}b", &"x".repeat(129)] {
            assert!(UserId::parse(bad).is_none(), "{bad:?}");
        }
        for good in ["1", "a_b:c", "Łódź", &"x".repeat(128)] {
            assert_eq!(UserId::parse(good).as_ref().map(UserId::as_str), Some(good));
        }
    }
}
