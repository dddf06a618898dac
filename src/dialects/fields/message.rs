//! What clients say of a message besides its content, the same in every dialect and over REST.

use super::Fields;
use crate::model::Refusal;
use crate::model::conversation::Extra;
use crate::payload::{Opaque, OwnedValue};

const MEDIA: &str = "media";

/// What is said of a message besides its content.
#[derive(Debug, Default)]
pub(crate) struct Further {
    /// What is attached to it.
    pub(crate) media: Option<OwnedValue>,
    /// What the relay does not know.
    pub(crate) extra: Extra,
}

impl<'p, 'a> Fields<'p, 'a> {
    /// What is attached to a message; `None` when it is missing, `null` or empty.
    pub(crate) fn media(&self) -> Option<&'p Opaque<'a>> {
        self.optional(MEDIA)
    }

    /// Whether something is attached to a message whose content is in this field: as `media`, or, where the content is an
    /// empty string, as an object, a list or binary in a field that the relay does not know.
    pub(crate) fn has_attached(&self, content: &str) -> bool {
        let is_empty = self
            .payload
            .text(content)
            .is_some_and(|text| text.is_empty());
        self.media().is_some() || is_empty && Extra::of_payload(self.payload).holds_something()
    }

    /// The content of a message, or none where something is attached.
    pub(crate) fn content_or_attached(
        &self,
        name: &'static str,
    ) -> Result<Option<&'p Opaque<'a>>, Refusal> {
        match self.optional(name) {
            None if self.has_attached(name) => Ok(None),
            _ => self.content(name).map(Some),
        }
    }

    /// The content that a message is to have from now on. An empty string is one, too, for a message that has something
    /// attached.
    pub(crate) fn new_content(&self, name: &'static str) -> Result<&'p Opaque<'a>, Refusal> {
        let empty = self.payload.text(name).filter(|text| text.is_empty());
        match empty.and(self.payload.get(name)) {
            Some(empty) => Ok(empty),
            None => self.content(name),
        }
    }

    /// What is said of a message with this content; together they have no more bytes than a content may have.
    pub(crate) fn further(&self, content: Option<&Opaque<'_>>) -> Result<Further, Refusal> {
        let mut room = self.max_message_bytes();
        let mut takes = |bytes: usize| {
            let left = room.checked_sub(bytes);
            room = left.unwrap_or(0);
            left.is_some()
        };
        takes(content.map_or(0, Opaque::total_size));
        let media = self.media();
        if media.is_some_and(|media| !takes(media.total_size())) {
            return Err(self.refuse(MEDIA));
        }
        let extra = Extra::of_payload(self.payload);
        for (place, (name, value)) in extra.fields().enumerate() {
            let fits = takes(name.len() + value.total_size());
            if !fits || place >= Extra::MAX_FIELDS {
                return Err(Refusal::unusable_named(name));
            }
        }
        Ok(Further {
            media: media.map(OwnedValue::from),
            extra,
        })
    }

    /// What is said beside of what is told and not kept, without the relay's own names of it.
    pub(crate) fn told(&self, own: &[&str]) -> Result<Extra, Refusal> {
        let told = Extra::told(self.payload, own);
        told.map_err(|name| Refusal::unusable_named(&name))
    }

    /// The number of a content key; `None` when it is missing, `null` or empty.
    pub(crate) fn key_number(&self, name: &'static str) -> Result<Option<i64>, Refusal> {
        let given = self.optional(name).map(|given| {
            let number = given.json().and_then(|json| json.parse().ok());
            self.expect(name, number)
        });
        given.transpose()
    }
}
