//! Participants who are invited.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{number, read_number};
use super::membership::{counted, put};
use super::participant_rows::{find, read_key};
use super::store::SqliteConversations;
use super::writer::Writing;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ContentKey, ConversationId, IdType, Invitation, Logged, NewParticipant, Participant,
    ParticipantStatus,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::invitations::InvitationStore;

#[async_trait]
impl InvitationStore for SqliteConversations {
    async fn invitations_of(
        &self,
        user: &UserId,
        only: Option<&ConversationId>,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError> {
        let (user, only) = (user.clone(), only.cloned());
        self.readers
            .read(move |db| invitations_of(db, &user, only.as_ref(), limit))
            .await
    }

    async fn accept(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (of, who) = (id.clone(), user.clone());
        let known = self.readers.read(move |db| find(db, &of, &who)).await?;
        if known.is_none_or(|known| !may_accept(&known)) {
            // Strangers cost no turn of the writer.
            return Ok(None);
        }
        let (id, user) = (id.clone(), user.clone());
        self.writer
            .write(Some(user.clone()), move |writing| {
                accept(writing, &id, &user)
            })
            .await
    }
}

fn may_accept(known: &Participant) -> bool {
    (known.is_invited() || known.is_active()) && !known.pending
}

fn invitations_of(
    db: &Connection,
    user: &UserId,
    only: Option<&ConversationId>,
    limit: usize,
) -> Result<Vec<Invitation>, StoreError> {
    const SELECT: &str = "
        SELECT c.id, c.numericId, p.invitedBy, p.joinedAt, p.role, k.number, k.key, k.keyAttachments
        FROM participants p JOIN conversations c ON c.no = p.conversation
        LEFT JOIN contentKeys k ON k.conversation = p.conversation AND k.user = p.user
        WHERE p.user = ?1 AND p.status = 'invited' AND (?2 IS NULL OR c.id = ?2)
          AND p.invitedBy IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM blocks b WHERE b.user = p.user AND b.blocked = p.invitedBy)
        ORDER BY p.joinedAt DESC, c.no DESC LIMIT ?3";
    let mut select = db.prepare_cached(SELECT)?;
    let rows = select.query_map(params![user, only, number(limit as u64)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    Ok(Invitation {
        conversation: row.get(0)?,
        id_type: IdType::of_number(row.get(1)?),
        by: row.get(2)?,
        at: read_number(row, 3)?,
        role: row.get(4)?,
        key: read_key(row, 5)?,
    })
}

fn accept(
    writing: &Writing<'_>,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let db = writing.db;
    let known = find(db, id, user)?.filter(may_accept);
    let (Some(known), Some(counted)) = (known, counted(db, id)?) else {
        return Ok(None);
    };
    if known.is_active() {
        return Ok(Some(Logged::unchanged(known)));
    }
    let new = NewParticipant {
        user: known.user,
        role: known.role,
        key: key_of(db, counted.0, user)?,
        earlier_keys: Vec::new(),
        pending: false,
        is_invited: false,
        joined_at: None,
    };
    let (status, by) = (ParticipantStatus::Active, ChangedBy::User(user.clone()));
    let change = put(writing, counted, &new, status, by)?;
    let participant = find(db, id, user)?.ok_or(StoreError::NotParticipant)?;
    Ok(Some(Logged::new(participant, change)))
}

fn key_of(
    db: &Connection,
    conversation: i64,
    user: &UserId,
) -> rusqlite::Result<Option<ContentKey>> {
    const SELECT: &str = "SELECT number, key, keyAttachments FROM contentKeys
         WHERE conversation = ?1 AND user = ?2";
    let mut select = db.prepare_cached(SELECT)?;
    let key = select.query_row(params![conversation, user], |row| read_key(row, 0));
    Ok(key.optional()?.flatten())
}
