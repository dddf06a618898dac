//! Conversations, and which of them have a user as an active participant.

use std::collections::HashMap;

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::collections::{all, execute, one, unless_there};
use super::db::{Db, gone};
use super::documents::{ConversationDocument, ParticipantDocument, date};
use super::members::{self, ACTIVE, counts_of};
use super::participants;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{
    Conversation, ConversationId, Created, Listed, NewConversation, Participant,
};
use crate::stores::conversations::conversation::ConversationStore;
use crate::stores::conversations::error::StoreError;

#[async_trait]
impl ConversationStore for MongoConversations {
    async fn create(&self, new: &NewConversation) -> Result<Created, StoreError> {
        let new = new.clone();
        self.write(|db| async move { create(&db, &new).await })
            .await
    }

    async fn find(&self, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
        self.run(find(&self.db, id)).await
    }

    async fn list_for(&self, user: &UserId, limit: usize) -> Result<Vec<Listed>, StoreError> {
        self.run(list_for(&self.db, user, limit)).await
    }

    async fn find_for(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Listed>, StoreError> {
        self.run(find_for(&self.db, id, user)).await
    }

    async fn ids_for(&self, user: &UserId) -> Result<Vec<ConversationId>, StoreError> {
        self.run(ids_for(&self.db, user)).await
    }

    async fn partners_of(&self, user: &UserId) -> Result<Vec<UserId>, StoreError> {
        self.run(partners_of(&self.db, user)).await
    }
}

/// How long the creation of a conversation may take, in milliseconds. One that takes longer was
/// abandoned half-way.
const CREATION_TIMEOUT_MS: u64 = 60_000;

async fn create(db: &Db, new: &NewConversation) -> Result<Created, StoreError> {
    let now = db.now();
    if !begin(db, new, now).await? && !resume(db, new, now).await? {
        return Err(StoreError::ConversationExists);
    }
    participants::insert_first(db, &new.id, &new.participants, date(now)).await?;
    let finished = doc! { "$unset": { "making": "" } };
    execute(db.conversations.update_one(this(&new.id), finished)).await?;
    Ok(Created {
        conversation: find(db, &new.id)
            .await?
            .ok_or_else(|| gone("conversations"))?,
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

/// Inserts a conversation without participants. `false`: the id is taken.
async fn begin(db: &Db, new: &NewConversation, now: u64) -> Result<bool, StoreError> {
    let mut document = doc! {
        "_id": new.id.as_str(),
        "id": new.id.as_str(),
        "createdBy": new.created_by.as_str(),
        "createdAt": date(now),
        "lastMessageAt": date(now),
        "messageCount": 0_i64,
        "making": date(now),
    };
    if let Some(title) = &new.title {
        document.insert("title", &**title);
    }
    let conversations = db.conversations.clone_with_type::<Document>();
    let inserted = unless_there(conversations.insert_one(document)).await?;
    Ok(inserted.is_some())
}

/// Resumes a creation that the same user has begun and that was abandoned. `false`: there is none.
async fn resume(db: &Db, new: &NewConversation, now: u64) -> Result<bool, StoreError> {
    let mut filter = this(&new.id);
    filter.insert("createdBy", new.created_by.as_str());
    filter.insert(
        "making",
        doc! { "$lt": date(now.saturating_sub(CREATION_TIMEOUT_MS)) },
    );
    let again = doc! { "$set": { "making": date(now) } };
    let again = execute(db.conversations.update_one(filter, again)).await?;
    Ok(again.matched_count == 1)
}

async fn find(db: &Db, id: &ConversationId) -> Result<Option<Conversation>, StoreError> {
    let found = one(db.conversations.find_one(this(id))).await?;
    Ok(found.and_then(ConversationDocument::conversation))
}

/// The active participations of a user.
fn active_of(user: &UserId) -> Document {
    doc! { "userId": user.as_str(), "status": ACTIVE }
}

async fn list_for(db: &Db, user: &UserId, limit: usize) -> Result<Vec<Listed>, StoreError> {
    let theirs = all(db.participants.find(active_of(user))).await?;
    let newest_first = doc! { "lastMessageAt": -1, "createdAt": -1, "id": -1 };
    listed(db, theirs, newest_first, limit).await
}

async fn find_for(
    db: &Db,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Listed>, StoreError> {
    let mut filter = members::this(id, user);
    filter.insert("status", ACTIVE);
    let theirs = one(db.participants.find_one(filter)).await?;
    let listed = listed(db, theirs.into_iter().collect(), doc! { "id": 1 }, 1).await?;
    Ok(listed.into_iter().next())
}

async fn listed(
    db: &Db,
    theirs: Vec<ParticipantDocument>,
    order: Document,
    limit: usize,
) -> Result<Vec<Listed>, StoreError> {
    let ids: Vec<_> = theirs.iter().map(|one| &*one.conversation_id).collect();
    let find = db
        .conversations
        .find(doc! { "id": { "$in": ids } })
        .sort(order)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX));
    let conversations = all(find).await?;
    let theirs: HashMap<_, _> = theirs
        .iter()
        .map(|one| (&*one.conversation_id, one))
        .collect();
    let mut listed = Vec::new();
    for document in conversations {
        let Some(participant) = theirs.get(&*document.id) else {
            continue;
        };
        let passed = counts_of(db, participant).await?.passed;
        // A message may be counted for the participant and not for the conversation yet.
        let unread = u64::try_from(document.message_count - passed).unwrap_or(0);
        if let Some(conversation) = document.conversation() {
            listed.push(Listed {
                conversation,
                role: participant.role(),
                unread,
                key: participant.key()?,
            });
        }
    }
    Ok(listed)
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
