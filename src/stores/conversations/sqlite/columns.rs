//! How the types of conversations are stored in columns and read from them. A column with an invalid
//! value is an error of the database, which names the column and never the value.

use std::borrow::Cow;

use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Error, Row};
use uuid::Uuid;

use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, Emoji, Extra, History, MessageId, ParticipantStatus, ReactionId, Role, TempId,
    UserStatus,
};
use crate::payload::OwnedValue;

macro_rules! as_text {
    ($($name:ty),+) => { $(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
            }
        }
    )+ };
}

as_text!(
    UserId,
    ConversationId,
    Emoji,
    Role,
    ParticipantStatus,
    UserStatus,
    History
);

impl ToSql for TempId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => match self.as_integer() {
                Some(integer) => integer.into(),
                // A REAL would be written otherwise.
                None => number.as_str().as_bytes().into(),
            },
        })
    }
}

impl FromSql for TempId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(number) => {
                Self::number(&number.to_string()).ok_or(FromSqlError::InvalidType)
            }
            ValueRef::Blob(number) => std::str::from_utf8(number)
                .ok()
                .and_then(Self::number)
                .ok_or(FromSqlError::InvalidType),
            value => Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType),
        }
    }
}

macro_rules! as_bytes {
    ($($name:ty),+) => { $(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.uuid().as_bytes().as_slice().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let id = Uuid::from_slice(value.as_blob()?).ok();
                id.and_then(Self::new).ok_or(FromSqlError::InvalidType)
            }
        }
    )+ };
}

as_bytes!(MessageId, ReactionId);

/// Milliseconds since the epoch, or a count. SQLite has no unsigned integers; a value beyond its
/// range is neither a time nor a count, and is capped.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads a number.
pub(super) fn read_number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

/// Reads a number that may be NULL.
pub(super) fn read_optional_number(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => read_number(row, column).map(Some),
    }
}

/// The two columns of a value: its JSON text, and its attachments if it has any.
pub(super) struct Columns<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) attachments: Option<Vec<u8>>,
}

/// A value as columns.
pub(super) fn columns(value: &OwnedValue) -> Columns<'_> {
    let (text, attachments) = value.to_parts();
    let attachments = (!attachments.is_empty()).then(|| joined(&attachments));
    Columns { text, attachments }
}

/// The same of what may be missing: both are NULL then.
pub(super) fn optional_columns(
    value: Option<&OwnedValue>,
) -> (Option<Cow<'_, str>>, Option<Vec<u8>>) {
    match value.map(columns) {
        Some(columns) => (Some(columns.text), columns.attachments),
        None => (None, None),
    }
}

/// Reads a value from its two columns. `None`: they are NULL.
pub(super) fn read_value(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<OwnedValue>> {
    let Some((text, attachments)) = read_parts(row, column)? else {
        return Ok(None);
    };
    let value = OwnedValue::from_parts(text, attachments);
    value.map(Some).ok_or_else(|| invalid(column))
}

/// Reads the fields of a message that the relay does not know.
pub(super) fn read_extra(row: &Row<'_>, column: usize) -> rusqlite::Result<Extra> {
    let parts = read_parts(row, column)?;
    Ok(parts.map_or_else(Extra::default, |(text, attachments)| {
        Extra::of_parts(&text, attachments)
    }))
}

fn read_parts(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<(String, Vec<Bytes>)>> {
    let Some(text) = row.get(column)? else {
        return Ok(None);
    };
    let attachments: Option<Vec<u8>> = row.get(column + 1)?;
    let attachments = attachments.map_or(Some(Vec::new()), |joined| split(joined.into()));
    let attachments = attachments.ok_or_else(|| invalid(column))?;
    Ok(Some((text, attachments)))
}

fn invalid(column: usize) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, FromSqlError::InvalidType.into())
}

/// Each attachment behind its length in four bytes, the least significant first.
fn joined(attachments: &[Bytes]) -> Vec<u8> {
    let mut all = Vec::new();
    for attachment in attachments {
        // Events are far smaller than this.
        let length = u32::try_from(attachment.len()).unwrap_or(u32::MAX);
        all.extend_from_slice(&length.to_le_bytes());
        all.extend_from_slice(attachment);
    }
    all
}

fn split(mut all: Bytes) -> Option<Vec<Bytes>> {
    let mut attachments = Vec::new();
    while !all.is_empty() {
        let length = u32::from_le_bytes(*all.first_chunk()?) as usize;
        let end = length.checked_add(4).filter(|end| *end <= all.len())?;
        attachments.push(all.split_to(end).slice(4..));
    }
    Some(attachments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_are_split_where_they_were_joined() {
        let attachments = [
            Bytes::from_static(b"one"),
            Bytes::new(),
            Bytes::from(vec![0; 9]),
        ];
        assert_eq!(split(joined(&attachments).into()).unwrap(), attachments);
        assert_eq!(split(Bytes::from_static(b"\x05\0\0\0four")), None);
        assert_eq!(split(Bytes::from_static(b"\x05\0")), None);
    }
}
