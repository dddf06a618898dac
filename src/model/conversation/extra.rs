//! Fields that the relay does not know: those of a message are kept and passed on as they came, those of what is only
//! told are passed on.
//!
//! Owns which names are the relay's own, and how many others there may be. It must not look into a value.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::payload::{Opaque, OwnedValue, Payload, stored_members};

/// What the relay itself calls something of a message, in any of its forms. A client's field of such a name says
/// nothing to others, in none of them.
const OWN: &[&str] = &[
    "id",
    "messageId",
    "conversationId",
    "chatId",
    "conversation_id",
    "senderId",
    "sender",
    "sender_username",
    "content",
    "encrypted_msg_content",
    "media",
    "keyNumber",
    "content_key_number",
    "tempId",
    "createdAt",
    "created_at",
    "timestamp",
    "editedAt",
    "updated_at",
    "deletedAt",
    "is_deleted",
    "deletedFor",
    // A receiver's parser would take the whole message for an attachment.
    "_placeholder",
];

/// What the relay itself calls something of typing besides.
const OWN_OF_TYPING: &[&str] = &["userId", "user", "isTyping", "type", "data"];
/// The most bytes that clients say of what is told and not kept.
const MAX_TOLD_BYTES: usize = 1024;

/// What the relay itself calls something of a reaction besides.
pub(crate) const OWN_OF_REACTION: &[&str] = &["emoji", "reactionId", "userId", "user"];

/// What the relay itself calls something of a conversation and its participants besides, in what it is asked and in
/// what it tells.
pub(crate) const OWN_OF_CONVERSATION: &[&str] = &[
    "title",
    "avatarUrl",
    "history",
    "messageRetention",
    "createdBy",
    "lastMessageAt",
    "unreadCount",
    "status",
    "invitedBy",
    "role",
    "userId",
    "participantIds",
    "participants",
    "participantId",
    "conversation_entries",
    "entries",
    "share_history",
    "system_broadcast",
    "encrypted_content_key",
    "keys",
    "usernames",
    "added_by",
    "initiated_by",
];

/// The fields of a message that the relay does not know, each once. Cheap to clone. `Debug` shows their number only.
#[derive(Clone, Default)]
pub(crate) struct Extra(Arc<[(Box<str>, OwnedValue)]>);

impl Extra {
    /// Maximum number of fields.
    pub(crate) const MAX_FIELDS: usize = 64;

    /// Those of a payload.
    pub(crate) fn of_payload(payload: &Payload<'_>) -> Self {
        let members = payload.members();
        Self::collect(members.map(|(name, value)| (name.into(), value.into())))
    }

    /// Those of a payload that says that somebody types, which is small. `None`: they are not, or have attachments.
    pub(crate) fn of_typing(payload: &Payload<'_>) -> Option<Self> {
        Self::told(payload, OWN_OF_TYPING).ok()
    }

    /// Those of a payload of what is told and not kept, without these names.
    ///
    /// # Errors
    /// The first field with which they are too much, or that has attachments.
    pub(crate) fn told(payload: &Payload<'_>, own: &[&str]) -> Result<Self, Box<str>> {
        let members = payload.members();
        let members = members.filter(|(name, _)| !own.contains(&&**name));
        let extra = Self::collect(members.map(|(name, value)| (name.into(), value.into())));
        let mut size = 0;
        for (place, (name, value)) in extra.fields().enumerate() {
            size += name.len() + "\"\":,".len() + value.total_size();
            if place >= Self::MAX_FIELDS || size > MAX_TOLD_BYTES || value.has_attachments() {
                return Err(name.into());
            }
        }
        Ok(extra)
    }

    /// Those that were written as these parts of an object. What is no object has none.
    pub(crate) fn of_parts(text: &str, attachments: Vec<Bytes>) -> Self {
        Self::collect(stored_members(text, attachments).into_iter())
    }

    /// Of several values with one name the last counts, as in `JSON.parse`.
    fn collect(members: impl Iterator<Item = (Box<str>, OwnedValue)>) -> Self {
        let mut fields: Vec<(Box<str>, OwnedValue)> = Vec::new();
        let mut places: HashMap<_, usize> = HashMap::new();
        for (name, value) in members.filter(|(name, _)| !OWN.contains(&&**name)) {
            match places.entry(name.clone()) {
                Entry::Occupied(place) => fields[*place.get()].1 = value,
                Entry::Vacant(place) => {
                    place.insert(fields.len());
                    fields.push((name, value));
                }
            }
        }
        Self(fields.into())
    }

    /// These, with newer ones in the place of those with the same names.
    #[must_use]
    pub(crate) fn updated(&self, newer: &Self) -> Self {
        let both = self.0.iter().chain(newer.0.iter());
        Self::collect(both.cloned())
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is something that may be attached: an object, a list or binary that is not empty.
    pub(crate) fn holds_something(&self) -> bool {
        self.fields().any(|(_, value)| value.holds_something())
    }

    /// Their names and values.
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = (&str, Opaque<'_>)> {
        let fields = self.0.iter();
        fields.map(|(name, value)| (&**name, value.as_opaque()))
    }

    /// The object that they make, to be written.
    pub(crate) fn as_opaque(&self) -> Opaque<'_> {
        Opaque::object(self.fields())
    }

    /// The same, to be stored. `None`: there is no field.
    pub(crate) fn to_value(&self) -> Option<OwnedValue> {
        (!self.is_empty()).then(|| OwnedValue::from(&self.as_opaque()))
    }

    /// The approximate size in bytes of their JSON text and attachments together.
    pub(crate) fn size(&self) -> usize {
        self.as_opaque().total_size()
    }
}

/// To be flattened into a message, behind its own fields.
impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.fields() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extra")
            .field("fields", &self.0.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Extra {
        Extra::of_payload(&Payload::of_object(json).unwrap())
    }

    fn text(extra: &Extra) -> String {
        let value = extra.to_value();
        value.map_or_else(String::new, |value| value.to_parts().0.into_owned())
    }

    #[test]
    fn a_name_of_the_relays_own_is_no_field_however_it_is_written() {
        let all = OWN.iter().map(|name| format!(r#""{name}":1"#));
        let all = all.collect::<Vec<_>>().join(",");
        assert!(of(&format!("{{{all}}}")).is_empty());
        let given =
            r#"{"\u0069d":1,"__proto__":{},"a":1.50,"sender\u0049d":2,"b":null,"a":"\u0041"}"#;
        assert_eq!(text(&of(given)), r#"{"a":"\u0041","b":null}"#);
        assert!(of("{}").to_value().is_none());
    }

    #[test]
    fn what_was_stored_is_read_again() {
        let extra = of(r#"{"type":"image","replyToId":null,"k\"":[ 1.0 ]}"#);
        let stored = text(&extra);
        assert_eq!(text(&Extra::of_parts(&stored, Vec::new())), stored);
        let attached = r#"{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1}]}"#;
        let bytes = [&b"zero"[..], b"one"].map(Bytes::from_static).to_vec();
        let (read, again) = {
            let value = Extra::of_parts(attached, bytes.clone()).to_value().unwrap();
            let (text, bytes) = value.to_parts();
            (text.into_owned(), bytes)
        };
        assert_eq!((read.as_str(), again), (attached, bytes));
        // As another version, or a hand, may have written it.
        let foreign = r#"{"id":"forged","a":1,"__proto__":{},"b":"\ud800"}"#;
        assert_eq!(text(&Extra::of_parts(foreign, Vec::new())), r#"{"a":1}"#);
        for no_object in ["[1]", "{", ""] {
            assert!(Extra::of_parts(no_object, Vec::new()).is_empty());
        }
    }

    #[test]
    fn newer_fields_replace_those_of_their_names() {
        let newer = of(r#"{"b":3,"c":4}"#);
        let updated = of(r#"{"a":1,"b":2}"#).updated(&newer);
        assert_eq!(text(&updated), r#"{"a":1,"b":3,"c":4}"#);
    }
}
