//! An import that is only tried: which lines would not be stored. What lines before them would have changed is in a file
//! that has no name, so memory does not grow with the import, and nothing is left of it. It must change no store.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::error::StoreError;
use super::import::of_line;
use super::stores::ConversationStores;
use crate::model::UserId;
use crate::model::conversation::{
    Conversation, ConversationId, Import, ImportedConversation, ImportedParticipant, Participant,
    ParticipantStatus, Role, Step,
};

const SCHEMA: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    CREATE TABLE conversations (id TEXT NOT NULL PRIMARY KEY, createdBy TEXT) WITHOUT ROWID;
    CREATE TABLE participants (
        conversation TEXT NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL, status TEXT NOT NULL,
        joinedAt INTEGER NOT NULL, pending INTEGER NOT NULL,
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID;
";

/// What an import would have changed so far.
#[derive(Debug)]
pub(crate) struct DryRun {
    stores: ConversationStores,
    tried: Arc<Mutex<Connection>>,
}

/// A conversation that is stored, with its participants.
type Known = (Conversation, Vec<Participant>);

impl DryRun {
    /// Nothing was tried yet. Its file is made in this folder.
    ///
    /// # Errors
    /// The file cannot be made.
    pub(crate) async fn new(
        stores: &ConversationStores,
        folder: &Path,
    ) -> Result<Self, StoreError> {
        let path = folder.join(format!("import-{}.tmp", Uuid::new_v4()));
        let tried = blocking(move || {
            let tried = Connection::open(&path)?;
            let made = tried.execute_batch(SCHEMA);
            // SQLite goes on with the file.
            std::fs::remove_file(&path).map_err(|error| StoreError::Failed(Arc::new(error)))?;
            made?;
            Ok(tried)
        });
        Ok(Self {
            stores: stores.clone(),
            tried: Arc::new(Mutex::new(tried.await?)),
        })
    }

    /// What would become of these lines, at this time.
    ///
    /// # Errors
    /// As for `ImportStore::import`.
    pub(crate) async fn import(
        &self,
        lines: Vec<Import>,
        max_active: usize,
        now: u64,
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let ids = lines.iter().filter_map(conversation_of).cloned();
        let ids: BTreeSet<_> = ids.collect();
        let tried = self.tried.clone();
        let unknown = blocking(move || unknown_of(&tried.lock(), ids)).await?;
        let mut stored = Vec::new();
        for id in unknown {
            if let Some(conversation) = self.stores.conversations.find(&id).await? {
                stored.push((conversation, self.stores.participants.list(&id).await?));
            }
        }
        let tried = self.tried.clone();
        blocking(move || {
            let db = &*tried.lock();
            stored.iter().try_for_each(|known| copy(db, known))?;
            let each = lines.iter().map(|line| try_one(db, line, max_active, now));
            each.map(of_line).collect()
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::Failed(Arc::new(error))))
}

fn conversation_of(line: &Import) -> Option<&ConversationId> {
    match line {
        Import::User(..) => None,
        Import::Conversation(line) => Some(&line.id),
        Import::Participant(line) => Some(&line.conversation),
    }
}

fn unknown_of(
    db: &Connection,
    ids: BTreeSet<ConversationId>,
) -> Result<Vec<ConversationId>, StoreError> {
    let mut unknown = Vec::new();
    for id in ids {
        if creator(db, &id)?.is_none() {
            unknown.push(id);
        }
    }
    Ok(unknown)
}

fn creator(db: &Connection, id: &ConversationId) -> Result<Option<UserId>, StoreError> {
    let mut select = db.prepare_cached("SELECT createdBy FROM conversations WHERE id = ?1")?;
    Ok(select.query_row([id], |row| row.get(0)).optional()?)
}

fn copy(db: &Connection, (conversation, participants): &Known) -> Result<(), StoreError> {
    make(db, &conversation.id, &conversation.created_by)?;
    participants
        .iter()
        .try_for_each(|one| put(db, &conversation.id, one))
}

fn make(db: &Connection, id: &ConversationId, by: &UserId) -> Result<(), StoreError> {
    let mut insert = db.prepare_cached("INSERT INTO conversations VALUES (?1, ?2)")?;
    insert.execute(params![id, by])?;
    Ok(())
}

fn put(db: &Connection, id: &ConversationId, one: &Participant) -> Result<(), StoreError> {
    const PUT: &str = "INSERT OR REPLACE INTO participants VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let joined_at = i64::try_from(one.joined_at).unwrap_or(i64::MAX);
    let values = params![id, one.user, one.role, one.status, joined_at, one.pending];
    db.prepare_cached(PUT)?.execute(values)?;
    Ok(())
}

fn try_one(db: &Connection, line: &Import, max: usize, now: u64) -> Result<(), StoreError> {
    match line {
        Import::User(..) => Ok(()),
        Import::Conversation(line) => try_conversation(db, line),
        Import::Participant(line) => try_participant(db, line, max, now),
    }
}

fn try_conversation(db: &Connection, line: &ImportedConversation) -> Result<(), StoreError> {
    match (creator(db, &line.id)?, line.new_conversation()) {
        (Some(known), _) if line.may_be_by(&known) => Ok(()),
        (None, Some(new)) => make(db, &line.id, &new.created_by),
        _ => Err(StoreError::ConversationExists),
    }
}

fn try_participant(
    db: &Connection,
    line: &ImportedParticipant,
    max_active: usize,
    now: u64,
) -> Result<(), StoreError> {
    let id = &line.conversation;
    creator(db, id)?.ok_or(StoreError::NoConversation)?;
    let known = find(db, id, &line.user)?;
    let step = line.step(known.as_ref());
    let mut next = known.unwrap_or_else(|| Participant {
        user: line.user.clone(),
        role: line.role.unwrap_or(Role::Member),
        status: line.status,
        joined_at: line.joined_at.unwrap_or(now),
        pending: false,
        ended_by: None,
    });
    let was_admin = next.is_active() && next.role == Role::Admin;
    match step {
        Step::Nothing => return Ok(()),
        Step::Add { counts: false } if is_full(db, id, max_active)? => {
            return Err(StoreError::ConversationFull);
        }
        Step::Add { .. } => {
            next.role = line.role.unwrap_or(Role::Member);
            next.joined_at = line.joined_at.unwrap_or(now);
            next.status = ParticipantStatus::Active;
        }
        Step::SetRole(Role::Member) if !has_other_admin(db, id, &line.user)? => {
            return Err(StoreError::LastAdmin);
        }
        Step::SetRole(role) => next.role = role,
        Step::End | Step::Note => next.status = line.status,
    }
    put(db, id, &next)?;
    match step == Step::End && was_admin && !has_other_admin(db, id, &line.user)? {
        true => promote_oldest(db, id),
        false => Ok(()),
    }
}

fn find(
    db: &Connection,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Participant>, StoreError> {
    const SELECT: &str = "SELECT role, status, joinedAt, pending FROM participants
         WHERE conversation = ?1 AND user = ?2";
    let mut select = db.prepare_cached(SELECT)?;
    let found = select.query_row(params![id, user], |row| {
        let joined_at: i64 = row.get(2)?;
        Ok(Participant {
            user: user.clone(),
            role: row.get(0)?,
            status: row.get(1)?,
            joined_at: u64::try_from(joined_at).unwrap_or(0),
            pending: row.get(3)?,
            ended_by: None,
        })
    });
    Ok(found.optional()?)
}

fn is_full(db: &Connection, id: &ConversationId, max: usize) -> Result<bool, StoreError> {
    const COUNT: &str = "SELECT count(*) FROM participants
         WHERE conversation = ?1 AND status IN ('active', 'ignored', 'invited')";
    let count: i64 = db
        .prepare_cached(COUNT)?
        .query_row([id], |row| row.get(0))?;
    Ok(usize::try_from(count).is_ok_and(|count| count >= max))
}

fn has_other_admin(
    db: &Connection,
    id: &ConversationId,
    user: &UserId,
) -> Result<bool, StoreError> {
    const ADMINS: &str = "SELECT 1 FROM participants
         WHERE conversation = ?1 AND status = 'active' AND role = 'admin' AND user <> ?2";
    Ok(db.prepare_cached(ADMINS)?.exists(params![id, user])?)
}

fn promote_oldest(db: &Connection, id: &ConversationId) -> Result<(), StoreError> {
    const PROMOTE: &str = "UPDATE participants SET role = 'admin'
         WHERE conversation = ?1 AND user = (
             SELECT user FROM participants WHERE conversation = ?1 AND status = 'active'
             ORDER BY pending, joinedAt, user LIMIT 1)";
    db.prepare_cached(PROMOTE)?.execute([id])?;
    Ok(())
}
