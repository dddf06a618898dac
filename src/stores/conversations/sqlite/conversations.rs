//! Conversations, and which of them have a user as an active participant.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::number;
use super::conversation_rows::{read, read_listed, select_listed};
use super::first_participants::FirstParticipants;
use super::log::{Entry, Kind, log};
use super::store::SqliteConversations;
use super::writer::Writing;
use super::{lists, membership, participant_rows};
use crate::model::UserId;
use crate::model::conversation::{
    Change, Changed, ChangedBy, Conversation, ConversationId, Created, DescriptionChange, History,
    ListCursor, ListPage, Listed, Logged, NewConversation,
};
use crate::stores::conversations::conversation::ConversationStore;
use crate::stores::conversations::error::StoreError;

#[async_trait]
impl ConversationStore for SqliteConversations {
    async fn create(
        &self,
        new: &NewConversation,
        by: &ChangedBy,
    ) -> Result<Logged<Created>, StoreError> {
        let (new, by) = (new.clone(), by.clone());
        self.writer
            .write_rows(by.user().cloned(), new.participants.len(), move |writing| {
                create(writing, &new, by.clone())
            })
            .await
    }

    async fn set_history(
        &self,
        id: &ConversationId,
        history: History,
        by: &ChangedBy,
    ) -> Result<Conversation, StoreError> {
        let (id, by) = (id.clone(), by.clone());
        self.writer
            .write(by.user().cloned(), move |writing| {
                set_history(writing.db, &id, history, &by)
            })
            .await
    }

    async fn describe(
        &self,
        id: &ConversationId,
        change: &DescriptionChange,
        by: &ChangedBy,
    ) -> Result<Logged<Conversation>, StoreError> {
        let (id, change, by) = (id.clone(), change.clone(), by.clone());
        self.writer
            .write(by.user().cloned(), move |writing| {
                describe(writing, &id, &change, by.clone())
            })
            .await
    }

    async fn find(&self, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| find(db, &id)).await
    }

    async fn list_for(
        &self,
        user: &UserId,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<ListPage, StoreError> {
        let (user, after) = (user.clone(), after.cloned());
        self.readers
            .read(move |db| lists::page(db, &user, after.as_ref(), limit))
            .await
    }

    async fn find_for(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Listed>, StoreError> {
        let (id, user) = (id.clone(), user.clone());
        self.readers.read(move |db| find_for(db, &id, &user)).await
    }

    async fn count_for(&self, user: &UserId) -> Result<u64, StoreError> {
        let user = user.clone();
        self.readers.read(move |db| lists::count(db, &user)).await
    }

    async fn between(
        &self,
        user: &UserId,
        other: &UserId,
    ) -> Result<Option<ConversationId>, StoreError> {
        let (user, other) = (user.clone(), other.clone());
        self.readers
            .read(move |db| lists::between(db, &user, &other))
            .await
    }

    async fn partners_of(&self, user: &UserId) -> Result<Vec<UserId>, StoreError> {
        let user = user.clone();
        self.readers.read(move |db| partners_of(db, &user)).await
    }
}

pub(super) fn create(
    writing: &Writing<'_>,
    new: &NewConversation,
    by: ChangedBy,
) -> Result<Logged<Created>, StoreError> {
    const INSERT: &str = "
        INSERT INTO conversations
            (id, title, createdBy, createdAt, lastMessageAt, numericId, history, avatarUrl)
        VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)
        ON CONFLICT (id) DO NOTHING";
    let created_at = new.created_at.unwrap_or(writing.now);
    let values = params![
        new.id,
        new.description.title,
        new.created_by,
        number(created_at),
        new.id_type.is_number(),
        new.history,
        new.description.avatar_url,
    ];
    if writing.db.prepare_cached(INSERT)?.execute(values)? == 0 {
        return Err(StoreError::ConversationExists);
    }
    let conversation = writing.db.last_insert_rowid();
    let mut first = FirstParticipants::default();
    for participant in &new.participants {
        let status = membership::status_of_new(writing.db, participant, &by)?;
        let (user, role) = (participant.user.clone(), participant.role);
        if membership::insert_first(writing, conversation, participant, status, &by)? {
            first.add(user, role, Some(status));
        }
    }
    let change = log_created(writing, conversation, new, first, by)?;
    let created = Created {
        conversation: Conversation {
            id: new.id.clone(),
            id_type: new.id_type,
            description: new.description.clone(),
            created_by: new.created_by.clone(),
            created_at,
            last_message_at: created_at,
            message_retention: None,
            history: new.history,
        },
        participants: participant_rows::all(writing.db, &new.id)?,
    };
    Ok(Logged::new(created, change))
}

fn log_created(
    writing: &Writing<'_>,
    conversation: i64,
    new: &NewConversation,
    first: FirstParticipants,
    by: ChangedBy,
) -> Result<Change, StoreError> {
    let key_number = new.key_number(by.user());
    let entry = Entry {
        detail: Some(&first.column()),
        key_number,
        ..Entry::new(Kind::Created, &by)
    };
    let number = log(writing, conversation, &entry)?;
    let what = Changed::Created {
        participants: first.all,
        ignored: first.ignored,
        invited: first.invited,
        key_number,
    };
    let at = writing.now;
    Ok(Change {
        number,
        at,
        by,
        what,
    })
}

fn set_history(
    db: &Connection,
    id: &ConversationId,
    history: History,
    by: &ChangedBy,
) -> Result<Conversation, StoreError> {
    const UPDATE: &str = "UPDATE conversations SET history = ?2 WHERE id = ?1";
    membership::require_admin(db, id, by)?;
    db.prepare_cached(UPDATE)?.execute(params![id, history])?;
    find(db, id)?.ok_or(StoreError::NoConversation)
}

fn describe(
    writing: &Writing<'_>,
    id: &ConversationId,
    change: &DescriptionChange,
    by: ChangedBy,
) -> Result<Logged<Conversation>, StoreError> {
    const UPDATE: &str = "UPDATE conversations SET title = ?2, avatarUrl = ?3 WHERE no = ?1";
    const NUMBER: &str = "SELECT no FROM conversations WHERE id = ?1";
    let db = writing.db;
    membership::require_admin(db, id, &by)?;
    let before = find(db, id)?.ok_or(StoreError::NoConversation)?;
    let description = change.of(&before.description);
    if description == before.description {
        return Ok(Logged::unchanged(before));
    }
    let conversation: i64 = db
        .prepare_cached(NUMBER)?
        .query_row([id], |row| row.get(0))?;
    let values = params![conversation, description.title, description.avatar_url];
    db.prepare_cached(UPDATE)?.execute(values)?;
    let entry = Entry {
        subject: description.title.as_deref(),
        detail: description.avatar_url.as_deref(),
        ..Entry::new(Kind::Described, &by)
    };
    let number = log(writing, conversation, &entry)?;
    let at = writing.now;
    let what = Changed::Described(description.clone());
    let described = Conversation {
        description,
        ..before
    };
    let change = Change {
        number,
        at,
        by,
        what,
    };
    Ok(Logged::new(described, change))
}

pub(super) fn find(
    db: &Connection,
    id: &ConversationId,
) -> Result<Option<Conversation>, StoreError> {
    const SELECT: &str = "
        SELECT id, title, createdBy, createdAt, lastMessageAt, messageRetention, numericId, history,
               avatarUrl
        FROM conversations WHERE id = ?1";
    let found = db.prepare_cached(SELECT)?.query_row([id], read);
    Ok(found.optional()?)
}

fn find_for(
    db: &Connection,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Listed>, StoreError> {
    const SELECT: &str = select_listed!("", "AND c.id = ?2");
    let mut select = db.prepare_cached(SELECT)?;
    let found = select.query_row(params![user, id], read_listed);
    Ok(found.optional()?)
}

fn partners_of(db: &Connection, user: &UserId) -> Result<Vec<UserId>, StoreError> {
    const SELECT: &str = "
        SELECT DISTINCT other.user
        FROM participants p
        JOIN participants other ON other.conversation = p.conversation
        WHERE p.user = ?1 AND p.status = 'active'
          AND other.user <> ?1 AND other.status = 'active'";
    let mut select = db.prepare_cached(SELECT)?;
    let partners = select.query_map([user], |row| row.get(0))?;
    Ok(partners.collect::<Result<_, _>>()?)
}
