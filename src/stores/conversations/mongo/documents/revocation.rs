//! Documents of `revocations`. They are only for the store.

use mongodb::bson::DateTime;
use serde::Deserialize;
use uuid::Uuid;

use super::fields::ms;
use crate::model::{Revocation, RevocationKind};
use crate::stores::conversations::revocations::RevocationChange;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevocationDocument {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) before: Option<DateTime>,
    pub(crate) created_at: DateTime,
    pub(crate) expires_at: DateTime,
    /// By the clock of the database.
    pub(crate) changed_at: DateTime,
    #[serde(default)]
    pub(crate) taken_back: Option<bool>,
}

impl RevocationDocument {
    /// `None`: it is not as the store writes them.
    pub(crate) fn revocation(&self) -> Option<Revocation> {
        Some(Revocation {
            id: Uuid::parse_str(&self.id).ok()?,
            kind: RevocationKind::parse(&self.kind)?,
            subject: self.subject.as_str().into(),
            before: self.before.map(ms),
            created_at: ms(self.created_at),
            expires_at: ms(self.expires_at),
        })
    }

    /// The same with when it was changed last.
    pub(crate) fn change(&self) -> Option<RevocationChange> {
        Some(RevocationChange {
            revocation: self.revocation()?,
            is_taken_back: self.taken_back.unwrap_or_default(),
            changed_at: ms(self.changed_at),
        })
    }
}
