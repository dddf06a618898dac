//! The participants of conversations.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use mongodb::bson::{DateTime, Document, doc};

use super::blocks;
use super::collections::{all, each, execute, one};
use super::db::Db;
use super::documents::{
    ChangeDocument, Kind, ParticipantDocument, State, TailDocument, date, first_counts, key_fields,
    ms,
};
use super::filters::{ACTIVE, COUNTED, LOOK_ACTIVE, this};
use super::heads::Head;
use super::keys;
use super::leaving::end;
use super::log::Log;
use super::logged::logged;
use super::members::{history_of, require_admin};
use super::roles::set_role;
use super::rotation;
use super::store::MongoConversations;
use super::users;
use crate::model::UserId;
use crate::model::conversation::{
    ChangedBy, ConversationId, History, KeyRotation, Logged, NewConversation, NewParticipant,
    Participant, ParticipantStatus, Role,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::{
    MAX_NAMES, ParticipantKeys, ParticipantNames, ParticipantStore,
};

#[async_trait]
impl ParticipantStore for MongoConversations {
    async fn list(&self, id: &ConversationId) -> Result<Vec<Participant>, StoreError> {
        self.run(all_of(&self.db, id)).await
    }

    async fn page(
        &self,
        id: &ConversationId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<Participant>, StoreError> {
        self.run(page(&self.db, id, after, limit)).await
    }

    async fn add(
        &self,
        id: &ConversationId,
        new: &NewParticipant,
        by: &ChangedBy,
        max_active: usize,
    ) -> Result<Logged<Participant>, StoreError> {
        let (id, new, by) = (id.clone(), new.clone(), by.clone());
        self.write(|db| async move { add(&db, &id, &new, &by, max_active).await })
            .await
    }

    async fn rotate_key(
        &self,
        id: &ConversationId,
        by: &UserId,
        new: &KeyRotation,
    ) -> Result<Logged<()>, StoreError> {
        let (id, by, new) = (id.clone(), by.clone(), new.clone());
        self.write(|db| async move { rotation::rotate(&db, &id, &by, &new).await })
            .await
    }

    async fn keys_in(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<ParticipantKeys>, StoreError> {
        self.run(keys::keys_in(&self.db, user, conversations)).await
    }

    async fn end(
        &self,
        id: &ConversationId,
        user: &UserId,
        by: &ChangedBy,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (id, user, by) = (id.clone(), user.clone(), by.clone());
        self.write(|db| async move { end(&db, &id, &user, &by).await })
            .await
    }

    async fn set_role(
        &self,
        id: &ConversationId,
        user: &UserId,
        role: Role,
        by: &ChangedBy,
    ) -> Result<Option<Logged<Participant>>, StoreError> {
        let (id, user, by) = (id.clone(), user.clone(), by.clone());
        self.write(|db| async move { set_role(&db, &id, &user, role, &by).await })
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
        .projection(ParticipantDocument::without_keys())
        .sort(doc! { "joinedAt": 1, "userId": 1 });
    let found = all(find).await?;
    let participants = found.iter().filter_map(ParticipantDocument::participant);
    Ok(participants.collect())
}

async fn page(
    db: &Db,
    id: &ConversationId,
    after: Option<&UserId>,
    limit: usize,
) -> Result<Vec<Participant>, StoreError> {
    let after = after.map_or("", UserId::as_str);
    let filter = doc! { "conversationId": id.as_str(), "userId": { "$gt": after } };
    let find = db.participants.find(filter).sort(doc! { "userId": 1 });
    let find = find.projection(ParticipantDocument::without_keys());
    let found = all(find.limit(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
    let participants = found.iter().filter_map(ParticipantDocument::participant);
    Ok(participants.collect())
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

/// The first active participants of each of these conversations, by their ids.
async fn first_active_in(
    db: &Db,
    conversations: &[ConversationId],
) -> Result<BTreeMap<ConversationId, Vec<UserId>>, StoreError> {
    let mut left: BTreeSet<_> = conversations.iter().map(ConversationId::as_str).collect();
    let mut active: BTreeMap<_, Vec<UserId>> = BTreeMap::new();
    loop {
        let ids: Vec<_> = left.iter().copied().collect();
        let status = doc! { "$in": LOOK_ACTIVE.to_vec() };
        let filter = doc! { "conversationId": { "$in": ids }, "status": status };
        let find = db.participants.find(filter);
        let find = find.projection(doc! { "conversationId": 1, "userId": 1 });
        let find = find.sort(doc! { "conversationId": 1, "userId": 1 });
        let mut full = None;
        // Of a large conversation no more is read than a part of a batch.
        each(
            find.batch_size(MAX_NAMES),
            |document: ParticipantDocument| {
                let conversation = ConversationId::parse(&document.conversation_id);
                let user = UserId::parse(&document.user_id);
                let (Some(conversation), Some(user)) = (conversation, user) else {
                    return true;
                };
                let users = active.entry(conversation).or_default();
                let has_room = users.len() < MAX_NAMES as usize;
                match has_room {
                    true => users.push(user),
                    false => full = Some(document.conversation_id),
                }
                has_room
            },
        )
        .await?;
        let Some(full) = full else {
            return Ok(active);
        };
        left.retain(|id| **id > *full);
    }
}

async fn names_in(
    db: &Db,
    conversations: &[ConversationId],
) -> Result<Vec<ParticipantNames>, StoreError> {
    let active = first_active_in(db, conversations).await?;
    let mut all: Vec<UserId> = active.values().flatten().cloned().collect();
    all.sort();
    all.dedup();
    let known = users::find_all(db, &all).await?.into_iter();
    let known: HashMap<_, _> = known.map(|user| (user.id, user.name)).collect();
    let name = |user: UserId| known.get(&user).cloned().unwrap_or_else(|| user.as_name());
    let named = active
        .into_iter()
        .map(|(conversation, users)| (conversation, users.into_iter().map(name).collect()));
    Ok(named.collect())
}

/// The documents of the first participants of a conversation, each once, who are added by a change.
pub(super) fn first(
    new: &NewConversation,
    by: &ChangedBy,
    ignored: &HashSet<UserId>,
    head: &Head,
    now: DateTime,
) -> Vec<Document> {
    let documents = new.first().into_iter().map(|one| {
        let mut document = this(&new.id, &one.user);
        let status = status_of(one, ignored.contains(&one.user));
        let all = (head, History::All);
        document.extend(fields(one, by, status, None, all, now));
        let given = keys::given(one, ms(now));
        if !given.is_empty() {
            document.insert("contentKeys", given);
        }
        document
    });
    documents.collect()
}

/// What somebody becomes who is added, and has perhaps blocked who does so.
pub(super) fn status_of(new: &NewParticipant, is_ignored: bool) -> ParticipantStatus {
    match new.is_invited {
        true => ParticipantStatus::Invited,
        false => ParticipantStatus::of_added(is_ignored),
    }
}

/// The fields of a participant who is added by the change behind the head, and sees so much of the history, besides
/// the ids. Without a new content key they keep their previous one.
pub(super) fn fields(
    new: &NewParticipant,
    by: &ChangedBy,
    status: ParticipantStatus,
    previous_key: Option<i64>,
    (head, history): (&Head, History),
    now: DateTime,
) -> Document {
    let joined_at = new.joined_at.map_or(now, date);
    let key = new.key.as_ref();
    let state = State {
        status,
        role: new.role,
        key_number: key.map(|key| key.number).or(previous_key),
    };
    let mut fields = doc! {
        "role": new.role.as_str(),
        "status": status.as_str(),
        "joinedAt": joined_at,
        "counts": first_counts(joined_at, head.next(), head.messages, history),
        "logged": state.logged(head.next()),
        "pending": new.pending,
        "ignored": status != ParticipantStatus::Active,
    };
    if let (ParticipantStatus::Invited, Some(by)) = (status, by.user()) {
        fields.insert("invitedBy", by.as_str());
    }
    fields.extend(key.map(key_fields).unwrap_or_default());
    fields
}

pub(super) async fn add(
    db: &Db,
    id: &ConversationId,
    new: &NewParticipant,
    by: &ChangedBy,
    max_active: usize,
) -> Result<Logged<Participant>, StoreError> {
    let mut log = Log::open(db, id).await;
    loop {
        let head = log.head().await?;
        require_admin(db, id, by).await?;
        if !head.exists {
            return Err(StoreError::NoConversation);
        }
        let known = one(db.participants.find_one(this(id, &new.user))).await?;
        let is_ignored = match by.user() {
            Some(by) => blocks::find(db, &new.user, by).await?.is_some(),
            None => false,
        };
        let status = status_of(new, is_ignored);
        let is_known = known.as_ref().is_some_and(|one| one.state().is_counted());
        if let Some(same) = known.as_ref().filter(|_| is_known)
            && same.state().is_added_as(status)
            && let Some(participant) = same.participant()
        {
            return Ok(Logged::unchanged(participant));
        }
        // They count already.
        if !is_known && is_full(db, id, max_active).await? {
            return Err(StoreError::ConversationFull);
        }
        keys::check_count(known.as_ref(), new)?;
        let now = db.now();
        let previous_key = known.and_then(|one| one.content_key_number);
        let history = (&head, history_of(db, id).await?);
        let set = fields(new, by, status, previous_key, history, date(now));
        let added = ChangeDocument {
            user_id: Some(new.user.as_str().to_owned()),
            role: Some(new.role.as_str().to_owned()),
            key_number: new.key.as_ref().map(|key| key.number),
            ignored: status == ParticipantStatus::Ignored,
            invited: status == ParticipantStatus::Invited,
            ..ChangeDocument::new(id, head.next(), Kind::Added, by, now)
        };
        let tail = TailDocument::setting(added, set).giving(keys::given(new, now));
        if log.commit(&head, &tail).await? {
            return logged(db, id, &new.user, &tail).await;
        }
    }
}

/// Whether a conversation has so many participants who look active, or are invited.
async fn is_full(db: &Db, id: &ConversationId, max_active: usize) -> Result<bool, StoreError> {
    let status = doc! { "$in": COUNTED.to_vec() };
    let filter = doc! { "conversationId": id.as_str(), "status": status };
    let count = db.participants.count_documents(filter);
    let active = execute(count.limit(max_active as u64)).await?;
    Ok(active >= max_active as u64)
}
