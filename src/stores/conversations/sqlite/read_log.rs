//! Reading the log: which changes a conversation has seen, and who participated after the last one.

use async_trait::async_trait;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{number, read_number};
use super::first_participants::FirstParticipants;
use super::history::change_number;
use super::log::Kind;
use super::message_rows::{self, message_columns};
use super::newcomers::{newcomers, sent_by, since};
use super::participant_rows;
use super::participations::{memberships, participations};
use super::store::SqliteConversations;
use crate::model::UserId;
use crate::model::conversation::{
    Change, ChangeNumber, ChangePage, Changed, ChangedBy, ConversationId, Description, LogWindow,
    Message, MessageId, PageLimit, Participation, Reaction, Snapshot, VisibleChanges,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::log::LogStore;

#[async_trait]
impl LogStore for SqliteConversations {
    async fn memberships(
        &self,
        user: &UserId,
    ) -> Result<Vec<(ConversationId, ChangeNumber)>, StoreError> {
        let user = user.clone();
        self.readers.read(move |db| memberships(db, &user)).await
    }

    async fn changes(
        &self,
        conversation: &ConversationId,
        after: ChangeNumber,
        limit: usize,
    ) -> Result<ChangePage, StoreError> {
        let conversation = conversation.clone();
        self.readers
            .read(move |db| changes(db, &conversation, after, limit))
            .await
    }

    async fn participations(
        &self,
        user: &UserId,
        only: Option<&ConversationId>,
    ) -> Result<Vec<Participation>, StoreError> {
        let (user, only) = (user.clone(), only.cloned());
        self.readers
            .read(move |db| participations(db, &user, only.as_ref()))
            .await
    }

    async fn visible_changes(
        &self,
        conversation: &ConversationId,
        user: &UserId,
        window: LogWindow,
        limit: usize,
    ) -> Result<VisibleChanges, StoreError> {
        let (conversation, user) = (conversation.clone(), user.clone());
        self.readers
            .read(move |db| visible_changes(db, &conversation, &user, window, limit))
            .await
    }

    async fn newcomers(
        &self,
        conversation: &ConversationId,
    ) -> Result<Vec<(UserId, ChangeNumber)>, StoreError> {
        let conversation = conversation.clone();
        self.readers
            .read(move |db| newcomers(db, &conversation))
            .await
    }

    async fn sent_by(
        &self,
        conversation: &ConversationId,
        message: MessageId,
    ) -> Result<Option<ChangeNumber>, StoreError> {
        let conversation = conversation.clone();
        self.readers
            .read(move |db| sent_by(db, &conversation, message))
            .await
    }

    async fn snapshot(&self, conversation: &ConversationId) -> Result<Snapshot, StoreError> {
        let conversation = conversation.clone();
        self.readers
            .read(move |db| snapshot(db, &conversation))
            .await
    }
}

/// What stands in the rows for a message that was sent.
const SENT: &str = "sent";

/// The author of a change, as the column says.
struct ReadAuthor(ChangedBy);

impl FromSql for ReadAuthor {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(match value {
            ValueRef::Null => ChangedBy::Admin,
            value => match value.as_str()? {
                "" => ChangedBy::Application,
                user => ChangedBy::User(UserId::parse(user).ok_or(FromSqlError::InvalidType)?),
            },
        }))
    }
}

/// The changes of a conversation ?1 from behind ?2 until ?3, but for those about messages that a user ?4
/// has hidden or that were not sent behind ?6, and if not ?5 for messages that were sent.
pub(super) const CHANGES: &str = concat!(
    "SELECT l.number, l.kind, l.at, l.author, l.subject, l.reaction, l.keyNumber, l.detail,
     l.inPlaceOf, ",
    message_columns!(),
    " FROM (
        SELECT number, 'sent' AS kind, createdAt AS at, sender AS author, no AS message,
               NULL AS subject, NULL AS reaction, NULL AS keyNumber, NULL AS detail,
               NULL AS inPlaceOf
        FROM messages WHERE conversation = ?1 AND number > ?2 AND number <= ?3 AND ?5
        UNION ALL
        SELECT number, kind, at, author, message, subject, reaction, keyNumber, detail,
               inPlaceOf
        FROM changes WHERE conversation = ?1 AND number > ?2 AND number <= ?3
    ) AS l LEFT JOIN messages m ON m.no = l.message
    WHERE (?4 IS NULL OR NOT EXISTS (
        SELECT 1 FROM hidden h
        WHERE h.conversation = ?1 AND h.user = ?4 AND h.message = l.message))
      AND (l.message IS NULL OR m.number > ?6)
    ORDER BY l.number"
);
/// How many columns stand before those of the message.
const COLUMNS: usize = 9;

/// Who reads, and the change behind which they see messages.
type Reader<'a> = (&'a UserId, i64);

/// The changes of a window that fit on a page. `true`: there are more.
fn select(
    db: &Connection,
    (id, conversation): (&ConversationId, i64),
    reader: Option<Reader<'_>>,
    window: LogWindow,
) -> Result<(Vec<Change>, bool), StoreError> {
    let (after, until) = (number(window.after.get()), number(window.until.get()));
    let mut select = db.prepare_cached(CHANGES)?;
    let (user, since) = reader.unzip();
    let since = since.unwrap_or(0);
    let values = params![conversation, after, until, user, window.with_sent, since];
    let mut rows = select.query(values)?;
    let mut changes: Vec<Change> = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let change = read(row, id)?;
        bytes += change.message().map_or(0, Message::size);
        if bytes > PageLimit::MAX_BYTES && !changes.is_empty() {
            return Ok((changes, true));
        }
        changes.push(change);
    }
    Ok((changes, false))
}

fn changes(
    db: &Connection,
    id: &ConversationId,
    after: ChangeNumber,
    limit: usize,
) -> Result<ChangePage, StoreError> {
    let Some((conversation, last)) = find(db, id)? else {
        let (changes, last) = (Vec::new(), ChangeNumber::START);
        return Ok(ChangePage { changes, last });
    };
    let window = LogWindow {
        after,
        until: after.plus(limit),
        with_sent: true,
    };
    let (changes, is_cut) = select(db, (id, conversation), None, window)?;
    let end = match changes.last().filter(|_| is_cut) {
        Some(last) => last.number,
        None => window.until.min(last),
    };
    let changes = Change::without_gaps(changes, after, end);
    Ok(ChangePage { changes, last })
}

fn visible_changes(
    db: &Connection,
    id: &ConversationId,
    user: &UserId,
    window: LogWindow,
    limit: usize,
) -> Result<VisibleChanges, StoreError> {
    let Some((conversation, _)) = find(db, id)? else {
        let (changes, end) = (Vec::new(), window.after);
        return Ok(VisibleChanges { changes, end });
    };
    let since = since(db, conversation, user)?;
    // What they were told when they were added is the first that they read.
    let first = change_number(since).previous();
    let after = window.after.max(first).min(window.until);
    let until = window.until.min(after.plus(limit));
    let window = LogWindow {
        after,
        until,
        ..window
    };
    let (changes, is_cut) = select(db, (id, conversation), Some((user, since)), window)?;
    let last = changes.last().filter(|_| is_cut);
    let end = last.map_or(until, |last| last.number);
    Ok(VisibleChanges { changes, end })
}

fn read(row: &Row<'_>, conversation: &ConversationId) -> rusqlite::Result<Change> {
    let ReadAuthor(by) = row.get(3)?;
    let message = || message_rows::read_from(row, COLUMNS, conversation.clone());
    let at = read_number(row, 2)?;
    let reaction = || -> rusqlite::Result<Reaction> {
        let ChangedBy::User(user) = &by else {
            return Err(FromSqlError::InvalidType.into());
        };
        Ok(Reaction {
            id: row.get(5)?,
            message: row.get(COLUMNS)?,
            conversation: conversation.clone(),
            user: user.clone(),
            emoji: row.get(4)?,
            created_at: at,
        })
    };
    let kind = row.get_ref(1)?.as_str()?;
    let what = match Kind::ALL.iter().find(|(_, name)| *name == kind) {
        None if kind == SENT => Changed::Sent(message()?),
        None => return Err(FromSqlError::InvalidType.into()),
        Some((Kind::Edited, _)) => Changed::Edited(message()?),
        Some((Kind::Deleted, _)) => Changed::Deleted(message()?),
        Some((Kind::Reacted, _)) => Changed::Reacted(reaction()?),
        Some((Kind::Unreacted, _)) => Changed::Unreacted(reaction()?),
        Some((Kind::Created, _)) => created(row)?,
        Some((Kind::KeyRotated, _)) => Changed::KeyRotated {
            key_number: row.get(6)?,
        },
        Some((Kind::Described, _)) => Changed::Described(Description {
            title: row.get(4)?,
            avatar_url: row.get(7)?,
        }),
        Some((kind, _)) => of_participant(row, *kind)?,
    };
    Ok(Change {
        number: ChangeNumber::new(read_number(row, 0)?),
        at,
        by,
        what,
    })
}

fn of_participant(row: &Row<'_>, kind: Kind) -> rusqlite::Result<Changed> {
    let user = row.get(4)?;
    Ok(match kind {
        Kind::Added | Kind::Ignored => Changed::Added {
            user,
            role: row.get(7)?,
            key_number: row.get(6)?,
            in_place_of: row.get(8)?,
            is_ignored: kind == Kind::Ignored,
        },
        Kind::Invited => Changed::Invited {
            user,
            role: row.get(7)?,
            key_number: row.get(6)?,
            in_place_of: row.get(8)?,
        },
        Kind::Updated => Changed::Updated {
            user,
            role: row.get(7)?,
            key_number: row.get(6)?,
        },
        Kind::Uninvited => Changed::Uninvited(user),
        Kind::Left => Changed::Left(user),
        Kind::Removed => Changed::Removed(user),
        Kind::Dismissed => Changed::Dismissed(user),
        Kind::Created
        | Kind::Edited
        | Kind::Deleted
        | Kind::Reacted
        | Kind::Unreacted
        | Kind::KeyRotated
        | Kind::Described => {
            return Err(FromSqlError::InvalidType.into());
        }
    })
}

fn created(row: &Row<'_>) -> rusqlite::Result<Changed> {
    let first = FirstParticipants::parse(row.get_ref(7)?.as_str()?)?;
    Ok(Changed::Created {
        participants: first.all,
        ignored: first.ignored,
        invited: first.invited,
        key_number: row.get(6)?,
    })
}

/// The row of a conversation, and its last number.
fn find(db: &Connection, id: &ConversationId) -> rusqlite::Result<Option<(i64, ChangeNumber)>> {
    db.prepare_cached("SELECT no, changes FROM conversations WHERE id = ?1")?
        .query_row([id], |row| {
            Ok((row.get(0)?, ChangeNumber::new(read_number(row, 1)?)))
        })
        .optional()
}

fn snapshot(db: &Connection, id: &ConversationId) -> Result<Snapshot, StoreError> {
    let Some((conversation, number)) = find(db, id)? else {
        return Ok(Snapshot::default());
    };
    let participants = participant_rows::active(db, conversation)?;
    Ok(Snapshot {
        number,
        participants,
    })
}
