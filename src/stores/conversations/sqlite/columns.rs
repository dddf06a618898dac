//! How the types of conversations are written in columns and read from them. A column that does not
//! hold what it should is an error of the database, which names the column and not what is in it.

use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Error, Row};
use uuid::Uuid;

use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, Emoji, MessageId, ParticipantStatus, ReactionId, Role, TempId, UserStatus,
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
    UserStatus
);

impl ToSql for TempId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
        })
    }
}

impl FromSql for TempId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(number) => Ok(number.into()),
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

/// Milliseconds since the epoch, or a count. SQLite has no unsigned integers; those that are not
/// in its range are no times and no counts.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number read back.
pub(super) fn read_number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

/// A number that may be missing, read back.
pub(super) fn read_optional_number(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        _ => read_number(row, column).map(Some),
    }
}

/// The two columns of a kept value: its text, and its attachments if it has any.
pub(super) struct Columns<'a> {
    pub(super) text: std::borrow::Cow<'a, str>,
    pub(super) attachments: Option<Vec<u8>>,
}

/// A kept value, as it is written.
pub(super) fn columns(kept: &OwnedValue) -> Columns<'_> {
    let (text, attachments) = kept.to_parts();
    let attachments = (!attachments.is_empty()).then(|| joined(&attachments));
    Columns { text, attachments }
}

/// A kept value, read from its two columns. `None`: there is none.
pub(super) fn read_kept(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<OwnedValue>> {
    let Some(text) = row.get(column)? else {
        return Ok(None);
    };
    let attachments: Option<Vec<u8>> = row.get(column + 1)?;
    let attachments = attachments.map_or(Some(Vec::new()), |joined| split(joined.into()));
    let kept = attachments.and_then(|attachments| OwnedValue::from_parts(text, attachments));
    let invalid = || FromSqlError::InvalidType.into();
    kept.map(Some)
        .ok_or_else(|| Error::FromSqlConversionFailure(column, Type::Text, invalid()))
}

/// Each attachment behind its length, as four bytes of which the last is the highest.
fn joined(attachments: &[Bytes]) -> Vec<u8> {
    let mut all = Vec::new();
    for attachment in attachments {
        // Events are far from this large.
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
