//! The participants of conversations.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::columns::{columns, number, read_number, read_value};
use super::store::SqliteConversations;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    Added, ContentKey, ConversationId, Ending, NewParticipant, Participant, ParticipantStatus, Role,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::{ParticipantNames, ParticipantStore};

#[async_trait]
impl ParticipantStore for SqliteConversations {
    async fn list(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| all(db, &id)).await
    }

    async fn add(&self, id: &ConversationId, new: &NewParticipant) -> Result<Added, StoreError> {
        let (id, new) = (id.clone(), new.clone());
        self.writer
            .write(move |writing| add(writing, &id, &new))
            .await
    }

    async fn end(
        &self,
        id: &ConversationId,
        user: &UserId,
        ending: Ending,
    ) -> Result<Option<Participant>, StoreError> {
        let (id, user) = (id.clone(), user.clone());
        self.writer
            .write(move |writing| end(writing.db, &id, &user, ending))
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
    /// The id of the last message when they were added.
    pub(super) since: [u8; 16],
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
        SELECT c.no, p.role, p.since
        FROM conversations c JOIN participants p ON p.conversation = c.no
        WHERE c.id = ?1 AND p.user = ?2 AND p.status = 'active'";
    let mut select = db.prepare_cached(SELECT)?;
    let member = select.query_row(params![id, user], |row| {
        Ok(Member {
            conversation: row.get(0)?,
            role: row.get(1)?,
            since: row.get(2)?,
        })
    });
    member.optional()?.ok_or(StoreError::NotParticipant)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT p.user, p.role, p.status, p.joinedAt, k.number, k.key, k.keyAttachments
             FROM conversations c JOIN participants p ON p.conversation = c.no
             LEFT JOIN contentKeys k ON k.conversation = p.conversation AND k.user = p.user ",
            $rest
        )
    };
}

pub(super) fn all(db: &Connection, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
    let mut select = db.prepare_cached(select!("WHERE c.id = ?1 ORDER BY p.joinedAt, p.user"))?;
    let rows = select.query_map([id], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
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
    SELECT coalesce(u.name, p.user)
    FROM conversations c JOIN participants p ON p.conversation = c.no
    LEFT JOIN users u ON u.id = p.user
    WHERE c.id = ?1 AND p.status = 'active' ORDER BY p.user";

fn names_in(
    db: &Connection,
    mut conversations: Vec<ConversationId>,
) -> Result<Vec<ParticipantNames>, StoreError> {
    conversations.sort_unstable();
    conversations.dedup();
    let mut select = db.prepare_cached(NAMES)?;
    let mut found = Vec::new();
    for conversation in conversations {
        let names = select.query_map([&conversation], |row| row.get(0))?;
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
            (conversation, user, role, status, joinedAt, since, delivered, passed)
        VALUES (?1, ?2, ?3, 'active', ?4, ?5, ?5, 0)
        ON CONFLICT (conversation, user) DO NOTHING";
    let nothing = Uuid::nil();
    let values = params![
        conversation,
        new.user,
        new.role,
        number(writing.now),
        nothing.as_bytes(),
    ];
    if writing.db.prepare_cached(INSERT)?.execute(values)? == 1 {
        set_key(writing.db, conversation, new)?;
    }
    Ok(())
}

fn add(
    writing: &Writing<'_>,
    id: &ConversationId,
    new: &NewParticipant,
) -> Result<Added, StoreError> {
    let db = writing.db;
    let known = find(db, id, &new.user)?;
    if let Some(participant) = known.filter(Participant::is_active) {
        let repeated = true;
        return Ok(Added {
            participant,
            repeated,
        });
    }
    let (conversation, messages) = counted(db, id)?.ok_or(StoreError::NoConversation)?;
    activate(writing, conversation, messages, new)?;
    set_key(db, conversation, new)?;
    Ok(Added {
        participant: find(db, id, &new.user)?.ok_or(StoreError::NoConversation)?,
        repeated: false,
    })
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
    new: &NewParticipant,
) -> Result<(), StoreError> {
    const LAST: &str = "SELECT max(id) FROM messages WHERE conversation = ?1";
    const UPSERT: &str = "
        INSERT INTO participants
            (conversation, user, role, status, joinedAt, since, delivered, passed)
        VALUES (?1, ?2, ?3, 'active', ?4, ?5, ?5, ?6)
        ON CONFLICT (conversation, user) DO UPDATE
        SET role = ?3, status = 'active', joinedAt = ?4, since = ?5, delivered = ?5, passed = ?6";
    let last: Option<[u8; 16]> = writing
        .db
        .prepare_cached(LAST)?
        .query_row([conversation], |row| row.get(0))?;
    writing.db.prepare_cached(UPSERT)?.execute(params![
        conversation,
        new.user,
        new.role,
        number(writing.now),
        last.unwrap_or_default(),
        messages,
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
    db: &Connection,
    id: &ConversationId,
    user: &UserId,
    ending: Ending,
) -> Result<Option<Participant>, StoreError> {
    const UPDATE: &str = "
        UPDATE participants SET status = ?3
        WHERE conversation = (SELECT no FROM conversations WHERE id = ?1)
          AND user = ?2 AND status = 'active'";
    let values = params![id, user, ParticipantStatus::from(ending)];
    match db.prepare_cached(UPDATE)?.execute(values)? {
        0 => Ok(None),
        _ => find(db, id, user),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Participant> {
    Ok(Participant {
        user: row.get(0)?,
        role: row.get(1)?,
        status: row.get(2)?,
        joined_at: read_number(row, 3)?,
        key: read_key(row, 4)?,
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
