//! The fields of this dialect's payloads: what they have to be to be accepted.

use std::borrow::Cow;

use crate::config::Config;
use crate::error::ErrorCode;
use crate::identity::UserId;
use crate::payload::{Opaque, Payload};

/// Why an event is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) field: Option<&'static str>,
}

impl Refusal {
    /// What a rate limit said is taken for an answer.
    pub(super) fn unless_allowed(allowed: bool) -> Result<(), Self> {
        match allowed {
            true => Ok(()),
            false => Err(Self {
                code: ErrorCode::RateLimit,
                field: None,
            }),
        }
    }

    /// A field is missing, of the wrong type or too long; `None` when all are.
    pub(super) fn invalid(field: Option<&'static str>) -> Self {
        Self {
            code: ErrorCode::InvalidInput,
            field,
        }
    }
}

/// Reads the fields of one payload.
pub(super) struct Fields<'p, 'a> {
    payload: &'p Payload<'a>,
    config: &'p Config,
}

impl<'p, 'a> Fields<'p, 'a> {
    pub(super) fn new(payload: &'p Payload<'a>, config: &'p Config) -> Self {
        Self { payload, config }
    }

    /// A user's id.
    pub(super) fn user(&self, name: &'static str) -> Result<UserId, Refusal> {
        UserId::parse(&self.id(name)?).ok_or(Refusal::invalid(Some(name)))
    }

    /// An id that the client made: a string or an integer.
    pub(super) fn id(&self, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
        let id = self
            .payload
            .id(name)
            .filter(|id| !id.is_empty() && id.len() <= self.config.max_id_bytes);
        id.ok_or(Refusal::invalid(Some(name)))
    }

    /// Something that is there and not empty.
    pub(super) fn filled(&self, name: &'static str) -> Result<&'p Opaque<'a>, Refusal> {
        self.payload
            .filled(name)
            .ok_or(Refusal::invalid(Some(name)))
    }

    /// The same, of at most `most` bytes.
    pub(super) fn filled_up_to(&self, name: &'static str, most: usize) -> Result<(), Refusal> {
        match self.filled(name)?.size() <= most {
            true => Ok(()),
            false => Err(Refusal::invalid(Some(name))),
        }
    }

    /// Something that may be missing, of at most `most` bytes.
    pub(super) fn optional_up_to(&self, name: &'static str, most: usize) -> Result<(), Refusal> {
        match self
            .payload
            .get(name)
            .is_none_or(|value| value.size() <= most)
        {
            true => Ok(()),
            false => Err(Refusal::invalid(Some(name))),
        }
    }

    /// Something that is there and may be empty.
    pub(super) fn present(&self, name: &'static str) -> Result<(), Refusal> {
        self.payload
            .get(name)
            .map(|_| ())
            .ok_or(Refusal::invalid(Some(name)))
    }

    /// A string of at most an id's length that is not empty.
    pub(super) fn label(&self, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
        let text = self
            .payload
            .text(name)
            .filter(|text| !text.is_empty() && text.len() <= self.config.max_id_bytes);
        text.ok_or(Refusal::invalid(Some(name)))
    }

    /// The same, or nothing.
    pub(super) fn optional_label(
        &self,
        name: &'static str,
    ) -> Result<Option<Cow<'a, str>>, Refusal> {
        match self.payload.filled(name) {
            Some(_) => self.label(name).map(Some),
            None => Ok(None),
        }
    }

    /// A whole number from 0.
    pub(super) fn count(&self, name: &'static str) -> Result<u64, Refusal> {
        self.payload.count(name).ok_or(Refusal::invalid(Some(name)))
    }

    /// A number, or anything as short as one that a client may count with; it may be `null`.
    pub(super) fn number(&self, name: &'static str) -> Result<&'p Opaque<'a>, Refusal> {
        short(self.payload, name).ok_or(Refusal::invalid(Some(name)))
    }
}

/// A string, number or `null` that is short enough to be repeated to its sender.
pub(super) fn short<'p, 'a>(payload: &'p Payload<'a>, name: &str) -> Option<&'p Opaque<'a>> {
    const MAX_REPEATED: usize = 256;
    payload.get(name).filter(|value| {
        value.as_raw().is_some_and(|raw| {
            raw.get().len() <= MAX_REPEATED && !raw.get().starts_with(['{', '['])
        })
    })
}
