//! Times and ids in documents, and what is wrong with one that cannot be read.

use std::sync::Arc;

use mongodb::bson::DateTime;
use uuid::Uuid;

use crate::stores::conversations::error::StoreError;

/// A document does not hold what the store has written.
#[derive(Debug, thiserror::Error)]
#[error("a document of {0} cannot be read")]
struct Damaged(&'static str);

pub(crate) fn damaged(collection: &'static str) -> impl Fn() -> StoreError {
    move || StoreError::Failed(Arc::new(Damaged(collection)))
}

/// Milliseconds since the epoch as a field.
pub(crate) fn date(ms: u64) -> DateTime {
    DateTime::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// A field as milliseconds since the epoch; a time before it is 0.
pub(crate) fn ms(date: DateTime) -> u64 {
    u64::try_from(date.timestamp_millis()).unwrap_or(0)
}

/// An id as a field: its text, which sorts as the id does.
pub(crate) fn text_of(id: &Uuid) -> String {
    id.hyphenated().to_string()
}
