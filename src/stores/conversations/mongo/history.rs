//! Reading the history of a conversation, page by page.

use mongodb::bson::{Document, doc};

use super::collections::{each, execute};
use super::db::Db;
use super::documents::{MessageDocument, text_of};
use super::members::member;
use super::newest::newest;
use crate::model::UserId;
use crate::model::conversation::{
    ConversationId, Message, MessageId, Page, PageLimit, Slice, Window,
};
use crate::stores::conversations::error::StoreError;

/// The filter for messages of a conversation that a user has not hidden.
fn visible(conversation: &ConversationId, user: &UserId) -> Document {
    doc! { "conversationId": conversation.as_str(), "deletedFor": { "$ne": user.as_str() } }
}

pub(super) async fn page(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    window: Window,
    limit: PageLimit,
) -> Result<Page, StoreError> {
    member(db, conversation, user).await?;
    let mut range = Document::new();
    for (bound, id) in [("$gt", window.after), ("$lt", window.before)] {
        range.extend(id.map(|id: MessageId| (bound.to_owned(), text_of(id.uuid()).into())));
    }
    let mut filter = visible(conversation, user);
    if !range.is_empty() {
        filter.insert("id", range);
    }
    let oldest_first = window.after.is_some();
    let direction = if oldest_first { 1 } else { -1 };
    let order = doc! { "id": direction };
    let mut page = read(db, filter, order, 0, limit).await?;
    if !oldest_first {
        page.messages.reverse();
    }
    Ok(page)
}

pub(super) async fn slice(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    offset: u64,
    limit: PageLimit,
) -> Result<Slice, StoreError> {
    member(db, conversation, user).await?;
    let last = newest(db, conversation)
        .await?
        .map_or(0, |message| message.seq);
    let hidden = doc! { "deletedFor": user.as_str(), "conversationId": conversation.as_str() };
    let hidden = execute(db.messages.count_documents(hidden)).await?;
    let total = u64::try_from(last).unwrap_or(0).saturating_sub(hidden);
    let order = doc! { "seq": 1 };
    let mut filter = visible(conversation, user);
    // They are numbered without gaps, so the first ones need not be walked through.
    let skip = match (offset < total, hidden) {
        (false, _) => {
            let messages = Vec::new();
            return Ok(Slice { messages, total });
        }
        (true, 0) => {
            filter.insert("seq", doc! { "$gt": offset as i64 });
            0
        }
        (true, _) => offset,
    };
    let messages = read(db, filter, order, skip, limit).await?.messages;
    Ok(Slice { messages, total })
}

/// Reads document by document, until the page is full.
async fn read(
    db: &Db,
    filter: Document,
    order: Document,
    skip: u64,
    limit: PageLimit,
) -> Result<Page, StoreError> {
    let one_more = limit.get() + 1;
    let find = db
        .messages
        .find(filter)
        .sort(order)
        .skip(skip)
        .limit(one_more as i64);
    let mut messages: Vec<Message> = Vec::new();
    let mut failure = None;
    let (mut bytes, mut more) = (0, false);
    each(find, |document: MessageDocument| {
        let message = match document.message() {
            Ok(message) => message,
            Err(error) => {
                failure = Some(error);
                return false;
            }
        };
        bytes += message.size();
        let is_full = messages.len() == limit.get() || bytes > PageLimit::MAX_BYTES;
        more = is_full && !messages.is_empty();
        if !more {
            messages.push(message);
        }
        !more
    })
    .await?;
    match failure {
        Some(error) => Err(error),
        None => Ok(Page { messages, more }),
    }
}
