//! The participants of conversations as they are read.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{number, read_number, read_value};
use crate::model::conversation::{ContentKey, ConversationId, Participant, Role};
use crate::model::{UserId, name};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::{MAX_NAMES, ParticipantNames};

/// The active participant on whose behalf an operation is done.
pub(super) struct Member {
    /// The number of the conversation.
    pub(super) conversation: i64,
    /// Their role.
    pub(super) role: Role,
    /// The change by which they were added.
    pub(super) added: i64,
    /// The change behind which they see messages.
    pub(super) since: i64,
    /// The last change of the conversation.
    pub(super) last: i64,
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
        SELECT c.no, p.role, p.added, p.since, c.changes
        FROM conversations c JOIN participants p ON p.conversation = c.no
        WHERE c.id = ?1 AND p.user = ?2 AND p.status = 'active'";
    let mut select = db.prepare_cached(SELECT)?;
    let member = select.query_row(params![id, user], |row| {
        Ok(Member {
            conversation: row.get(0)?,
            role: row.get(1)?,
            added: row.get(2)?,
            since: row.get(3)?,
            last: row.get(4)?,
        })
    });
    member.optional()?.ok_or(StoreError::NotParticipant)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT p.user, p.role, p.status, p.joinedAt, p.pending, p.endedBy
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

pub(super) fn page(
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
    WHERE c.id = ?1 AND p.status IN ('active', 'ignored') ORDER BY p.user LIMIT ?2";

pub(super) fn names_in(
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

fn read(row: &Row<'_>) -> rusqlite::Result<Participant> {
    Ok(Participant {
        user: row.get(0)?,
        role: row.get(1)?,
        status: row.get(2)?,
        joined_at: read_number(row, 3)?,
        pending: row.get(4)?,
        ended_by: row.get(5)?,
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
