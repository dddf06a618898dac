//! What is counted for participants. A change of several documents may end half-way; so each part of
//! it is idempotent, and the next operation that finds it unfinished repeats it.

use mongodb::bson::{Document, doc};

use super::collections::{all, execute, unless_there};
use super::db::{Db, gone};
use super::documents::{KnownMessage, date};
use super::members::{ACTIVE, Member, member, this};
use crate::model::UserId;
use crate::model::conversation::ConversationId;
use crate::stores::conversations::error::StoreError;

/// Maximum number of messages that are counted at once.
pub(super) const MAX_COUNTED: usize = 32;
/// How many counted messages a participant's document lists: enough for all concurrent operations.
const MAX_LISTED: i32 = 2 * MAX_COUNTED as i32;
/// How often an update is tried that conflicts with concurrent ones.
const ATTEMPTS: usize = 64;

/// Whether a message counts as unread for a participant who has not read it.
pub(super) fn counts_as_unread(member: &Member, message: &KnownMessage) -> bool {
    message.deleted_at.is_none() && is_counted(member, message)
}

/// Whether a message may still be part of a participant's count. A deleted one may while
/// `uncounted` is set: until `pass_for_all` has run, which skips users who have read or hidden it
/// by then.
fn is_counted(member: &Member, message: &KnownMessage) -> bool {
    message.sender_id != member.user.as_str()
        && message.seq > member.counts.since
        && (message.deleted_at.is_none() || message.uncounted)
        && !message.is_hidden_for(&member.user)
}

/// Counts those of these messages as not unread any more that still count as unread for a
/// participant. To be called before what makes them read or hidden is stored, and with at most
/// [`MAX_COUNTED`].
pub(super) async fn pass(
    db: &Db,
    member: &mut Member,
    messages: &[KnownMessage],
) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS {
        let counted = &member.counts.counted;
        let unread = messages
            .iter()
            .filter(|message| is_counted(member, message));
        let seqs: Vec<_> = unread.map(|message| message.seq).collect();
        let seqs: Vec<_> = seqs
            .into_iter()
            .filter(|seq| !counted.contains(seq))
            .collect();
        if seqs.is_empty() {
            return Ok(());
        }
        let mut filter = this(&member.conversation, &member.user);
        filter.insert("counts.joinedAt", member.counts.joined_at);
        filter.insert("counts.counted", doc! { "$nin": seqs.clone() });
        let write = db.participants.update_one(filter, passed(seqs));
        if execute(write).await?.matched_count == 1 {
            return Ok(());
        }
        // Another device of the user, or a deletion, has changed the counts meanwhile.
        let (conversation, user) = (member.conversation.clone(), member.user.clone());
        *member = self::member(db, &conversation, &user).await?;
    }
    Err(gone("participants"))
}

fn passed(seqs: Vec<i64>) -> Document {
    let each = doc! { "$each": seqs.clone(), "$slice": -MAX_LISTED };
    doc! {
        "$inc": { "counts.passed": seqs.len() as i64 },
        "$push": { "counts.counted": each },
    }
}

/// Stops counting a deleted message as unread for every active participant for whom it does.
pub(super) async fn pass_for_all(
    db: &Db,
    conversation: &ConversationId,
    message: &KnownMessage,
) -> Result<(), StoreError> {
    let read = doc! { "messageId": &message.id, "readAt": { "$ne": null } };
    let readers = all(db.receipts.find(read)).await?;
    let mut others: Vec<_> = readers.into_iter().map(|receipt| receipt.user_id).collect();
    others.push(message.sender_id.clone());
    others.extend(message.deleted_for.iter().cloned());
    let filter = doc! {
        "conversationId": conversation.as_str(),
        "status": ACTIVE,
        "userId": { "$nin": others },
        "counts.since": { "$lt": message.seq },
        "counts.counted": { "$ne": message.seq },
    };
    execute(
        db.participants
            .update_many(filter, passed(vec![message.seq])),
    )
    .await?;
    let this = doc! { "_id": &message.id };
    let counted = doc! { "$unset": { "uncounted": "" } };
    execute(db.messages.update_one(this, counted))
        .await
        .map(drop)
}

/// Finishes the deletions that ended half-way.
pub(super) async fn finish_deletions(db: &Db) -> Result<(), StoreError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Deleted {
        conversation_id: String,
        #[serde(flatten)]
        message: KnownMessage,
    }
    let uncounted = db.messages.clone_with_type::<Deleted>();
    for deleted in all(uncounted.find(doc! { "uncounted": true })).await? {
        if let Some(conversation) = ConversationId::parse(&deleted.conversation_id) {
            pass_for_all(db, &conversation, &deleted.message).await?;
        }
    }
    Ok(())
}

/// Counts a stored message for its conversation, and as not unread for its sender. All messages of a
/// conversation are counted in their order.
pub(super) async fn count_stored(
    db: &Db,
    conversation: &ConversationId,
    sender: &UserId,
    seq: i64,
    at: u64,
) -> Result<(), StoreError> {
    let id = conversation.as_str();
    let first = doc! { "_id": id, "createdBy": sender.as_str(), "createdAt": date(at) };
    // An application may have inserted participants only.
    let count = doc! {
        "$max": { "messageCount": seq, "lastMessageAt": date(at) }, "$setOnInsert": first,
    };
    let of_all = async {
        loop {
            let filter = doc! { "id": id };
            let count = db.conversations.update_one(filter, count.clone());
            // Of two concurrent upserts, one fails and then finds the document of the other.
            if unless_there(count.upsert(true)).await?.is_some() {
                return Ok(());
            }
        }
    };
    let mut filter = this(conversation, sender);
    filter.insert("counts.own", doc! { "$lt": seq });
    let pass = doc! { "$inc": { "counts.passed": 1_i64 }, "$set": { "counts.own": seq } };
    let of_sender = execute(db.participants.update_one(filter, pass));
    tokio::try_join!(of_all, of_sender).map(drop)
}
