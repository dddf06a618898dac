//! Pending participants: names that nobody had when they were added, until somebody is known by them.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::keys;
use super::log::{Entry, Kind, log};
use super::membership::{counted, status_of};
use super::participant_rows::find;
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

    async fn pending_among(&self, names: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        let names = names.to_owned();
        let read = self.readers.read(move |db| pending_among(db, names));
        read.await
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
        WHERE p.user = ?1 AND p.status IN ('active', 'invited') AND p.pending";
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map([name], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn pending_among(db: &Connection, names: Vec<UserId>) -> Result<Vec<UserId>, StoreError> {
    const SELECT: &str = "
        SELECT 1 FROM participants WHERE user = ?1 AND status IN ('active', 'invited') AND pending";
    let mut select = db.prepare_cached(SELECT)?;
    let mut pending = Vec::new();
    for name in names {
        if select.exists([&name])? {
            pending.push(name);
        }
    }
    Ok(pending)
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
    let waiting = find(db, id, pending)?;
    let waiting = waiting.filter(|one| one.pending && (one.is_active() || one.is_invited()));
    let Some(waiting) = waiting else {
        return Ok(None);
    };
    let added_by = added_by(db, conversation, pending)?.map(ChangedBy::User);
    end(db, conversation, pending)?;
    let known = find(db, id, user)?;
    let is_there = known.is_some_and(|known| {
        known.is_active() || waiting.is_invited() && (known.looks_active() || known.is_invited())
    });
    let status = match &added_by {
        _ if waiting.is_invited() => ParticipantStatus::Invited,
        Some(by) => status_of(db, user, by)?,
        None => ParticipantStatus::Active,
    };
    let key_number = match is_there {
        true => None,
        false => move_key(db, conversation, pending, user)?,
    };
    let new = (!is_there).then(|| (user.clone(), waiting.role, status));
    let what = claimed(&waiting, new, key_number);
    // Who gave the name invites, and not who is known by it.
    let by = added_by.filter(|_| waiting.is_invited());
    let by = by.unwrap_or_else(|| ChangedBy::User(user.clone()));
    let number = log(writing, conversation, &entry(&what, pending, &by))?;
    if !is_there {
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

/// What it is that somebody takes the place of a pending participant, or that they need not.
fn claimed(
    pending: &Participant,
    new: Option<(UserId, Role, ParticipantStatus)>,
    key_number: Option<i64>,
) -> Changed {
    let in_place_of = Some(pending.user.clone());
    match new {
        None if pending.is_invited() => Changed::Uninvited(pending.user.clone()),
        None => Changed::Removed(pending.user.clone()),
        Some((user, role, ParticipantStatus::Invited)) => Changed::Invited {
            user,
            role,
            key_number,
            in_place_of,
        },
        Some((user, role, status)) => Changed::Added {
            user,
            role,
            key_number,
            in_place_of,
            is_ignored: status == ParticipantStatus::Ignored,
        },
    }
}

/// Who added a pending participant. `None`: no user, or that is not kept any more.
fn added_by(
    db: &Connection,
    conversation: i64,
    pending: &UserId,
) -> rusqlite::Result<Option<UserId>> {
    const SELECT: &str = "
        SELECT coalesce(p.invitedBy, c.author) AS author FROM participants p
        LEFT JOIN changes c ON c.conversation = p.conversation AND c.number = p.added
        WHERE p.conversation = ?1 AND p.user = ?2 AND author <> ''";
    db.prepare_cached(SELECT)?
        .query_row(params![conversation, pending], |row| row.get(0))
        .optional()
}

/// Ends a pending participation with the next change.
fn end(db: &Connection, conversation: i64, pending: &UserId) -> rusqlite::Result<()> {
    const END: &str = "
        UPDATE participants
        SET status = 'removed', ended = iif(
            status = 'active', (SELECT changes + 1 FROM conversations WHERE no = ?1), 0)
        WHERE conversation = ?1 AND user = ?2";
    db.prepare_cached(END)?
        .execute(params![conversation, pending])
        .map(drop)
}

fn entry<'a>(what: &'a Changed, pending: &'a UserId, by: &'a ChangedBy) -> Entry<'a> {
    let kind = match what {
        Changed::Invited { .. } => Kind::Invited,
        Changed::Uninvited(_) => Kind::Uninvited,
        Changed::Added {
            is_ignored: true, ..
        } => Kind::Ignored,
        Changed::Added { .. } => Kind::Added,
        _ => Kind::Removed,
    };
    let (Changed::Added {
        user,
        role,
        key_number,
        ..
    }
    | Changed::Invited {
        user,
        role,
        key_number,
        ..
    }) = what
    else {
        return Entry {
            subject: Some(pending.as_str()),
            ..Entry::new(kind, by)
        };
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
    keys::move_history(db, conversation, pending, user)?;
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
            (conversation, user, role, status, joinedAt, added, delivered, passed, invitedBy, since)
        SELECT conversation, ?3, role, ?4, joinedAt, added, delivered, passed, invitedBy, since
        FROM participants WHERE conversation = ?1 AND user = ?2
        ON CONFLICT (conversation, user) DO UPDATE
        SET role = excluded.role, status = excluded.status, joinedAt = excluded.joinedAt,
            added = excluded.added, delivered = excluded.delivered, passed = excluded.passed,
            pending = 0, ended = 0, invitedBy = excluded.invitedBy, since = excluded.since";
    let values = params![conversation, pending, user, status];
    db.prepare_cached(INSERT)?.execute(values).map(drop)
}
