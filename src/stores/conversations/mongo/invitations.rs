//! Participants who are invited.

use std::collections::HashMap;

use async_trait::async_trait;
use mongodb::bson::doc;

use super::blocks::blocked_by;
use super::collections::{all, one};
use super::db::Db;
use super::documents::{
    ChangeDocument, ConversationDocument, Kind, ParticipantDocument, TailDocument, date, ms,
};
use super::filters::{INVITED, this};
use super::log::Log;
use super::logged::logged;
use super::members::history_of;
use super::participants::fields;
use super::store::MongoConversations;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, Conversation, ConversationId, Invitation, Logged, NewParticipant, Participant,
    ParticipantStatus,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::invitations::InvitationStore;

#[async_trait]
impl InvitationStore for MongoConversations {
    async fn invitations_of(
        &self,
        user: &UserId,
        only: Option<&ConversationId>,
        limit: usize,
    ) -> Result<Vec<Invitation>, StoreError> {
        self.run(invitations_of(&self.db, user, only, limit)).await
    }

    async fn accept(
        &self,
        id: &ConversationId,
        user: &UserId,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (id, user) = (id.clone(), user.clone());
        self.write(|db| async move { accept(&db, &id, &user).await })
            .await
    }
}

async fn invitations_of(
    db: &Db,
    user: &UserId,
    only: Option<&ConversationId>,
    limit: usize,
) -> Result<Vec<Invitation>, StoreError> {
    let blocked = blocked_by(db, user).await?;
    let mut filter = doc! {
        "userId": user.as_str(), "status": INVITED,
        "invitedBy": { "$type": "string", "$nin": blocked },
    };
    filter.extend(only.map(|only| ("conversationId".to_owned(), only.as_str().into())));
    let newest_first = doc! { "joinedAt": -1, "_id": -1 };
    let find = db.participants.find(filter).sort(newest_first);
    let find = find.projection(ParticipantDocument::without_keys());
    let found = all(find.limit(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
    let ids: Vec<_> = found.iter().map(|one| &*one.conversation_id).collect();
    let find = db.conversations.find(doc! { "id": { "$in": ids } });
    let conversations = all(find.projection(ConversationDocument::fields())).await?;
    let conversations = conversations
        .into_iter()
        .filter_map(ConversationDocument::conversation);
    let conversations: HashMap<_, _> = conversations.map(|one| (one.id.clone(), one)).collect();
    let mut invitations = Vec::new();
    for one in &found {
        let id = ConversationId::parse(&one.conversation_id);
        if let Some(conversation) = id.and_then(|id| conversations.get(&id)) {
            invitations.extend(invitation(one, conversation)?);
        }
    }
    Ok(invitations)
}

fn invitation(
    document: &ParticipantDocument,
    conversation: &Conversation,
) -> Result<Option<Invitation>, StoreError> {
    let Some(by) = document.invited_by.as_deref().and_then(UserId::parse) else {
        return Ok(None);
    };
    Ok(Some(Invitation {
        conversation: conversation.id.clone(),
        id_type: conversation.id_type,
        by,
        at: document.joined_at.map_or(0, ms),
        role: document.role(),
        key: document.key()?,
    }))
}

fn may_accept(known: &ParticipantDocument) -> bool {
    (known.state().is_invited() || known.state().is_active()) && !known.pending
}

async fn accept(
    db: &Db,
    id: &ConversationId,
    user: &UserId,
) -> Result<Option<Logged<Participant>>, StoreError> {
    let by = ChangedBy::User(user.clone());
    let known = async || one(db.participants.find_one(this(id, user))).await;
    if known().await?.is_none_or(|known| !may_accept(&known)) {
        return Ok(None);
    }
    let mut log = Log::open(db, id).await;
    loop {
        let head = log.head().await?;
        let Some(invited) = known().await?.filter(may_accept) else {
            return Ok(None);
        };
        if invited.state().is_active() {
            return Ok(invited.participant().map(Logged::unchanged));
        }
        let now = db.now();
        let new = NewParticipant {
            user: user.clone(),
            role: invited.role(),
            key: invited.key()?,
            earlier_keys: Vec::new(),
            pending: false,
            is_invited: false,
            joined_at: None,
        };
        let status = ParticipantStatus::Active;
        let set = fields(
            &new,
            &by,
            status,
            invited.content_key_number,
            (&head, history_of(db, id).await?),
            date(now),
        );
        let added = ChangeDocument {
            user_id: Some(user.as_str().to_owned()),
            role: Some(new.role.as_str().to_owned()),
            key_number: new.key.as_ref().map(|key| key.number),
            ..ChangeDocument::new(id, head.next(), Kind::Added, &by, now)
        };
        let tail = TailDocument::setting(added, set);
        if log.commit(&head, &tail).await? {
            return logged(db, id, user, &tail).await.map(Some);
        }
    }
}
