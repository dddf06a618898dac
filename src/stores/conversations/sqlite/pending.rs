//! Pending participants: names that nobody had when they were added, until somebody is known by them.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::log::{Entry, Kind, log};
use super::participants::{counted, find, status_of};
use super::store::SqliteConversations;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Change, Changed, ChangedBy, ConversationId, Logged, Participant, ParticipantStatus, Role,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::pending::PendingStore;

#[async_trait]
impl PendingStore for SqliteConversations {
    async fn pending_in(&self, name: &UserId) -> Result<Vec<ConversationId>, StoreError> {
        let name = name.clone();
        self.readers.read(move |db| pending_in(db, &name)).await
    }

    async fn claim(
        &self,
        id: &ConversationId,
        pending: &UserId,
        user: &UserId,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (id, pending, user) = (id.clone(), pending.clone(), user.clone());
        self.writer
            .write(Some(user.clone()), move |writing| {
                claim(writing, &id, &pending, &user)
            })
            .await
    }
}

fn pending_in(db: &Connection, name: &UserId) -> Result<Vec<ConversationId>, StoreError> {
    const SELECT: &str = "
        SELECT c.id FROM participants p JOIN conversations c ON c.no = p.conversation
        WHERE p.user = ?1 AND p.status = 'active' AND p.pending";
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map([name], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn claim(
    writing: &Writing<'_>,
    id: &ConversationId,
    pending: &UserId,
    user: &UserId,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let db = writing.db;
    let Some((conversation, _)) = counted(db, id)? else {
        return Ok(None);
    };
    let Some(role) = end(db, conversation, pending)? else {
        return Ok(None);
    };
    let is_active = find(db, id, user)?.is_some_and(|known| known.is_active());
    let status = match added_by(db, conversation, pending)? {
        Some(by) => status_of(db, user, &ChangedBy::User(by))?,
        None => ParticipantStatus::Active,
    };
    let what = match is_active {
        true => Changed::Removed(pending.clone()),
        false => Changed::Added {
            user: user.clone(),
            role,
            key_number: move_key(db, conversation, pending, user)?,
            in_place_of: Some(pending.clone()),
            is_ignored: status == ParticipantStatus::Ignored,
        },
    };
    let by = ChangedBy::User(user.clone());
    let number = log(writing, conversation, &entry(&what, pending, &by))?;
    if !is_active {
        take_place(db, conversation, pending, user, status)?;
    }
    let participant = find(db, id, user)?.ok_or(StoreError::NotParticipant)?;
    let change = Change {
        number,
        at: writing.now,
        by,
        what,
    };
    Ok(Some(Logged::new(participant, change)))
}

/// Who added a pending participant. `None`: no user, or that is not kept any more.
fn added_by(
    db: &Connection,
    conversation: i64,
    pending: &UserId,
) -> rusqlite::Result<Option<UserId>> {
    const SELECT: &str = "
        SELECT c.author FROM participants p
        JOIN changes c ON c.conversation = p.conversation AND c.number = p.added
        WHERE p.conversation = ?1 AND p.user = ?2 AND c.author <> ''";
    db.prepare_cached(SELECT)?
        .query_row(params![conversation, pending], |row| row.get(0))
        .optional()
}

/// Ends a pending participation with the next change; the role. `None`: there is none.
fn end(db: &Connection, conversation: i64, pending: &UserId) -> rusqlite::Result<Option<Role>> {
    const END: &str = "
        UPDATE participants
        SET status = 'removed', ended = (SELECT changes + 1 FROM conversations WHERE no = ?1)
        WHERE conversation = ?1 AND user = ?2 AND status = 'active' AND pending
        RETURNING role";
    db.prepare_cached(END)?
        .query_row(params![conversation, pending], |row| row.get(0))
        .optional()
}

fn entry<'a>(what: &'a Changed, pending: &'a UserId, by: &'a ChangedBy) -> Entry<'a> {
    let Changed::Added {
        user,
        role,
        key_number,
        is_ignored,
        ..
    } = what
    else {
        return Entry {
            subject: Some(pending.as_str()),
            ..Entry::new(Kind::Removed, by)
        };
    };
    let kind = match is_ignored {
        true => Kind::Ignored,
        false => Kind::Added,
    };
    Entry {
        subject: Some(user.as_str()),
        detail: Some(role.as_str()),
        key_number: *key_number,
        in_place_of: Some(pending.as_str()),
        ..Entry::new(kind, by)
    }
}

/// Gives the content key of a pending participant to a user; its number.
fn move_key(
    db: &Connection,
    conversation: i64,
    pending: &UserId,
    user: &UserId,
) -> rusqlite::Result<Option<i64>> {
    const REMOVE: &str = "DELETE FROM contentKeys WHERE conversation = ?1 AND user = ?2";
    const MOVE: &str = "
        UPDATE contentKeys SET user = ?3 WHERE conversation = ?1 AND user = ?2 RETURNING number";
    const IS_KEYED: &str = "
        SELECT EXISTS (SELECT 1 FROM contentKeys WHERE conversation = ?1 AND user = ?2)";
    let mut is_keyed = db.prepare_cached(IS_KEYED)?;
    if !is_keyed.query_row(params![conversation, pending], |row| row.get(0))? {
        return Ok(None);
    }
    db.prepare_cached(REMOVE)?
        .execute(params![conversation, user])?;
    let mut moved = db.prepare_cached(MOVE)?;
    moved
        .query_row(params![conversation, pending, user], |row| row.get(0))
        .optional()
}

/// A user is a participant as long as the pending one was, and has to receive and to read the same.
fn take_place(
    db: &Connection,
    conversation: i64,
    pending: &UserId,
    user: &UserId,
    status: ParticipantStatus,
) -> rusqlite::Result<()> {
    const INSERT: &str = "
        INSERT INTO participants
            (conversation, user, role, status, joinedAt, added, delivered, passed)
        SELECT conversation, ?3, role, ?4, joinedAt, added, delivered, passed
        FROM participants WHERE conversation = ?1 AND user = ?2
        ON CONFLICT (conversation, user) DO UPDATE
        SET role = excluded.role, status = excluded.status, joinedAt = excluded.joinedAt,
            added = excluded.added, delivered = excluded.delivered, passed = excluded.passed,
            pending = 0, ended = 0";
    let values = params![conversation, pending, user, status];
    db.prepare_cached(INSERT)?.execute(values).map(drop)
}
