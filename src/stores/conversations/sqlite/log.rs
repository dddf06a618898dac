//! The log of a conversation: how a change gets its number, in the step in which it is stored.

use rusqlite::params;
use rusqlite::types::{ToSql, ToSqlOutput};

use super::columns::{number, read_number};
use super::writer::Writing;
use crate::model::conversation::{ChangeNumber, ChangedBy, ReactionId};

/// The kinds of change that have a row of their own. A message that was sent is its own row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Created,
    Edited,
    Deleted,
    Reacted,
    Unreacted,
    Added,
    /// Of one who was a participant before, the role is another one.
    Updated,
    Left,
    Removed,
    /// One was added who is ignored.
    Ignored,
    /// One was removed who was ignored.
    Dismissed,
    Invited,
    Uninvited,
    KeyRotated,
    Described,
}

impl Kind {
    pub(super) const ALL: [(Self, &str); 15] = [
        (Self::Created, "created"),
        (Self::Edited, "edited"),
        (Self::Deleted, "deleted"),
        (Self::Reacted, "reacted"),
        (Self::Unreacted, "unreacted"),
        (Self::Added, "added"),
        (Self::Updated, "updated"),
        (Self::Left, "left"),
        (Self::Removed, "removed"),
        (Self::Ignored, "ignored"),
        (Self::Dismissed, "dismissed"),
        (Self::Invited, "invited"),
        (Self::Uninvited, "uninvited"),
        (Self::KeyRotated, "keyRotated"),
        (Self::Described, "described"),
    ];
}

impl ToSql for Kind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let found = Self::ALL.iter().find(|(kind, _)| kind == self);
        Ok(found.map_or("", |(_, name)| name).into())
    }
}

/// A row of the table, without number and time, which the store gives.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) kind: Kind,
    /// By whom.
    pub(super) by: &'a ChangedBy,
    /// The number of the message.
    pub(super) message: Option<i64>,
    /// The participant, the emoji of the reaction, or the title of the conversation.
    pub(super) subject: Option<&'a str>,
    /// The role of the participant; of a conversation its first participants, each with their role, or its picture.
    pub(super) detail: Option<&'a str>,
    pub(super) reaction: Option<ReactionId>,
    pub(super) key_number: Option<i64>,
    /// The pending participant whose place the added one took.
    pub(super) in_place_of: Option<&'a str>,
}

impl<'a> Entry<'a> {
    pub(super) const fn new(kind: Kind, by: &'a ChangedBy) -> Self {
        Self {
            kind,
            by,
            message: None,
            subject: None,
            detail: None,
            reaction: None,
            key_number: None,
            in_place_of: None,
        }
    }
}

/// The author of a change, as a column.
struct Author<'a>(&'a ChangedBy);

impl ToSql for Author<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            ChangedBy::User(user) => user.as_str().into(),
            ChangedBy::Admin => rusqlite::types::Null.into(),
            ChangedBy::Application => "".into(),
        })
    }
}

/// Gives a conversation's next number, and logs a change under it.
pub(super) fn log(
    writing: &Writing<'_>,
    conversation: i64,
    entry: &Entry<'_>,
) -> rusqlite::Result<ChangeNumber> {
    const NEXT: &str =
        "UPDATE conversations SET changes = changes + 1 WHERE no = ?1 RETURNING changes";
    const INSERT: &str = "
        INSERT INTO changes
            (conversation, number, kind, at, author, message, subject, reaction, keyNumber, detail,
             inPlaceOf)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let mut next = writing.db.prepare_cached(NEXT)?;
    let next = next.query_row([conversation], |row| read_number(row, 0))?;
    writing.db.prepare_cached(INSERT)?.execute(params![
        conversation,
        number(next),
        entry.kind,
        number(writing.now),
        Author(entry.by),
        entry.message,
        entry.subject,
        entry.reaction,
        entry.key_number,
        entry.detail,
        entry.in_place_of,
    ])?;
    Ok(ChangeNumber::new(next))
}
