//! What is said of an event in `/asyncapi.json`, in the `described` of each dialect: what it takes, what its callback
//! gets, what the relay sends. It must not know an event.

use schemars::{Schema, SchemaGenerator};

use super::request::Success;
use crate::schema::{Field, SchemaOf, object, schema_of};

/// An event that clients send.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    /// What it does.
    pub(super) about: &'static str,
    /// What its payload has.
    pub(super) payload: Fields,
    /// What its callback gets when it is done.
    pub(super) answer: SchemaOf,
}

/// An event that the relay sends.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) name: &'static str,
    /// When it is sent.
    pub(super) about: &'static str,
    pub(super) payload: Payload,
}

/// The fields of an object.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    fields: &'static [Field],
    /// Others say something, too: they are passed on.
    is_open: bool,
}

/// What an event says.
#[derive(Clone, Copy)]
pub(super) enum Payload {
    /// A type that is written.
    Of(SchemaOf),
    /// Fields of the relay, and those that were received.
    Relayed(Fields),
}

impl Fields {
    pub(super) fn schema(self) -> Schema {
        Schema::try_from(object(self.fields, self.is_open)).unwrap_or_default()
    }
}

impl Payload {
    pub(super) fn schema(self, generator: &mut SchemaGenerator) -> Schema {
        match self {
            Self::Of(schema_of) => schema_of(generator),
            Self::Relayed(fields) => fields.schema(),
        }
    }
}

/// An event that takes these fields, and whose callback gets `{success: true}`.
pub(super) const fn takes(fields: &'static [Field], about: &'static str) -> Taken {
    let is_open = false;
    Taken {
        about,
        payload: Fields { fields, is_open },
        answer: schema_of::<Success>,
    }
}

impl Taken {
    /// One whose other fields are passed on.
    pub(super) const fn and_more(self) -> Self {
        let fields = self.payload.fields;
        let is_open = true;
        Self {
            payload: Fields { fields, is_open },
            ..self
        }
    }

    /// One whose callback gets more.
    pub(super) const fn answered(self, answer: SchemaOf) -> Self {
        Self { answer, ..self }
    }
}

/// An event with this payload.
pub(super) const fn sends(name: &'static str, payload: SchemaOf, about: &'static str) -> Sent {
    Sent {
        name,
        about,
        payload: Payload::Of(payload),
    }
}

/// An event that has these fields, and those of what it was made of.
pub(super) const fn relays(
    name: &'static str,
    fields: &'static [Field],
    about: &'static str,
) -> Sent {
    let is_open = true;
    Sent {
        name,
        about,
        payload: Payload::Relayed(Fields { fields, is_open }),
    }
}
