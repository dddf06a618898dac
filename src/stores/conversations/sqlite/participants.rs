//! The participants of conversations.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{columns, number, read_number, read_value};
use super::log::{Entry, Kind, log};
use super::store::SqliteConversations;
use super::writer::Writing;
use crate::model::conversation::{
    Change, ChangeNumber, Changed, ChangedBy, ContentKey, ConversationId, Logged, NewParticipant,
    Participant, ParticipantStatus, Role,
};
use crate::model::{UserId, name};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::{MAX_NAMES, ParticipantNames, ParticipantStore};

#[async_trait]
impl ParticipantStore for SqliteConversations {
    async fn list(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| all(db, &id)).await
    }

    async fn page(
        &self,
        id: &ConversationId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Participant>, StoreError> {
        let (id, after) = (id.clone(), after.cloned());
        self.readers
            .read(move |db| page(db, &id, after.as_ref(), limit))
            .await
    }

    async fn add(
        &self,
        id: &ConversationId,
        new: &NewParticipant,
        by: &ChangedBy,
        max_active: usize,
    ) -> Result<Logged<Participant>, StoreError> {
        let (id, new, by) = (id.clone(), new.clone(), by.clone());
        self.writer
            .write(by.user().cloned(), move |writing| {
                add(writing, &id, &new, by, max_active)
            })
            .await
    }

    async fn end(
        &self,
        id: &ConversationId,
        user: &UserId,
        by: &ChangedBy,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (id, user, by) = (id.clone(), user.clone(), by.clone());
        self.writer
            .write(by.user().cloned(), move |writing| {
                end(writing, &id, &user, by)
            })
            .await
    }

    async fn names_in(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<ParticipantNames>, StoreError> {
        let conversations = conversations.to_owned();
        self.readers
            .read(move |db| names_in(db, conversations))
            .await
    }
}

/// The active participant on whose behalf an operation is done.
pub(super) struct Member {
    /// The number of the conversation.
    pub(super) conversation: i64,
    /// Their role.
    pub(super) role: Role,
    /// The change by which they were added.
    pub(super) added: i64,
}

/// The active participant of a conversation.
///
/// # Errors
/// [`StoreError::NotParticipant`]
pub(super) fn member(
    db: &Connection,
    id: &ConversationId,
    user: &UserId,
) -> Result<Member, StoreError> {
    const SELECT: &str = "
        SELECT c.no, p.role, p.added
        FROM conversations c JOIN participants p ON p.conversation = c.no
        WHERE c.id = ?1 AND p.user = ?2 AND p.status = 'active'";
    let mut select = db.prepare_cached(SELECT)?;
    let member = select.query_row(params![id, user], |row| {
        Ok(Member {
            conversation: row.get(0)?,
            role: row.get(1)?,
            added: row.get(2)?,
        })
    });
    member.optional()?.ok_or(StoreError::NotParticipant)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT p.user, p.role, p.status, p.joinedAt, p.pending
             FROM conversations c JOIN participants p ON p.conversation = c.no ",
            $rest
        )
    };
}

pub(super) fn all(db: &Connection, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
    let mut select = db.prepare_cached(select!("WHERE c.id = ?1 ORDER BY p.joinedAt, p.user"))?;
    let rows = select.query_map([id], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn page(
    db: &Connection,
    id: &ConversationId,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Vec<Participant>, StoreError> {
    const SELECT: &str =
        select!("WHERE c.id = ?1 AND p.user > coalesce(?2, '') ORDER BY p.user LIMIT ?3");
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map(params![id, after, number(limit as u64)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The active ones, and their roles.
pub(super) fn active(
    db: &Connection,
    conversation: i64,
) -> rusqlite::Result<HashMap<UserId, Role>> {
    const SELECT: &str =
        "SELECT user, role FROM participants WHERE conversation = ?1 AND status = 'active'";
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map([conversation], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

pub(super) fn find(
    db: &Connection,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Participant>, StoreError> {
    let mut select = db.prepare_cached(select!("WHERE c.id = ?1 AND p.user = ?2"))?;
    Ok(select.query_row(params![id, user], read).optional()?)
}

pub(super) const NAMES: &str = "
    SELECT u.name, p.user
    FROM conversations c JOIN participants p ON p.conversation = c.no
    LEFT JOIN users u ON u.id = p.user
    WHERE c.id = ?1 AND p.status = 'active' ORDER BY p.user LIMIT ?2";

fn names_in(
    db: &Connection,
    mut conversations: Vec<ConversationId>,
) -> Result<Vec<ParticipantNames>, StoreError> {
    conversations.sort_unstable();
    conversations.dedup();
    let mut select = db.prepare_cached(NAMES)?;
    let mut found = Vec::new();
    for conversation in conversations {
        let names = select.query_map(params![conversation, MAX_NAMES], |row| {
            let (name, user): (Option<String>, UserId) = (row.get(0)?, row.get(1)?);
            let shown = name.and_then(|name| name::shown(&name));
            Ok(shown.unwrap_or_else(|| user.as_name()))
        })?;
        let names: Vec<Arc<str>> = names.collect::<Result<_, _>>()?;
        if !names.is_empty() {
            found.push((conversation, names));
        }
    }
    Ok(found)
}

/// Adds a participant to a conversation that is being created, unless they were added already.
pub(super) fn insert_first(
    writing: &Writing<'_>,
    conversation: i64,
    new: &NewParticipant,
) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO participants
            (conversation, user, role, status, joinedAt, added, delivered, passed, pending)
        VALUES (?1, ?2, ?3, 'active', ?4, 1, 1, 0, ?5)
        ON CONFLICT (conversation, user) DO NOTHING";
    let at = number(writing.now);
    let values = params![conversation, new.user, new.role, at, new.pending];
    if writing.db.prepare_cached(INSERT)?.execute(values)? == 1 {
        set_key(writing.db, conversation, new)?;
    }
    Ok(())
}

fn add(
    writing: &Writing<'_>,
    id: &ConversationId,
    new: &NewParticipant,
    by: ChangedBy,
    max_active: usize,
) -> Result<Logged<Participant>, StoreError> {
    let db = writing.db;
    require_admin(db, id, &by)?;
    let known = find(db, id, &new.user)?;
    if let Some(participant) = known.filter(Participant::is_active) {
        return Ok(Logged::unchanged(participant));
    }
    let (conversation, messages) = counted(db, id)?.ok_or(StoreError::NoConversation)?;
    if is_full(db, conversation, max_active)? {
        return Err(StoreError::ConversationFull);
    }
    set_key(db, conversation, new)?;
    let key_number = new.key.as_ref().map(|key| key.number);
    let entry = Entry {
        subject: Some(new.user.as_str()),
        detail: Some(new.role.as_str()),
        key_number,
        ..Entry::new(Kind::Added, &by)
    };
    let number = log(writing, conversation, &entry)?;
    activate(writing, conversation, messages, number, new)?;
    let participant = find(db, id, &new.user)?.ok_or(StoreError::NoConversation)?;
    let what = Changed::Added {
        user: new.user.clone(),
        role: new.role,
        key_number,
        in_place_of: None,
    };
    let at = writing.now;
    let change = Change {
        number,
        at,
        by,
        what,
    };
    Ok(Logged::new(participant, change))
}

/// Whether a conversation has so many active participants.
fn is_full(db: &Connection, conversation: i64, max_active: usize) -> rusqlite::Result<bool> {
    const COUNT: &str =
        "SELECT count(*) FROM participants WHERE conversation = ?1 AND status = 'active'";
    let mut count = db.prepare_cached(COUNT)?;
    let active: i64 = count.query_row([conversation], |row| row.get(0))?;
    Ok(usize::try_from(active).is_ok_and(|active| active >= max_active))
}

/// Fails if a user wants to manage the participants of a conversation who may not.
fn require_admin(db: &Connection, id: &ConversationId, by: &ChangedBy) -> Result<(), StoreError> {
    let ChangedBy::User(user) = by else {
        return Ok(());
    };
    match member(db, id, user)?.role {
        Role::Admin => Ok(()),
        Role::Member => Err(StoreError::NotAdmin),
    }
}

/// The number of a conversation, and how many messages it has.
pub(super) fn counted(
    db: &Connection,
    id: &ConversationId,
) -> rusqlite::Result<Option<(i64, i64)>> {
    db.prepare_cached("SELECT no, messages FROM conversations WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn activate(
    writing: &Writing<'_>,
    conversation: i64,
    messages: i64,
    added: ChangeNumber,
    new: &NewParticipant,
) -> Result<(), StoreError> {
    const UPSERT: &str = "
        INSERT INTO participants
            (conversation, user, role, status, joinedAt, added, delivered, passed, pending)
        VALUES (?1, ?2, ?3, 'active', ?4, ?5, ?5, ?6, ?7)
        ON CONFLICT (conversation, user) DO UPDATE
        SET role = ?3, status = 'active', joinedAt = ?4, added = ?5, delivered = ?5, passed = ?6,
            pending = ?7";
    writing.db.prepare_cached(UPSERT)?.execute(params![
        conversation,
        new.user,
        new.role,
        number(writing.now),
        number(added.get()),
        messages,
        new.pending,
    ])?;
    Ok(())
}

fn set_key(db: &Connection, conversation: i64, new: &NewParticipant) -> Result<(), StoreError> {
    const UPSERT: &str = "
        INSERT INTO contentKeys (conversation, user, number, key, keyAttachments)
        VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (conversation, user) DO UPDATE
        SET number = ?3, key = ?4, keyAttachments = ?5";
    let Some(key) = &new.key else {
        return Ok(());
    };
    let encrypted = columns(&key.encrypted);
    db.prepare_cached(UPSERT)?.execute(params![
        conversation,
        new.user,
        key.number,
        encrypted.text,
        encrypted.attachments,
    ])?;
    Ok(())
}

fn end(
    writing: &Writing<'_>,
    id: &ConversationId,
    user: &UserId,
    by: ChangedBy,
) -> Result<Option<Logged<Participant>>, StoreError> {
    const UPDATE: &str = "
        UPDATE participants
        SET status = ?3, ended = (SELECT changes + 1 FROM conversations WHERE no = ?1)
        WHERE conversation = ?1 AND user = ?2 AND status = 'active'";
    let db = writing.db;
    let (kind, status, what) = if by.user() == Some(user) {
        member(db, id, user)?;
        let left = Changed::Left(user.clone());
        (Kind::Left, ParticipantStatus::Left, left)
    } else {
        require_admin(db, id, &by)?;
        let removed = Changed::Removed(user.clone());
        (Kind::Removed, ParticipantStatus::Removed, removed)
    };
    let Some((conversation, _)) = counted(db, id)? else {
        return Ok(None);
    };
    let values = params![conversation, user, status];
    if db.prepare_cached(UPDATE)?.execute(values)? == 0 {
        return Ok(None);
    }
    let entry = Entry {
        subject: Some(user.as_str()),
        ..Entry::new(kind, &by)
    };
    let number = log(writing, conversation, &entry)?;
    let participant = find(db, id, user)?.ok_or(StoreError::NotParticipant)?;
    let at = writing.now;
    let change = Change {
        number,
        at,
        by,
        what,
    };
    Ok(Some(Logged::new(participant, change)))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Participant> {
    Ok(Participant {
        user: row.get(0)?,
        role: row.get(1)?,
        status: row.get(2)?,
        joined_at: read_number(row, 3)?,
        pending: row.get(4)?,
    })
}

/// Reads a content key from its three columns. `None`: they are NULL.
pub(super) fn read_key(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ContentKey>> {
    let Some(encrypted) = read_value(row, column + 1)? else {
        return Ok(None);
    };
    Ok(Some(ContentKey {
        number: row.get(column)?,
        encrypted,
    }))
}
