//! Pending participants: names that nobody had when they were added, until somebody is known by them.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::blocks;
use super::collections::{all, one};
use super::db::Db;
use super::documents::{
    ChangeDocument, Kind, ParticipantDocument, State, TailDocument, key_fields,
};
use super::filters::{ACTIVE, INVITED, this};
use super::log::Log;
use super::logged::logged;
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

    async fn pending_among(&self, names: &[UserId]) -> Result<Vec<UserId>, StoreError> {
        self.run(pending_among(&self.db, names)).await
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
    let find = db.participants.find(
        doc! { "userId": name.as_str(), "status": { "$in": [ACTIVE, INVITED] }, "pending": true },
    );
    let found = all(find.projection(doc! { "conversationId": 1, "userId": 1 })).await?;
    let ids = found.iter().map(|one| &one.conversation_id);
    Ok(ids.filter_map(|id| ConversationId::parse(id)).collect())
}

async fn pending_among(db: &Db, names: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    let names: Vec<_> = names.iter().map(UserId::as_str).collect();
    let status = doc! { "$in": [ACTIVE, INVITED] };
    let find = db
        .participants
        .find(doc! { "userId": { "$in": names }, "status": status, "pending": true });
    let found = all(find.projection(doc! { "conversationId": 1, "userId": 1 })).await?;
    Ok(found
        .iter()
        .filter_map(|one| UserId::parse(&one.user_id))
        .collect())
}

async fn claim(
    db: &Db,
    id: &ConversationId,
    pending: &UserId,
    user: &UserId,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let mut log = Log::open(db, id).await;
    loop {
        let head = log.head().await?;
        let found = one(db.participants.find_one(this(id, pending))).await?;
        let Some(found) = found.filter(ParticipantDocument::waits) else {
            return Ok(None);
        };
        let is_invited = found.state().is_invited();
        let known = one(db.participants.find_one(this(id, user))).await?;
        let is_there = known.is_some_and(|known| {
            known.state().is_active() || is_invited && known.state().is_counted()
        });
        let status = status_at(db, &found, user).await?;
        let by = claimed_by(&found, user);
        let change = |kind| ChangeDocument {
            invited: is_invited,
            ..ChangeDocument::new(id, head.next(), kind, &by, db.now())
        };
        let tail = match is_there {
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
                    ignored: status == ParticipantStatus::Ignored,
                    ..change(Kind::Added)
                };
                let set = in_place_of(&found, status, head.next())?;
                TailDocument::setting(added, set).giving(found.given_keys())
            }
        };
        if log.commit(&head, &tail).await? {
            return logged(db, id, user, &tail).await.map(Some);
        }
    }
}

/// What a user becomes in the place of a pending participant.
async fn status_at(
    db: &Db,
    pending: &ParticipantDocument,
    user: &UserId,
) -> Result<ParticipantStatus, StoreError> {
    if pending.state().is_invited() {
        return Ok(ParticipantStatus::Invited);
    }
    let is_ignored = is_ignored(db, pending, user).await?;
    Ok(ParticipantStatus::of_added(is_ignored))
}

/// Who gave the name invites, and not who is known by it.
fn claimed_by(pending: &ParticipantDocument, user: &UserId) -> ChangedBy {
    let inviter = pending.invited_by.as_deref().and_then(UserId::parse);
    let inviter = inviter.filter(|_| pending.state().is_invited());
    ChangedBy::User(inviter.unwrap_or_else(|| user.clone()))
}

/// Whether a user has blocked who added a pending participant, as far as that is known.
async fn is_ignored(
    db: &Db,
    pending: &ParticipantDocument,
    user: &UserId,
) -> Result<bool, StoreError> {
    let logged = pending.logged.as_ref().map(|logged| logged.number);
    let Some(number) = pending.counts().map(|counts| counts.since).or(logged) else {
        return Ok(false);
    };
    let added = doc! { "conversationId": &pending.conversation_id, "number": number };
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
    status: ParticipantStatus,
    number: i64,
) -> Result<Document, StoreError> {
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
        "ignored": status != ParticipantStatus::Active,
    };
    if let Some(by) = &pending.invited_by {
        fields.insert("invitedBy", by);
    }
    if let Some(counts) = pending.counts() {
        fields.insert("counts", counts.copied());
    }
    let key = pending.key()?;
    fields.extend(key.as_ref().map(key_fields).unwrap_or_default());
    Ok(fields)
}
