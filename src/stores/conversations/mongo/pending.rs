//! Pending participants: names that nobody had when they were added, until somebody is known by them.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::collections::{all, one};
use super::db::Db;
use super::documents::{ChangeDocument, Kind, ParticipantDocument, TailDocument, key_fields};
use super::filters::{ACTIVE, this};
use super::log::Log;
use super::participants::logged;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{ChangedBy, ConversationId, Logged, Participant};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::pending::PendingStore;

#[async_trait]
impl PendingStore for MongoConversations {
    async fn pending_in(&self, name: &UserId) -> Result<Vec<ConversationId>, StoreError> {
        self.run(pending_in(&self.db, name)).await
    }

    async fn claim(
        &self,
        id: &ConversationId,
        pending: &UserId,
        user: &UserId,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (id, pending, user) = (id.clone(), pending.clone(), user.clone());
        self.write(|db| async move { claim(&db, &id, &pending, &user).await })
            .await
    }
}

async fn pending_in(db: &Db, name: &UserId) -> Result<Vec<ConversationId>, StoreError> {
    let find = db
        .participants
        .find(doc! { "userId": name.as_str(), "status": ACTIVE, "pending": true });
    let found = all(find.projection(doc! { "conversationId": 1, "userId": 1 })).await?;
    let ids = found.iter().map(|one| &one.conversation_id);
    Ok(ids.filter_map(|id| ConversationId::parse(id)).collect())
}

async fn claim(
    db: &Db,
    id: &ConversationId,
    pending: &UserId,
    user: &UserId,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let by = ChangedBy::User(user.clone());
    let mut log = Log::open(db, id).await;
    loop {
        let head = log.head().await?;
        let found = one(db.participants.find_one(this(id, pending))).await?;
        let Some(found) = found.filter(|one| one.pending && one.state().is_active()) else {
            return Ok(None);
        };
        let known = one(db.participants.find_one(this(id, user))).await?;
        let is_active = known.is_some_and(|known| known.state().is_active());
        let change = |kind| ChangeDocument::new(id, head.next(), kind, &by, db.now());
        let tail = match is_active {
            true => {
                let removed = ChangeDocument {
                    user_id: Some(pending.as_str().to_owned()),
                    ..change(Kind::Removed)
                };
                TailDocument::setting(removed, found.removed(head.next()))
            }
            false => {
                let added = ChangeDocument {
                    user_id: Some(user.as_str().to_owned()),
                    role: Some(found.role().as_str().to_owned()),
                    key_number: found.content_key_number,
                    in_place_of: Some(pending.as_str().to_owned()),
                    ..change(Kind::Added)
                };
                TailDocument::setting(added, in_place_of(&found, head.next())?)
            }
        };
        if log.commit(&head, &tail).await? {
            return logged(db, id, user, &tail.change).await.map(Some);
        }
    }
}

/// The fields of one who takes the place of a pending participant by this change: a participant as long as they
/// were, who has to receive and to read the same.
fn in_place_of(pending: &ParticipantDocument, number: i64) -> Result<Document, StoreError> {
    let mut fields = doc! {
        "role": pending.role().as_str(),
        "status": ACTIVE,
        "joinedAt": pending.joined_at,
        "logged": pending.state().logged(number),
        "pending": false,
    };
    if let Some(counts) = pending.counts() {
        fields.insert("counts", counts.copied());
    }
    let key = pending.key()?;
    fields.extend(key.as_ref().map(key_fields).unwrap_or_default());
    Ok(fields)
}
