//! The fields of a payload: what each has to be to be accepted, in every dialect and over REST.
//!
//! A field that is not what it has to be is a [`Refusal`] that names it. Opaque values are measured,
//! never looked into.

mod message;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::config::Config;
use crate::model::conversation::{ConversationId, IdType, TypedId};
use crate::model::name::{self, MAX_BYTES as MAX_NAME_BYTES, is_showable};
use crate::model::{Refusal, UserId};
use crate::payload::{self, Opaque, Payload};

/// The longest title in bytes: 256 characters of any script, or as much base64.
const MAX_TITLE_BYTES: usize = 1024;

/// The longest address of a picture, in bytes.
const MAX_ADDRESS_BYTES: usize = 2048;

/// Reads the fields of one payload.
///
/// # Errors
/// Every method: the field is missing, of the wrong type, or too long.
pub(crate) struct Fields<'p, 'a> {
    payload: &'p Payload<'a>,
    max_id_bytes: usize,
    max_content_chars: usize,
    max_content_bytes: Option<usize>,
}

impl<'p, 'a> Fields<'p, 'a> {
    pub(crate) fn new(payload: &'p Payload<'a>, config: &Config) -> Self {
        Self {
            payload,
            max_id_bytes: config.max_id_bytes,
            max_content_chars: config.max_content_chars,
            max_content_bytes: config.max_content_bytes,
        }
    }

    /// The refusal of a field.
    pub(crate) fn refuse(&self, name: &'static str) -> Refusal {
        match self.payload.given(name) {
            Some(_) => Refusal::unusable(name),
            None => Refusal::invalid(name),
        }
    }

    fn expect<T>(&self, name: &'static str, value: Option<T>) -> Result<T, Refusal> {
        value.ok_or_else(|| self.refuse(name))
    }

    /// A user's id.
    pub(crate) fn user(&self, name: &'static str) -> Result<UserId, Refusal> {
        let id = self.id(name)?;
        self.expect(name, UserId::parse(&id))
    }

    /// A user's id; `None` when the field is missing, `null` or empty.
    pub(crate) fn optional_user(&self, name: &'static str) -> Result<Option<UserId>, Refusal> {
        let given = self.optional(name);
        given.map(|_| self.user(name)).transpose()
    }

    /// Any value; `None` when it is missing, `null` or an empty string.
    pub(crate) fn optional(&self, name: &str) -> Option<&'p Opaque<'a>> {
        self.payload.filled(name)
    }

    /// An id that the client chose: a string that is not empty, or an integer.
    pub(crate) fn id(&self, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
        self.id_up_to(name, self.max_id_bytes)
    }

    /// An id that only its sender interprets: a string that is not empty, or any number as it is written.
    pub(crate) fn own_id(&self, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
        let id = self.payload.own_id(name);
        let id = id.filter(|id| !id.is_empty() && id.len() <= self.max_id_bytes);
        self.expect(name, id)
    }

    /// Such an id; `None` when the field is missing, `null` or empty.
    pub(crate) fn optional_own_id(
        &self,
        name: &'static str,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        let given = self.optional(name);
        given.map(|_| self.own_id(name)).transpose()
    }

    /// An id that the client chose, of at most `max` bytes.
    pub(crate) fn id_up_to(&self, name: &'static str, max: usize) -> Result<Cow<'a, str>, Refusal> {
        let id = self.payload.id(name);
        let id = id.filter(|id| !id.is_empty() && id.len() <= max);
        self.expect(name, id)
    }

    /// Such an id; `None` when the field is missing, `null` or empty.
    pub(crate) fn optional_id_up_to(
        &self,
        name: &'static str,
        max: usize,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        let given = self.optional(name);
        given.map(|_| self.id_up_to(name, max)).transpose()
    }

    /// An array of at most `max` users' ids: strings or integers.
    pub(crate) fn users(&self, name: &'static str, max: usize) -> Result<Vec<UserId>, Refusal> {
        let items = self.payload.get(name).and_then(|value| value.items(max));
        let user = |raw: &RawValue| UserId::parse(typed_id(raw.get())?.id.as_str());
        let users = items.and_then(|items| items.into_iter().map(user).collect());
        self.expect(name, users)
    }

    /// `true` or `false`; `false` when it is missing or `null`.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, Refusal> {
        match self.payload.get(name).map(Opaque::json) {
            Some(Some("true")) => Ok(true),
            None | Some(Some("false" | "null")) => Ok(false),
            Some(_) => Err(self.refuse(name)),
        }
    }

    /// A conversation's id, with the JSON type that it has.
    pub(crate) fn conversation(&self, name: &'static str) -> Result<TypedId, Refusal> {
        self.expect(name, conversation(self.payload, name))
    }

    /// The id of something stored. `Ok(None)`: an id of the right form which nothing stored can
    /// have.
    pub(crate) fn stored_id<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        Ok(parse(&self.id(name)?))
    }

    /// The content of a message: any value that is not empty, and has neither too many characters nor
    /// too many bytes.
    pub(crate) fn content(&self, name: &'static str) -> Result<&'p Opaque<'a>, Refusal> {
        let content = self.filled(name)?;
        let max = self.max_content_chars;
        // A character has four bytes at most.
        let bytes = content.total_size();
        let fits = bytes <= max || content.characters() <= max;
        let fits = fits && bytes <= self.max_message_bytes();
        self.expect(name, fits.then_some(content))
    }

    /// How many bytes everything may have that is said in one message.
    pub(crate) fn max_message_bytes(&self) -> usize {
        // A character takes twelve bytes at most, as two escaped surrogates, and the quotes as many as one.
        let most = 12 * (self.max_content_chars + 1);
        self.max_content_bytes.unwrap_or(most)
    }

    /// Any value but `null` and an empty string.
    pub(crate) fn filled(&self, name: &'static str) -> Result<&'p Opaque<'a>, Refusal> {
        self.expect(name, self.payload.filled(name))
    }

    /// Whether a field is there, be it `null`.
    pub(crate) fn is_there(&self, name: &str) -> bool {
        self.payload.get(name).is_some()
    }

    /// Whether a field is there and not `null`.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.payload.given(name).is_some()
    }

    /// Any value but `null`, also an empty one.
    pub(crate) fn given(&self, name: &'static str) -> Result<(), Refusal> {
        self.expect(name, self.payload.given(name).map(|_| ()))
    }

    /// A value as for [`filled`](Self::filled), of at most `max` bytes.
    pub(crate) fn filled_up_to(&self, name: &'static str, max: usize) -> Result<(), Refusal> {
        let fits = self.filled(name)?.size() <= max;
        self.expect(name, fits.then_some(()))
    }

    /// Any value of at most `max` bytes, or none.
    pub(crate) fn optional_up_to(&self, name: &'static str, max: usize) -> Result<(), Refusal> {
        let value = self.payload.get(name);
        let fits = value.is_none_or(|value| value.size() <= max);
        self.expect(name, fits.then_some(()))
    }

    /// A string that is not empty and no longer than an id may be.
    pub(crate) fn label(&self, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
        self.label_up_to(name, self.max_id_bytes)
    }

    /// Such a string of at most `max` bytes.
    pub(crate) fn label_up_to(
        &self,
        name: &'static str,
        max: usize,
    ) -> Result<Cow<'a, str>, Refusal> {
        let text = self.payload.text(name);
        let text = text.filter(|text| !text.is_empty() && text.len() <= max);
        self.expect(name, text)
    }

    /// A name that others are shown; `None` when the field is missing, `null` or empty.
    pub(crate) fn optional_name(&self, name: &'static str) -> Result<Option<Arc<str>>, Refusal> {
        let given = self.optional(name);
        given.map(|_| self.name(name)).transpose()
    }

    /// Such a name; `None` when the field is missing or `null`, but not when it is empty.
    pub(crate) fn given_name(&self, name: &'static str) -> Result<Option<Arc<str>>, Refusal> {
        let given = self.payload.given(name);
        given.map(|_| self.name(name)).transpose()
    }

    fn name(&self, name: &'static str) -> Result<Arc<str>, Refusal> {
        let text = self.shown_up_to(name, MAX_NAME_BYTES)?;
        self.expect(name, name::fits(&text).then_some(text))
    }

    /// The title of a conversation, in the clear or encrypted; `None` when the field is missing or `null`, but not when it is
    /// empty.
    pub(crate) fn title(&self, name: &'static str) -> Result<Option<Arc<str>>, Refusal> {
        let given = self.payload.given(name);
        given
            .map(|_| self.shown_up_to(name, MAX_TITLE_BYTES))
            .transpose()
    }

    /// The address of a picture; `None` when the field is missing or `null`, but not when it is empty.
    pub(crate) fn address(&self, name: &'static str) -> Result<Option<Arc<str>>, Refusal> {
        let given = self.payload.given(name);
        given
            .map(|_| self.shown_up_to(name, MAX_ADDRESS_BYTES))
            .transpose()
    }

    fn shown_up_to(&self, name: &'static str, max: usize) -> Result<Arc<str>, Refusal> {
        let text = self.label_up_to(name, max)?;
        self.expect(name, is_showable(&text).then(|| text.into()))
    }

    /// An id that is shown as a name.
    pub(crate) fn shown_id(&self, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
        let id = self.id(name)?;
        self.expect(name, Some(id).filter(|id| is_showable(id)))
    }

    /// Such a string; `None` when the field is missing or `null`, but not when it is empty.
    pub(crate) fn given_label(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, Refusal> {
        let given = self.payload.given(name);
        given.map(|_| self.label(name)).transpose()
    }

    /// An array of at most `max` strings, at least one.
    pub(crate) fn labels(&self, name: &'static str, max: usize) -> Result<Vec<String>, Refusal> {
        let texts = self.payload.texts(name, max);
        self.expect(name, texts.filter(|texts| !texts.is_empty()))
    }

    /// A whole number from 0, or one that is written as text; `None` when the field is missing, `null` or empty.
    pub(crate) fn optional_count(&self, name: &'static str) -> Result<Option<u64>, Refusal> {
        let given = self.optional(name);
        let count = || self.payload.id(name)?.parse().ok();
        given.map(|_| self.expect(name, count())).transpose()
    }

    /// What a client counts with, not looked into: no object or array, and short; it may be `null`.
    pub(crate) fn number(&self, name: &'static str) -> Result<&'p Opaque<'a>, Refusal> {
        self.expect(name, short(self.payload, name))
    }
}

/// A conversation's id in a field of a payload.
pub(crate) fn conversation(payload: &Payload<'_>, name: &str) -> Option<TypedId> {
    typed_id(payload.filled(name)?.json()?)
}

/// A conversation's id as the JSON text of a string or an integer.
pub(crate) fn typed_id(raw: &str) -> Option<TypedId> {
    let (id, id_type) = match raw.as_bytes().first()? {
        b'"' => (
            ConversationId::parse(&serde_json::from_str::<Cow<'_, str>>(raw).ok()?)?,
            IdType::Text,
        ),
        _ => (payload::integer(raw)?.into(), IdType::Number),
    };
    Some(TypedId { id, id_type })
}

/// A value that is no object or array, and short enough to be repeated to its sender.
pub(crate) fn short<'p, 'a>(payload: &'p Payload<'a>, name: &str) -> Option<&'p Opaque<'a>> {
    const MAX_REPEATED: usize = 256;
    payload.get(name).filter(|value| {
        let json = value.json();
        json.is_some_and(|json| json.len() <= MAX_REPEATED && !json.starts_with(['{', '[']))
    })
}
