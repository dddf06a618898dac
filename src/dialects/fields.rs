//! The fields of payloads: what they have to be to be accepted, whatever the dialect.

use std::borrow::Cow;

use crate::config::Config;
use crate::model::UserId;
use crate::model::conversation::{ConversationId, IdType, TypedId};
use crate::payload::{Opaque, Payload};

/// A field that is missing, of the wrong type or too long; `None` when the whole payload is. Each
/// dialect says it in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadField(pub(crate) Option<&'static str>);

/// Reads the fields of one payload.
pub(crate) struct Fields<'p, 'a> {
    payload: &'p Payload<'a>,
    config: &'p Config,
}

impl<'p, 'a> Fields<'p, 'a> {
    pub(crate) fn new(payload: &'p Payload<'a>, config: &'p Config) -> Self {
        Self { payload, config }
    }

    /// A user's id.
    pub(crate) fn user(&self, name: &'static str) -> Result<UserId, BadField> {
        UserId::parse(&self.id(name)?).ok_or(BadField(Some(name)))
    }

    /// The same, or nothing.
    pub(crate) fn optional_user(&self, name: &'static str) -> Result<Option<UserId>, BadField> {
        match self.optional(name) {
            Some(_) => self.user(name).map(Some),
            None => Ok(None),
        }
    }

    /// Something that is there and not empty, or nothing.
    pub(crate) fn optional(&self, name: &str) -> Option<&'p Opaque<'a>> {
        self.payload.filled(name)
    }

    /// An id that the client made: a string or an integer.
    pub(crate) fn id(&self, name: &'static str) -> Result<Cow<'a, str>, BadField> {
        self.id_up_to(name, self.config.max_id_bytes)
    }

    /// The same, of at most `most` bytes.
    pub(crate) fn id_up_to(
        &self,
        name: &'static str,
        most: usize,
    ) -> Result<Cow<'a, str>, BadField> {
        let id = self.payload.id(name);
        id.filter(|id| !id.is_empty() && id.len() <= most)
            .ok_or(BadField(Some(name)))
    }

    /// The same, or nothing.
    pub(crate) fn optional_id_up_to(
        &self,
        name: &'static str,
        most: usize,
    ) -> Result<Option<Cow<'a, str>>, BadField> {
        match self.payload.filled(name) {
            Some(_) => self.id_up_to(name, most).map(Some),
            None => Ok(None),
        }
    }

    /// `true` or `false`; `false` when it is missing or `null`.
    pub(crate) fn flag(&self, name: &'static str) -> Result<bool, BadField> {
        let raw = |value: &Opaque<'a>| value.as_raw().map(|raw| raw.get());
        match self.payload.get(name).map(raw) {
            Some(Some("true")) => Ok(true),
            None | Some(Some("false" | "null")) => Ok(false),
            Some(_) => Err(BadField(Some(name))),
        }
    }

    /// A conversation's id, with the JSON type that it has.
    pub(crate) fn conversation(&self, name: &'static str) -> Result<TypedId, BadField> {
        let raw = self.filled(name)?.as_raw();
        let id = raw.and_then(|raw| written_id(raw.get()));
        id.ok_or(BadField(Some(name)))
    }

    /// The id of a message or of something else that a store made; `None` for one that no store
    /// made.
    pub(crate) fn made<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, BadField> {
        Ok(parse(&self.id(name)?))
    }

    /// What a message says: something that is not empty, of at most `most` characters.
    pub(crate) fn content(
        &self,
        name: &'static str,
        most: usize,
    ) -> Result<&'p Opaque<'a>, BadField> {
        let content = self.filled(name)?;
        // A character has four bytes at most.
        let fits = content.total_size() <= most || content.characters() <= most;
        fits.then_some(content).ok_or(BadField(Some(name)))
    }

    /// Something that is there and not empty.
    pub(crate) fn filled(&self, name: &'static str) -> Result<&'p Opaque<'a>, BadField> {
        self.payload.filled(name).ok_or(BadField(Some(name)))
    }

    /// The same, of at most `most` bytes.
    pub(crate) fn filled_up_to(&self, name: &'static str, most: usize) -> Result<(), BadField> {
        match self.filled(name)?.size() <= most {
            true => Ok(()),
            false => Err(BadField(Some(name))),
        }
    }

    /// Something that may be missing, of at most `most` bytes.
    pub(crate) fn optional_up_to(&self, name: &'static str, most: usize) -> Result<(), BadField> {
        match self
            .payload
            .get(name)
            .is_none_or(|value| value.size() <= most)
        {
            true => Ok(()),
            false => Err(BadField(Some(name))),
        }
    }

    /// Something that is there and may be empty.
    pub(crate) fn present(&self, name: &'static str) -> Result<(), BadField> {
        self.payload
            .get(name)
            .map(|_| ())
            .ok_or(BadField(Some(name)))
    }

    /// A string of at most an id's length that is not empty.
    pub(crate) fn label(&self, name: &'static str) -> Result<Cow<'a, str>, BadField> {
        let text = self
            .payload
            .text(name)
            .filter(|text| !text.is_empty() && text.len() <= self.config.max_id_bytes);
        text.ok_or(BadField(Some(name)))
    }

    /// The same, or nothing.
    pub(crate) fn optional_label(
        &self,
        name: &'static str,
    ) -> Result<Option<Cow<'a, str>>, BadField> {
        match self.payload.filled(name) {
            Some(_) => self.label(name).map(Some),
            None => Ok(None),
        }
    }

    /// Such a string, or nothing when it is missing or `null`: an empty one is neither.
    pub(crate) fn given_label(&self, name: &'static str) -> Result<Option<Cow<'a, str>>, BadField> {
        self.payload
            .given(name)
            .map(|_| self.label(name))
            .transpose()
    }

    /// A whole number from 0.
    pub(crate) fn count(&self, name: &'static str) -> Result<u64, BadField> {
        self.payload.count(name).ok_or(BadField(Some(name)))
    }

    /// A number, or anything as short as one that a client may count with; it may be `null`.
    pub(crate) fn number(&self, name: &'static str) -> Result<&'p Opaque<'a>, BadField> {
        short(self.payload, name).ok_or(BadField(Some(name)))
    }
}

/// A conversation's id as the JSON text of a string or an integer.
pub(crate) fn written_id(raw: &str) -> Option<TypedId> {
    let (id, id_type) = match raw.as_bytes().first()? {
        b'"' => (
            ConversationId::parse(&serde_json::from_str::<Cow<'_, str>>(raw).ok()?)?,
            IdType::Text,
        ),
        _ => (raw.parse::<i64>().ok()?.into(), IdType::Number),
    };
    Some(TypedId { id, id_type })
}

/// A string, number or `null` that is short enough to be repeated to its sender.
pub(crate) fn short<'p, 'a>(payload: &'p Payload<'a>, name: &str) -> Option<&'p Opaque<'a>> {
    const MAX_REPEATED: usize = 256;
    payload.get(name).filter(|value| {
        value.as_raw().is_some_and(|raw| {
            raw.get().len() <= MAX_REPEATED && !raw.get().starts_with(['{', '['])
        })
    })
}
