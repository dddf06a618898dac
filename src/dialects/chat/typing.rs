//! Typing as clients of this dialect see it.

use std::time::Duration;

use serde::Serialize;

use super::envelope::Both;
use crate::model::conversation::ClientId;

/// How long someone types who does not say so again.
pub(super) const LASTS: Duration = Duration::from_secs(3);

/// Who types where.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Typing<'a> {
    pub(super) user_id: &'a str,
    pub(super) chat_id: ClientId<'a>,
    pub(super) is_typing: bool,
}

impl<'a> Typing<'a> {
    /// The same in an envelope and beside it.
    pub(super) fn both(self, event: &'static str) -> Both<Self> {
        Both::new(event, self)
    }
}
