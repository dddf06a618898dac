//! The participants of conversations.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::ReturnDocument;

use super::collections::{all, execute, one, unless_there};
use super::db::Db;
use super::documents::{ParticipantDocument, date, first_counts, key_fields};
use super::members::{ACTIVE, this};
use super::newest::newest;
use super::store::MongoConversations;
use super::users;
use crate::model::UserId;
use crate::model::conversation::{
    Added, ConversationId, Ending, NewParticipant, Participant, ParticipantStatus,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::{ParticipantNames, ParticipantStore};

#[async_trait]
impl ParticipantStore for MongoConversations {
    async fn list(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
        self.run(all_of(&self.db, id)).await
    }

    async fn add(&self, id: &ConversationId, new: &NewParticipant) -> Result<Added, StoreError> {
        let (id, new) = (id.clone(), new.clone());
        self.write(|db| async move { add(&db, &id, &new).await })
            .await
    }

    async fn end(
        &self,
        id: &ConversationId,
        user: &UserId,
        ending: Ending,
    ) -> Result<Option<Participant>, StoreError> {
        let (id, user) = (id.clone(), user.clone());
        self.write(|db| async move { end(&db, &id, &user, ending).await })
            .await
    }

    async fn names_in(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<ParticipantNames>, StoreError> {
        self.run(names_in(&self.db, conversations)).await
    }
}

pub(super) async fn all_of(db: &Db, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
    let find = db
        .participants
        .find(doc! { "conversationId": id.as_str() })
        .sort(doc! { "joinedAt": 1, "userId": 1 });
    let found = all(find).await?;
    let participants = found.iter().map(ParticipantDocument::participant);
    participants.filter_map(Result::transpose).collect()
}

async fn find(
    db: &Db,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Participant>, StoreError> {
    match one(db.participants.find_one(this(id, user))).await? {
        Some(document) => document.participant(),
        None => Ok(None),
    }
}

/// The documents of the active participants of these conversations.
pub(super) async fn active_in(
    db: &Db,
    conversations: &[&str],
) -> Result<Vec<ParticipantDocument>, StoreError> {
    let filter = doc! { "conversationId": { "$in": conversations }, "status": ACTIVE };
    let fields = doc! { "conversationId": 1, "userId": 1 };
    all(db.participants.find(filter).projection(fields)).await
}

async fn names_in(
    db: &Db,
    conversations: &[ConversationId],
) -> Result<Vec<ParticipantNames>, StoreError> {
    let ids: Vec<_> = conversations.iter().map(ConversationId::as_str).collect();
    // Sorted by conversation.
    let mut active: BTreeMap<_, Vec<UserId>> = BTreeMap::new();
    for document in active_in(db, &ids).await? {
        let conversation = ConversationId::parse(&document.conversation_id);
        let user = UserId::parse(&document.user_id);
        if let (Some(conversation), Some(user)) = (conversation, user) {
            active.entry(conversation).or_default().push(user);
        }
    }
    let mut all: Vec<UserId> = active.values().flatten().cloned().collect();
    all.sort();
    all.dedup();
    let known = users::find_all(db, &all).await?.into_iter();
    let known: HashMap<_, _> = known.map(|user| (user.id, user.name)).collect();
    let name = |user: UserId| known.get(&user).unwrap_or(user.shared()).clone();
    let named = active.into_iter().map(|(conversation, mut users)| {
        users.sort();
        (conversation, users.into_iter().map(name).collect())
    });
    Ok(named.collect())
}

/// Inserts the participants of a conversation that is being created, except those that exist.
pub(super) async fn insert_first(
    db: &Db,
    conversation: &ConversationId,
    new: &[NewParticipant],
    now: DateTime,
) -> Result<(), StoreError> {
    for new in new {
        let mut first = fields(new, now, first_counts(now, 0, 0));
        first.extend(this(conversation, &new.user));
        let participants = db.participants.clone_with_type::<Document>();
        unless_there(participants.insert_one(first)).await?;
    }
    Ok(())
}

/// The fields of an added participant besides the ids.
fn fields(new: &NewParticipant, now: DateTime, counts: Document) -> Document {
    let mut fields = doc! {
        "role": new.role.as_str(), "status": ACTIVE, "joinedAt": now, "counts": counts,
    };
    fields.extend(new.key.as_ref().map(key_fields).unwrap_or_default());
    fields
}

async fn add(db: &Db, id: &ConversationId, new: &NewParticipant) -> Result<Added, StoreError> {
    let conversation = db.conversations.find_one(doc! { "id": id.as_str() });
    if one(conversation).await?.is_none() {
        return Err(StoreError::NoConversation);
    }
    loop {
        let known = find(db, id, &new.user).await?;
        if let Some(participant) = known.filter(Participant::is_active) {
            let repeated = true;
            return Ok(Added {
                participant,
                repeated,
            });
        }
        let newest = newest(db, id).await?;
        let since = newest.map_or(0, |message| message.seq);
        let now = date(db.now());
        let mut filter = this(id, &new.user);
        filter.insert("status", doc! { "$ne": ACTIVE });
        let set = doc! { "$set": fields(new, now, first_counts(now, since, since)) };
        let write = db
            .participants
            .find_one_and_update(filter, set)
            .upsert(true)
            .return_document(ReturnDocument::After);
        // A concurrent operation has added them: the next attempt finds an active participant.
        let Some(Some(document)) = unless_there(write).await? else {
            continue;
        };
        if let Some(participant) = document.participant()? {
            let repeated = false;
            return Ok(Added {
                participant,
                repeated,
            });
        }
    }
}

async fn end(
    db: &Db,
    id: &ConversationId,
    user: &UserId,
    ending: Ending,
) -> Result<Option<Participant>, StoreError> {
    let mut filter = this(id, user);
    filter.insert("status", ACTIVE);
    let status = ParticipantStatus::from(ending).as_str();
    let write = db
        .participants
        .find_one_and_update(filter, doc! { "$set": { "status": status } })
        .return_document(ReturnDocument::After);
    match execute(write).await? {
        Some(document) => document.participant(),
        None => Ok(None),
    }
}
