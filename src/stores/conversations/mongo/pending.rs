//! Pending participants: names that nobody had when they were added, until somebody is known by them.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::blocks;
use super::collections::{all, one};
use super::db::Db;
use super::documents::{
    ChangeDocument, Kind, ParticipantDocument, State, TailDocument, key_fields,
};
use super::filters::{ACTIVE, this};
use super::log::Log;
use super::participants::logged;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, Logged, Participant, ParticipantStatus,
};
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
        let is_ignored = !is_active && is_ignored(db, &found, user).await?;
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
                    ignored: is_ignored,
                    ..change(Kind::Added)
                };
                let set = in_place_of(&found, is_ignored, head.next())?;
                TailDocument::setting(added, set)
            }
        };
        if log.commit(&head, &tail).await? {
            return logged(db, id, user, &tail.change).await.map(Some);
        }
    }
}

/// Whether a user has blocked who added a pending participant, as far as that is known.
async fn is_ignored(
    db: &Db,
    pending: &ParticipantDocument,
    user: &UserId,
) -> Result<bool, StoreError> {
    let Some(logged) = &pending.logged else {
        return Ok(false);
    };
    let added = doc! { "conversationId": &pending.conversation_id, "number": logged.number };
    let added = one(db.changes.find_one(added)).await?;
    let by = added.as_ref().and_then(ChangeDocument::user);
    match by.and_then(UserId::parse) {
        Some(by) => Ok(blocks::find(db, user, &by).await?.is_some()),
        None => Ok(false),
    }
}

/// The fields of one who takes the place of a pending participant by this change: a participant as long as they
/// were, who has to receive and to read the same.
fn in_place_of(
    pending: &ParticipantDocument,
    is_ignored: bool,
    number: i64,
) -> Result<Document, StoreError> {
    let status = ParticipantStatus::of_added(is_ignored);
    let state = State {
        status,
        ..pending.state()
    };
    let mut fields = doc! {
        "role": pending.role().as_str(),
        "status": status.as_str(),
        "joinedAt": pending.joined_at,
        "logged": state.logged(number),
        "pending": false,
        "ignored": is_ignored,
    };
    if let Some(counts) = pending.counts() {
        fields.insert("counts", counts.copied());
    }
    let key = pending.key()?;
    fields.extend(key.as_ref().map(key_fields).unwrap_or_default());
    Ok(fields)
}
