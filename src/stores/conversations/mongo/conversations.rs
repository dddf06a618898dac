//! Conversations, and which of them have a user as an active participant.

use std::collections::HashSet;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::blocks::blockers_among;
use super::collections::{all, execute, one};
use super::db::Db;
use super::documents::{
    ChangeDocument, ConversationDocument, FirstParticipant, Kind, ParticipantDocument,
    TailDocument, date,
};
use super::filters::{self, ACTIVE};
use super::heads::Head;
use super::log::Log;
use super::members::require_admin;
use super::store::MongoConversations;
use super::{lists, participants};
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, Conversation, ConversationId, Created, DescriptionChange, History, ListCursor,
    ListPage, Listed, Logged, NewConversation, Participant,
};
use crate::stores::conversations::conversation::ConversationStore;
use crate::stores::conversations::error::StoreError;

#[async_trait]
impl ConversationStore for MongoConversations {
    async fn create(
        &self,
        new: &NewConversation,
        by: &ChangedBy,
    ) -> Result<Logged<Created>, StoreError> {
        let (new, by) = (new.clone(), by.clone());
        self.write(|db| async move { create(&db, &new, &by).await })
            .await
    }

    async fn set_history(
        &self,
        id: &ConversationId,
        history: History,
        by: &ChangedBy,
    ) -> Result<Conversation, StoreError> {
        let (id, by) = (id.clone(), by.clone());
        self.write(|db| async move { set_history(&db, &id, history, &by).await })
            .await
    }

    async fn describe(
        &self,
        id: &ConversationId,
        change: &DescriptionChange,
        by: &ChangedBy,
    ) -> Result<Logged<Conversation>, StoreError> {
        let (id, change, by) = (id.clone(), change.clone(), by.clone());
        self.write(|db| async move { describe(&db, &id, &change, &by).await })
            .await
    }

    async fn find(&self, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.run(find(&self.db, id)).await
    }

    async fn list_for(
        &self,
        user: &UserId,
        after: Option<&ListCursor>,
        limit: usize,
    ) -> Result<ListPage, StoreError> {
        self.run(list_for(&self.db, user, after, limit)).await
    }

    async fn find_for(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Listed>, StoreError> {
        self.run(find_for(&self.db, id, user)).await
    }

    async fn count_for(&self, user: &UserId) -> Result<u64, StoreError> {
        let count = self.db.participants.count_documents(active_of(user));
        self.run(execute(count)).await
    }

    async fn between(
        &self,
        user: &UserId,
        other: &UserId,
    ) -> Result<Option<ConversationId>, StoreError> {
        let found = async {
            let theirs = ids_for(&self.db, user).await?;
            lists::between(&self.db, &theirs, user, other).await
        };
        self.run(found).await
    }

    async fn partners_of(&self, user: &UserId) -> Result<Vec<UserId>, StoreError> {
        self.run(partners_of(&self.db, user)).await
    }
}

pub(super) async fn create(
    db: &Db,
    new: &NewConversation,
    by: &ChangedBy,
) -> Result<Logged<Created>, StoreError> {
    let mut log = Log::open(db, &new.id).await;
    loop {
        let head = log.head().await?;
        if head.exists {
            return Err(StoreError::ConversationExists);
        }
        let now = db.now();
        let created_at = new.created_at.unwrap_or(now);
        let first = new.first();
        let users: Vec<_> = first.iter().map(|one| one.user.as_str()).collect();
        let ignored = match by.user() {
            Some(by) => blockers_among(db, &users, by).await?,
            None => HashSet::new(),
        };
        let logged = first.iter().map(|one| {
            let status = participants::status_of(one, ignored.contains(&one.user));
            FirstParticipant::of(&one.user, one.role, status)
        });
        let created = ChangeDocument {
            participants: Some(logged.collect()),
            key_number: new.key_number(by.user()),
            ..ChangeDocument::new(&new.id, head.next(), Kind::Created, by, now)
        };
        let participants = participants::first(new, by, &ignored, &head, date(now));
        let tail = TailDocument::inserting(created, participants);
        if log
            .commit_first(&head, &tail, fields(new, &head, created_at))
            .await?
        {
            let change = tail.change.change(None)?;
            return Ok(Logged::new(created_of(db, new, created_at).await?, change));
        }
    }
}

/// The fields of a new conversation.
fn fields(new: &NewConversation, head: &Head, now: u64) -> Document {
    let mut fields = doc! {
        "createdBy": new.created_by.as_str(),
        "createdAt": date(now),
        "lastMessageAt": date(now),
        "messageCount": head.messages,
    };
    if new.id_type.is_number() {
        fields.insert("numericId", true);
    }
    if new.history != History::All {
        fields.insert("history", new.history.as_str());
    }
    if let Some(title) = &new.description.title {
        fields.insert("title", &**title);
    }
    if let Some(avatar_url) = &new.description.avatar_url {
        fields.insert("avatarUrl", &**avatar_url);
    }
    fields
}

async fn created_of(db: &Db, new: &NewConversation, now: u64) -> Result<Created, StoreError> {
    Ok(Created {
        conversation: Conversation {
            id: new.id.clone(),
            id_type: new.id_type,
            description: new.description.clone(),
            created_by: new.created_by.clone(),
            created_at: now,
            last_message_at: now,
            message_retention: None,
            history: new.history,
        },
        participants: sorted(participants::all_of(db, &new.id).await?),
    })
}

fn sorted(mut participants: Vec<Participant>) -> Vec<Participant> {
    participants.sort_by(|one, other| one.user.cmp(&other.user));
    participants
}

fn this(id: &ConversationId) -> Document {
    doc! { "id": id.as_str() }
}

async fn set_history(
    db: &Db,
    id: &ConversationId,
    history: History,
    by: &ChangedBy,
) -> Result<Conversation, StoreError> {
    require_admin(db, id, by).await?;
    let set = doc! { "$set": { "history": history.as_str() } };
    execute(db.conversations.update_one(this(id), set)).await?;
    find(db, id).await?.ok_or(StoreError::NoConversation)
}

async fn describe(
    db: &Db,
    id: &ConversationId,
    change: &DescriptionChange,
    by: &ChangedBy,
) -> Result<Logged<Conversation>, StoreError> {
    let mut log = Log::open(db, id).await;
    loop {
        let head = log.head().await?;
        require_admin(db, id, by).await?;
        let before = find(db, id).await?.ok_or(StoreError::NoConversation)?;
        let description = change.of(&before.description);
        if description == before.description {
            return Ok(Logged::unchanged(before));
        }
        let (title, avatar_url) = (&description.title, &description.avatar_url);
        let described = ChangeDocument {
            title: title.as_deref().map(ToOwned::to_owned),
            avatar_url: avatar_url.as_deref().map(ToOwned::to_owned),
            ..ChangeDocument::new(id, head.next(), Kind::Described, by, db.now())
        };
        let set = doc! { "title": title.as_deref(), "avatarUrl": avatar_url.as_deref() };
        let tail = TailDocument::setting(described, set);
        if log.commit(&head, &tail).await? {
            let described = Conversation {
                description,
                ..before
            };
            return Ok(Logged::new(described, tail.change.change(None)?));
        }
    }
}

pub(super) async fn find(db: &Db, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
    let find = db.conversations.find_one(this(id));
    let found = one(find.projection(ConversationDocument::fields())).await?;
    Ok(found.and_then(ConversationDocument::conversation))
}

/// The active participations of a user.
fn active_of(user: &UserId) -> Document {
    doc! { "userId": user.as_str(), "status": ACTIVE }
}

async fn list_for(
    db: &Db,
    user: &UserId,
    after: Option<&ListCursor>,
    limit: usize,
) -> Result<ListPage, StoreError> {
    let theirs = db.participants.find(active_of(user));
    let theirs = all(theirs.projection(ParticipantDocument::without_keys())).await?;
    lists::page(db, theirs, after, limit).await
}

async fn find_for(
    db: &Db,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Listed>, StoreError> {
    let mut filter = filters::this(id, user);
    filter.insert("status", ACTIVE);
    let theirs = one(db.participants.find_one(filter)).await?;
    let theirs = theirs.into_iter().collect();
    let listed = lists::listed(db, theirs, &[id.as_str()]).await?;
    Ok(listed.into_iter().next())
}

async fn ids_for(db: &Db, user: &UserId) -> Result<Vec<ConversationId>, StoreError> {
    let fields = doc! { "conversationId": 1, "userId": 1 };
    let found = all(db.participants.find(active_of(user)).projection(fields)).await?;
    let ids = found.iter().map(|one| &one.conversation_id);
    Ok(ids.filter_map(|id| ConversationId::parse(id)).collect())
}

async fn partners_of(db: &Db, user: &UserId) -> Result<Vec<UserId>, StoreError> {
    let shared = ids_for(db, user).await?;
    let shared: Vec<_> = shared.iter().map(ConversationId::as_str).collect();
    let active = participants::active_in(db, &shared).await?;
    let others = active.iter().filter_map(|one| UserId::parse(&one.user_id));
    let mut others: Vec<_> = others.filter(|other| other != user).collect();
    others.sort();
    others.dedup();
    Ok(others)
}
