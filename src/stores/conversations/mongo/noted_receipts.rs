//! Reading receipts by a cursor, in the order of the times at which they were noted.
//!
//! Several nodes note receipts at once, and their clocks differ a little, so one may appear before others
//! that were read: what is younger than [`SETTLING_MS`] is read again. In return, noting a receipt takes
//! nothing that nodes would have to wait for each other for.

use std::collections::HashMap;

use mongodb::bson::{Bson, doc};

use super::collections::all;
use super::db::Db;
use super::documents::{KnownMessage, ReceiptDocument, date, ms};
use super::members::{Member, member};
use crate::model::UserId;
use crate::model::conversation::{ConversationId, Receipt, ReceiptCursor, ReceiptPage};
use crate::stores::conversations::error::StoreError;

/// How long a receipt may take from its time until it is stored, with the difference of clocks; in
/// milliseconds.
const SETTLING_MS: u64 = 30_000;
/// Maximum number of receipts of one millisecond that are read.
const MAX_AT_ONCE: usize = 10_000;

pub(super) async fn noted_since(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    after: Option<ReceiptCursor>,
    limit: usize,
) -> Result<ReceiptPage, StoreError> {
    let member = member(db, conversation, user).await?;
    let now = db.now();
    let settled = now.saturating_sub(SETTLING_MS);
    let Some(after) = after else {
        return Ok(ReceiptPage {
            end: ReceiptCursor::at(settled),
            ..ReceiptPage::default()
        });
    };
    if after.settled > now {
        // A clock was ahead when it was made.
        return Err(StoreError::CursorExpired);
    }
    let (found, more) = behind(db, conversation, after.read, limit).await?;
    let last = found.last().and_then(|receipt| receipt.changed_at).map(ms);
    Ok(ReceiptPage {
        end: end(after, last.filter(|_| more), settled),
        receipts: of_member(db, found, &member).await?,
        more,
    })
}

/// Where the next part begins, if it is to go on behind a receipt, or else when there are new ones.
fn end(after: ReceiptCursor, last: Option<u64>, settled: u64) -> ReceiptCursor {
    // Where something was read that has not settled, all behind that is read again.
    let is_settled = after.read == after.settled;
    let settled = match is_settled {
        true => settled.max(after.settled),
        false => after.settled,
    };
    match last {
        Some(read) => ReceiptCursor {
            read,
            settled: settled.min(read),
        },
        None => ReceiptCursor::at(settled),
    }
}

/// The receipts behind a time, all or none of each millisecond; `true` if there are more. About `limit`.
async fn behind(
    db: &Db,
    conversation: &ConversationId,
    time: u64,
    limit: usize,
) -> Result<(Vec<ReceiptDocument>, bool), StoreError> {
    let find = async |times: Bson, limit: usize| {
        let filter = doc! { "conversationId": conversation.as_str(), "changedAt": times };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let find = db.receipts.find(filter).sort(doc! { "changedAt": 1 });
        all(find.limit(limit)).await
    };
    let behind = doc! { "$gt": date(time) };
    let mut found = find(behind.into(), limit.saturating_add(1)).await?;
    let Some(last) = found.last().filter(|_| found.len() > limit) else {
        return Ok((found, false));
    };
    let last = last.changed_at;
    found.retain(|receipt| receipt.changed_at != last);
    if found.is_empty() {
        found = find(last.into(), MAX_AT_ONCE).await?;
    }
    Ok((found, true))
}

/// Those of these receipts that are of a participant's messages, or their own, of messages that they see.
async fn of_member(
    db: &Db,
    found: Vec<ReceiptDocument>,
    member: &Member,
) -> Result<Vec<Receipt>, StoreError> {
    let ids: Vec<_> = found.iter().map(|one| &*one.message_id).collect();
    let messages = db.messages.clone_with_type::<KnownMessage>();
    let messages = messages.find(doc! { "_id": { "$in": ids } });
    let messages = all(messages.projection(KnownMessage::fields())).await?;
    let messages = messages.into_iter().filter(|one| member.sees(one));
    let senders = messages.map(|one| (one.id, one.sender_id));
    let senders: HashMap<_, _> = senders.collect();
    let user = member.user.as_str();
    let receipts = found.iter().filter(|receipt| {
        let sender = senders.get(&receipt.message_id);
        sender.is_some_and(|sender| sender == user || receipt.user_id == user)
    });
    Ok(receipts.filter_map(ReceiptDocument::receipt).collect())
}
