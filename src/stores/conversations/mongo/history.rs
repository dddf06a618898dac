//! Reading the history of a conversation, page by page.

use mongodb::bson::{Document, doc};

use super::collections::{each, execute, one};
use super::db::Db;
use super::documents::{ConversationDocument, MessageDocument, text_of};
use super::log::settled;
use super::log_range::change_number;
use super::members::member;
use super::newest::newest_of;
use crate::model::UserId;
use crate::model::conversation::{
    After, ConversationId, Message, MessageId, Page, PageLimit, Slice, Window,
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
    let since = member(db, conversation, user).await?.counts.visible_since;
    // What is stored later may be on the page as well.
    let (last, forgotten) = settled(db, conversation).await?;
    let after = match window.after {
        Some(After::Message(id)) => number_up_to(db, conversation, id).await?,
        Some(After::Change(after)) => i64::try_from(after.get()).unwrap_or(i64::MAX),
        None => 0,
    };
    let is_cursor = matches!(window.after, Some(After::Change(_)));
    if after > last || is_cursor && after < forgotten {
        return Err(StoreError::CursorExpired);
    }
    let after = after.max(since);
    let mut filter = visible(conversation, user);
    if window.after.is_some() || since > 0 {
        filter.insert("seq", doc! { "$gt": after });
    }
    if let Some(before) = window.before {
        filter.insert("id", doc! { "$lt": text_of(before.uuid()) });
    }
    let oldest_first = window.after.is_some();
    let direction = if oldest_first { 1 } else { -1 };
    let order = doc! { "seq": direction };
    let mut read = read(db, filter, order, 0, limit).await?;
    let newest = read.numbers.iter().copied().max();
    let end = match newest {
        Some(newest) if read.more && oldest_first => newest,
        newest => last.max(newest.unwrap_or(0)),
    };
    if !oldest_first {
        read.messages.reverse();
    }
    Ok(Page {
        messages: read.messages,
        more: read.more,
        after: change_number(after),
        end: change_number(end),
        forgotten: change_number(forgotten),
    })
}

/// The number of the message with this id, or if there is none, of the last one before it.
async fn number_up_to(
    db: &Db,
    conversation: &ConversationId,
    id: MessageId,
) -> Result<i64, StoreError> {
    let up_to = doc! { "$lte": text_of(id.uuid()) };
    let filter = doc! { "conversationId": conversation.as_str(), "id": up_to };
    Ok(newest_of(db, filter).await?.map_or(0, |last| last.seq))
}

pub(super) async fn slice(
    db: &Db,
    conversation: &ConversationId,
    user: &UserId,
    offset: u64,
    limit: PageLimit,
) -> Result<Slice, StoreError> {
    let since = member(db, conversation, user).await?.counts.visible_since;
    let mut hidden = doc! { "deletedFor": user.as_str(), "conversationId": conversation.as_str() };
    let mut all = doc! { "conversationId": conversation.as_str() };
    if since > 0 {
        for filter in [&mut hidden, &mut all] {
            filter.insert("seq", doc! { "$gt": since });
        }
    }
    let hidden = execute(db.messages.count_documents(hidden)).await?;
    let count = match since {
        0 => message_count(db, conversation).await?,
        _ => execute(db.messages.count_documents(all.clone())).await?,
    };
    let total = count.saturating_sub(hidden);
    if offset >= total {
        let messages = Vec::new();
        return Ok(Slice { messages, total });
    }
    // Without a condition on other fields the first ones are skipped in the index.
    if hidden > 0 {
        all.extend(visible(conversation, user));
    }
    let order = doc! { "seq": 1 };
    let messages = read(db, all, order, offset, limit).await?.messages;
    Ok(Slice { messages, total })
}

async fn message_count(db: &Db, conversation: &ConversationId) -> Result<u64, StoreError> {
    let this = doc! { "id": conversation.as_str() };
    let find = db.conversations.find_one(this);
    let found = one(find.projection(ConversationDocument::fields())).await?;
    if found.as_ref().is_some_and(|found| found.lacks_messages) {
        let stored = doc! { "conversationId": conversation.as_str() };
        return execute(db.messages.count_documents(stored)).await;
    }
    let count = found.map_or(0, |conversation| conversation.message_count);
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Messages, with the numbers by which they were sent. `more`: the page is full.
struct Read {
    messages: Vec<Message>,
    numbers: Vec<i64>,
    more: bool,
}

/// Reads document by document, until the page is full.
async fn read(
    db: &Db,
    filter: Document,
    order: Document,
    skip: u64,
    limit: PageLimit,
) -> Result<Read, StoreError> {
    let one_more = limit.get() + 1;
    let find = db
        .messages
        .find(filter)
        .sort(order)
        .skip(skip)
        .limit(one_more as i64);
    let (mut messages, mut numbers): (Vec<Message>, Vec<i64>) = Default::default();
    let mut failure = None;
    let (mut bytes, mut more) = (0, false);
    each(find, |document: MessageDocument| {
        let number = document.seq;
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
            numbers.push(number);
        }
        !more
    })
    .await?;
    match failure {
        Some(error) => Err(error),
        None => Ok(Read {
            messages,
            numbers,
            more,
        }),
    }
}
