//! The content keys of participants: the one that counts, and all that they were given.

use rusqlite::{Connection, Row, params};

use super::columns::{columns, number, read_number, read_value};
use super::log::{Entry, Kind, log};
use super::participant_rows::member;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Change, Changed, ChangedBy, ContentKey, ConversationId, GivenKey, KeyRotation, Logged,
    NewParticipant,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::{MAX_KEYS, MAX_KEYS_BYTES, ParticipantKeys};

/// Gives a participant their keys, if there are any.
pub(super) fn give(
    writing: &Writing<'_>,
    conversation: i64,
    new: &NewParticipant,
) -> Result<(), StoreError> {
    for key in new.keys() {
        keep(writing, conversation, &new.user, key)?;
    }
    match &new.key {
        Some(key) => set(writing.db, conversation, &new.user, key),
        None => Ok(()),
    }
}

/// Makes it the one that counts.
fn set(
    db: &Connection,
    conversation: i64,
    user: &UserId,
    key: &ContentKey,
) -> Result<(), StoreError> {
    const UPSERT: &str = "
        INSERT INTO contentKeys (conversation, user, number, key, keyAttachments)
        VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (conversation, user) DO UPDATE
        SET number = ?3, key = ?4, keyAttachments = ?5";
    let encrypted = columns(&key.encrypted);
    let values = params![
        conversation,
        user,
        key.number,
        encrypted.text,
        encrypted.attachments
    ];
    db.prepare_cached(UPSERT)?.execute(values)?;
    Ok(())
}

/// Keeps it among all of them.
fn keep(
    writing: &Writing<'_>,
    conversation: i64,
    user: &UserId,
    key: &ContentKey,
) -> Result<(), StoreError> {
    const UPSERT: &str = "
        INSERT INTO keyHistory (conversation, user, number, key, keyAttachments, at)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (conversation, user, number) DO UPDATE
        SET key = ?4, keyAttachments = ?5, at = ?6";
    const COUNT: &str = "SELECT count(*) FROM keyHistory WHERE conversation = ?1 AND user = ?2";
    let db = writing.db;
    let encrypted = columns(&key.encrypted);
    let at = number(writing.now);
    let values = params![
        conversation,
        user,
        key.number,
        encrypted.text,
        encrypted.attachments,
        at
    ];
    db.prepare_cached(UPSERT)?.execute(values)?;
    let mut count = db.prepare_cached(COUNT)?;
    let kept = count.query_row(params![conversation, user], |row| read_number(row, 0))?;
    match kept > MAX_KEYS as u64 {
        true => Err(StoreError::TooLarge),
        false => Ok(()),
    }
}

/// Gives those that a pending participant was given to a user, who keeps what they had before.
pub(super) fn move_history(
    db: &Connection,
    conversation: i64,
    pending: &UserId,
    user: &UserId,
) -> rusqlite::Result<()> {
    const MOVE: &str = "
        UPDATE OR REPLACE keyHistory SET user = ?3 WHERE conversation = ?1 AND user = ?2";
    let values = params![conversation, pending, user];
    db.prepare_cached(MOVE)?.execute(values).map(drop)
}

pub(super) fn rotate(
    writing: &Writing<'_>,
    id: &ConversationId,
    by: &UserId,
    new: &KeyRotation,
) -> Result<Logged<()>, StoreError> {
    const LAST: &str = "SELECT max(number) FROM contentKeys WHERE conversation = ?1";
    const PRESENT: &str = "
        SELECT EXISTS (SELECT 1 FROM participants WHERE conversation = ?1 AND user = ?2
                       AND status IN ('active', 'ignored', 'invited'))";
    let db = writing.db;
    let conversation = member(db, id, by)?.conversation;
    let last: Option<i64> = db
        .prepare_cached(LAST)?
        .query_row([conversation], |row| row.get(0))?;
    if last.is_some_and(|last| last >= new.number) {
        return Err(StoreError::KeyExists);
    }
    let key_number = new.number;
    for (user, key) in new.keys() {
        let mut present = db.prepare_cached(PRESENT)?;
        if present.query_row(params![conversation, user], |row| row.get(0))? {
            keep(writing, conversation, &user, &key)?;
            set(db, conversation, &user, &key)?;
        }
    }
    let by = ChangedBy::User(by.clone());
    let entry = Entry {
        key_number: Some(key_number),
        ..Entry::new(Kind::KeyRotated, &by)
    };
    let change = Change {
        number: log(writing, conversation, &entry)?,
        at: writing.now,
        by,
        what: Changed::KeyRotated { key_number },
    };
    Ok(Logged::new((), change))
}

pub(super) fn keys_in(
    db: &Connection,
    user: &UserId,
    conversations: Vec<ConversationId>,
) -> Result<Vec<ParticipantKeys>, StoreError> {
    const SELECT: &str = "
        SELECT k.number, k.key, k.keyAttachments, k.at
        FROM conversations c JOIN keyHistory k ON k.conversation = c.no
        WHERE c.id = ?1 AND k.user = ?2 ORDER BY k.number";
    let mut select = db.prepare_cached(SELECT)?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    for conversation in conversations {
        let rows = select.query_map(params![conversation, user], read)?;
        let keys: Vec<_> = rows
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?;
        bytes += keys.iter().map(GivenKey::size).sum::<usize>();
        if !found.is_empty() && bytes > MAX_KEYS_BYTES {
            break;
        }
        if !keys.is_empty() {
            found.push((conversation, keys));
        }
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<GivenKey>> {
    let (key_number, at) = (row.get(0)?, read_number(row, 3)?);
    Ok(read_value(row, 1)?.map(|encrypted| GivenKey {
        key: ContentKey {
            number: key_number,
            encrypted,
        },
        at,
    }))
}
