//! The details by which some records of a type are told apart from its others. Nothing else of a line is read for it.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::DisconnectReason;

/// Those of a record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TellingDetails<'a> {
    first_at: Option<IgnoredAny>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
}

impl<'a> TellingDetails<'a> {
    /// `None`: these bytes do not begin with details.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let is_object = bytes.starts_with(b"{");
        let mut values = serde_json::Deserializer::from_slice(bytes).into_iter();
        is_object.then(|| values.next())??.ok()
    }

    pub(super) fn is_repeated(&self) -> bool {
        self.first_at.is_some()
    }

    pub(super) fn names_expulsion(&self) -> bool {
        let reason = self.reason.as_deref();
        reason.is_some_and(DisconnectReason::names_expulsion)
    }
}
