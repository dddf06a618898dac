//! New content keys for the participants of a conversation, in one change.

use mongodb::bson::{Document, doc};

use super::collections::{all, one};
use super::db::Db;
use super::documents::{
    ChangeDocument, Kind, ParticipantDocument, State, TailDocument, date, key_fields,
};
use super::filters::COUNTED;
use super::log::Log;
use super::members::member;
use crate::model::UserId;
use crate::model::conversation::{ChangedBy, ConversationId, KeyRotation, Logged};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::MAX_KEYS;

pub(super) async fn rotate(
    db: &Db,
    id: &ConversationId,
    by: &UserId,
    new: &KeyRotation,
) -> Result<Logged<()>, StoreError> {
    let author = ChangedBy::User(by.clone());
    let mut log = Log::open(db, id).await;
    loop {
        let head = log.head().await?;
        member(db, id, by).await?;
        if last_number(db, id)
            .await?
            .is_some_and(|last| last >= new.number)
        {
            return Err(StoreError::KeyExists);
        }
        let now = db.now();
        let given = given(db, id, new, head.next(), now).await?;
        let rotated = ChangeDocument {
            key_number: Some(new.number),
            ..ChangeDocument::new(id, head.next(), Kind::KeyRotated, &author, now)
        };
        let tail = TailDocument::inserting(rotated, given);
        if log.commit(&head, &tail).await? {
            return Ok(Logged::new((), tail.change.change(None)?));
        }
    }
}

/// The highest number of a key that counts for somebody.
async fn last_number(db: &Db, id: &ConversationId) -> Result<Option<i64>, StoreError> {
    let filter = doc! { "conversationId": id.as_str(), "contentKeyNumber": { "$type": "number" } };
    let find = db.participants.find_one(filter);
    let find = find.sort(doc! { "contentKeyNumber": -1 });
    let last = one(find.projection(ParticipantDocument::short_fields())).await?;
    Ok(last.and_then(|last| last.content_key_number))
}

/// Those who are given a key, as far as they are participants or invited.
async fn present(
    db: &Db,
    id: &ConversationId,
    new: &KeyRotation,
) -> Result<Vec<ParticipantDocument>, StoreError> {
    let users: Vec<_> = new.users().map(UserId::as_str).collect();
    all(db.participants.find(doc! {
        "conversationId": id.as_str(), "userId": { "$in": users },
        "status": { "$in": COUNTED.to_vec() },
    }))
    .await
}

/// What is given to each, as the change has it.
async fn given(
    db: &Db,
    id: &ConversationId,
    new: &KeyRotation,
    number: i64,
    now: u64,
) -> Result<Vec<Document>, StoreError> {
    let present = present(db, id, new).await?;
    let mut given = Vec::new();
    for (user, key) in new.keys() {
        let Some(known) = present.iter().find(|one| one.user_id == user.as_str()) else {
            continue;
        };
        let kept = known.content_keys.as_ref().map_or(0, Document::len);
        if kept >= MAX_KEYS {
            return Err(StoreError::TooLarge);
        }
        let state = State {
            key_number: Some(key.number),
            ..known.state()
        };
        let mut fields = key_fields(&key);
        fields.extend(doc! {
            "userId": user.as_str(), "logged": state.logged(number), "at": date(now),
        });
        given.push(fields);
    }
    Ok(given)
}
