//! The content keys of participants: the one that counts, and all that they were given, which are in the field
//! `contentKeys` of the same document by their numbers.

use mongodb::bson::{Document, doc};

use super::collections::{each, execute};
use super::db::Db;
use super::documents::{ParticipantDocument, TailDocument, damaged, given_key};
use super::filters::before;
use crate::model::UserId;
use crate::model::conversation::{ContentKey, ConversationId, GivenKey, NewParticipant};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::participants::{MAX_KEYS, MAX_KEYS_BYTES, ParticipantKeys};

/// Fails if somebody would have too many keys with these.
pub(super) fn check_count(
    known: Option<&ParticipantDocument>,
    new: &NewParticipant,
) -> Result<(), StoreError> {
    let kept = known.and_then(|known| known.content_keys.as_ref());
    let is_kept =
        |key: &&ContentKey| kept.is_some_and(|kept| kept.contains_key(key.number.to_string()));
    let more = new.keys().filter(|key| !is_kept(key)).count();
    match kept.map_or(0, Document::len) + more > MAX_KEYS {
        true => Err(StoreError::TooLarge),
        false => Ok(()),
    }
}

/// All keys that the change adds to those of the participant whom it concerns, as it is applied.
pub(super) fn set_given(tail: &TailDocument, set: &mut Document) {
    for (number, given) in &tail.keys {
        set.insert(format!("contentKeys.{number}"), given.clone());
    }
}

/// Gives everybody their key, unless a later change concerned them.
pub(super) async fn apply(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    for given in &tail.insert {
        let mut set = given.clone();
        let (user, at) = (set.remove("userId"), set.remove("at"));
        let number = set.get_i64("contentKeyNumber");
        let number = number.map_err(|_| damaged("conversations")())?;
        let kept = doc! { "key": set.get("encryptedContentKey"), "at": at };
        set.insert(format!("contentKeys.{number}"), kept);
        let filter = doc! {
            "conversationId": &tail.change.conversation_id,
            "userId": user,
            "logged.number": before(tail.change.number),
        };
        execute(db.participants.update_one(filter, doc! { "$set": set })).await?;
    }
    Ok(())
}

pub(super) async fn keys_in(
    db: &Db,
    user: &UserId,
    conversations: &[ConversationId],
) -> Result<Vec<ParticipantKeys>, StoreError> {
    let ids: Vec<_> = conversations.iter().map(ConversationId::as_str).collect();
    let filter = doc! { "userId": user.as_str(), "conversationId": { "$in": ids } };
    let fields = doc! {
        "conversationId": 1, "userId": 1, "joinedAt": 1, "contentKeyNumber": 1,
        "encryptedContentKey": 1, "contentKeys": 1,
    };
    let (mut found, mut bytes, mut failed) = (Vec::new(), 0, None);
    each(
        db.participants.find(filter).projection(fields),
        |document: ParticipantDocument| {
            let keys = match document.all_keys() {
                Ok(keys) => keys,
                Err(error) => {
                    failed = Some(error);
                    return false;
                }
            };
            bytes += keys.iter().map(GivenKey::size).sum::<usize>();
            let fits = found.is_empty() || bytes <= MAX_KEYS_BYTES;
            let id = ConversationId::parse(&document.conversation_id);
            if let Some(id) = id.filter(|_| fits && !keys.is_empty()) {
                found.push((id, keys));
            }
            fits
        },
    )
    .await?;
    failed.map_or(Ok(found), Err)
}

/// The keys of somebody who is added, as the change has them.
pub(super) fn given(new: &NewParticipant, now: u64) -> Document {
    let keys = new.keys();
    keys.map(|key| (key.number.to_string(), given_key(key, now).into()))
        .collect()
}
