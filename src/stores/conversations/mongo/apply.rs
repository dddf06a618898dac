//! What a committed change does to the documents that it concerns.
//!
//! Each step can be repeated, by any node, and can come late: a document remembers the last change that
//! concerned it, and takes no older one. The record of a change is inserted last, so whoever finds it
//! finds its effect.

use mongodb::bson::{Document, doc};

use super::collections::{execute, insert_missing, one, unless_there};
use super::db::Db;
use super::deletions::pass_for_all;
use super::documents::{
    ChangeDocument, Kind, KnownMessage, ParticipantDocument, TailDocument, damaged,
};
use super::filters::before;
use super::keys;
use super::participant_changes::sequence;
use crate::stores::conversations::error::StoreError;

pub(super) async fn apply(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    apply_one(db, tail).await?;
    match &tail.then {
        Some(then) => apply_one(db, then).await,
        None => Ok(()),
    }
}

async fn apply_one(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    match tail.change.kind {
        // The message is the record.
        Kind::Sent => return send(db, tail).await,
        Kind::Created => create(db, tail).await?,
        Kind::Edited => edit(db, tail).await?,
        Kind::Deleted => delete(db, tail).await?,
        Kind::Reacted => react(db, tail).await?,
        Kind::Unreacted => unreact(db, tail).await?,
        Kind::Added | Kind::Changed | Kind::Left | Kind::Removed => {
            set_participant(db, tail).await?
        }
        Kind::KeyRotated => keys::apply(db, tail).await?,
        // It was done in the step that committed it.
        Kind::Described => {}
    }
    if tail.change.kind.is_of_participants() {
        sequence(db, &tail.change).await?;
    }
    let record = db.changes.insert_one(&tail.change);
    unless_there(record).await.map(drop)
}

/// Applies a change that another node may have left, or be about to apply.
pub(super) async fn complete(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    match is_applied(db, tail.last()).await? {
        true => Ok(()),
        false => apply(db, tail).await,
    }
}

/// Whether nothing of a change is left to be done. Mostly so: looking costs less than repeating it.
async fn is_applied(db: &Db, change: &ChangeDocument) -> Result<bool, StoreError> {
    let (conversation, number) = (&*change.conversation_id, change.number);
    if change.kind != Kind::Sent {
        return is_recorded(db, conversation, number).await;
    }
    let uncounted = db.participants.find_one(uncounted(change));
    let uncounted = one(uncounted.projection(ParticipantDocument::short_fields()));
    let stored = is_stored(db, conversation, number);
    let (uncounted, is_stored) = tokio::try_join!(uncounted, stored)?;
    Ok(uncounted.is_none() && is_stored)
}

/// The filter for the sender of a message that is not counted for them yet.
fn uncounted(sent: &ChangeDocument) -> Document {
    doc! {
        "conversationId": &sent.conversation_id,
        "userId": sent.user(),
        "counts.own": { "$lt": sent.number },
    }
}

/// Whether a change has its record.
pub(super) async fn is_recorded(
    db: &Db,
    conversation: &str,
    number: i64,
) -> Result<bool, StoreError> {
    let filter = doc! { "conversationId": conversation, "number": number };
    Ok(one(db.changes.find_one(filter)).await?.is_some())
}

/// Whether a message is stored that was sent by this change.
pub(super) async fn is_stored(
    db: &Db,
    conversation: &str,
    number: i64,
) -> Result<bool, StoreError> {
    let messages = db.messages.clone_with_type::<KnownMessage>();
    let find = messages.find_one(doc! { "conversationId": conversation, "seq": number });
    Ok(one(find.projection(KnownMessage::fields()))
        .await?
        .is_some())
}

/// Inserts a message, and counts it as not unread for its sender.
async fn send(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    let messages = db.messages.clone_with_type::<Document>();
    let [message] = &tail.insert[..] else {
        return Err(damaged("conversations")());
    };
    // A message with this id or number is this one.
    let insert = unless_there(messages.insert_one(message));
    let count = count_own(db, &tail.change);
    tokio::try_join!(insert, count).map(drop)
}

async fn count_own(db: &Db, sent: &ChangeDocument) -> Result<(), StoreError> {
    let pass = doc! { "$inc": { "counts.passed": 1_i64 }, "$set": { "counts.own": sent.number } };
    execute(db.participants.update_one(uncounted(sent), pass))
        .await
        .map(drop)
}

/// Inserts the first participants. Where an application has inserted one before, the log has its own
/// view of them.
async fn create(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    for index in insert_missing(&db.participants, &tail.insert).await? {
        let Some(participant) = tail.insert.get(index) else {
            continue;
        };
        let filter = doc! {
            "conversationId": &tail.change.conversation_id,
            "userId": participant.get("userId"),
            "logged.number": before(tail.change.number),
        };
        let set = doc! { "$set": { "logged": participant.get("logged") } };
        execute(db.participants.update_one(filter, set)).await?;
    }
    Ok(())
}

/// The filter for the message that a change concerns, unless a later one did.
fn message_before(change: &ChangeDocument) -> Document {
    doc! {
        "_id": &change.message_id,
        "conversationId": &change.conversation_id,
        "changed": before(change.number),
    }
}

async fn edit(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    let mut set = tail.set.clone();
    set.insert("changed", tail.change.number);
    let write = db
        .messages
        .update_one(message_before(&tail.change), doc! { "$set": set });
    execute(write).await.map(drop)
}

async fn delete(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    let mut set = tail.set.clone();
    set.extend(doc! { "uncounted": true, "changed": tail.change.number });
    let update = doc! { "$set": set, "$unset": { "content": "", "media": "", "extra": "" } };
    let write = db.messages.update_one(message_before(&tail.change), update);
    execute(write).await?;
    let messages = db.messages.clone_with_type::<KnownMessage>();
    let this = messages.find_one(doc! { "_id": &tail.change.message_id });
    match one(this.projection(KnownMessage::fields())).await? {
        Some(known) if known.uncounted => {
            pass_for_all(db, &tail.change.conversation_id, &known).await
        }
        _ => Ok(()),
    }
}

/// The filter for the document that stands for all reactions of a user with an emoji to a message,
/// unless a later change concerned it.
fn reaction_before(change: &ChangeDocument) -> Document {
    doc! {
        "messageId": &change.message_id,
        "userId": change.user(),
        "emoji": &change.emoji,
        "number": before(change.number),
    }
}

async fn react(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    let mut set = tail.set.clone();
    set.insert("number", tail.change.number);
    let update = doc! {
        "$set": set,
        "$unset": { "removedAt": "" },
        "$setOnInsert": { "_id": &tail.change.reaction_id },
    };
    let write = db
        .reactions
        .update_one(reaction_before(&tail.change), update);
    // A later change has left a document that the filter does not match.
    unless_there(write.upsert(true)).await.map(drop)
}

async fn unreact(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    let mut set = tail.set.clone();
    set.insert("number", tail.change.number);
    let write = db
        .reactions
        .update_one(reaction_before(&tail.change), doc! { "$set": set });
    execute(write).await.map(drop)
}

async fn set_participant(db: &Db, tail: &TailDocument) -> Result<(), StoreError> {
    let change = &tail.change;
    let filter = doc! {
        "conversationId": &change.conversation_id,
        "userId": &change.user_id,
        "logged.number": before(change.number),
    };
    let mut set = tail.set.clone();
    keys::set_given(tail, &mut set);
    let write = db.participants.update_one(filter, doc! { "$set": set });
    // What an application did stands in the document, or the application has removed that.
    let is_new = change.kind == Kind::Added && !change.is_foreign();
    unless_there(write.upsert(is_new)).await?;
    match &change.in_place_of {
        Some(pending) => end(db, change, pending).await,
        None => Ok(()),
    }
}

/// Ends the participation of one whose place was taken by this change, unless a later one concerned them.
async fn end(db: &Db, change: &ChangeDocument, pending: &str) -> Result<(), StoreError> {
    let filter = doc! {
        "conversationId": &change.conversation_id,
        "userId": pending,
        "logged.number": before(change.number),
    };
    let Some(found) = one(db.participants.find_one(filter.clone())).await? else {
        return Ok(());
    };
    let set = doc! { "$set": found.removed(change.number) };
    execute(db.participants.update_one(filter, set))
        .await
        .map(drop)
}
