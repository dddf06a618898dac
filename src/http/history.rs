//! `/api/messages`: reading, by keyset or, as `feed` does, by position.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::caller::Caller;
use super::message_form::{CHAT_ID, CONVERSATION_ID, Form};
use super::path::PathParameters;
use super::query::Parameters;
use crate::app::App;
use crate::dialects::conversation::{self, UserJson};
use crate::dialects::{chat, feed};
use crate::model::conversation::{
    ConversationId, IdType, Message, MessageId, PageLimit, Slice, UserRecord, Window,
};
use crate::model::{Refusal, UserId};
use crate::stores::conversations::StoreError;

/// How many messages are read by default.
const DEFAULT_LIMIT: u64 = 50;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageOf<T> {
    messages: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<MessageId>,
}

#[derive(Serialize)]
struct SliceOf<T> {
    messages: Vec<T>,
    pagination: Pagination,
}

#[derive(Serialize)]
struct Pagination {
    total: u64,
    limit: usize,
    offset: u64,
}

/// `GET /api/messages`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let (form, id) = conversation_of(&query)?;
    let window = Window {
        after: cursor(&query, "after")?,
        before: cursor(&query, "before")?,
    };
    let _permit = caller.read_permit().await?;
    let refusal = |error| form.refusal(error);
    let id = ConversationId::parse(id).ok_or_else(|| refusal(StoreError::NotParticipant))?;
    let stores = app.conversations.stores();
    let page = stores
        .messages
        .page(&id, caller.id(), window, limit(&query)?);
    let page = page.await.map_err(refusal)?;
    let next = match window.after {
        Some(_) => page.messages.last(),
        None => page.messages.first(),
    };
    let next_cursor = next.filter(|_| page.more).map(|message| message.id);
    let client_id = id.as_client(IdType::Text);
    if form == Form::Chat {
        let messages = page.messages.iter();
        let messages = messages
            .map(|message| chat::MessageJson::new(client_id, message))
            .collect();
        return Ok(Json(PageOf {
            messages,
            next_cursor,
        })
        .into_response());
    }
    let senders = Senders::read(&app, &page.messages).await?;
    let messages = page.messages.iter();
    let messages = messages
        .map(|message| conversation::MessageJson::new(client_id, message, senders.of(message)))
        .collect();
    Ok(Json(PageOf {
        messages,
        next_cursor,
    })
    .into_response())
}

/// `GET /api/messages/:conversation_id`
pub(super) async fn slice(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let _permit = caller.read_permit().await?;
    let refusal = |error| Form::Feed.refusal(error);
    let id = ConversationId::parse(&id).ok_or_else(|| refusal(StoreError::NotParticipant))?;
    let limit = limit(&query)?;
    let offset = match query.get("offset") {
        Some(offset) => offset.parse().map_err(|_| Refusal::invalid("offset"))?,
        None => 0,
    };
    let stores = app.conversations.stores();
    let slice = stores.messages.slice(&id, caller.id(), offset, limit);
    let slice = slice.await.map_err(refusal)?;
    let senders = Senders::read(&app, &slice.messages).await?;
    let client_id = id.as_client(IdType::Text);
    let messages = slice.messages.iter();
    let messages = messages
        .map(|message| feed::MessageJson::new(client_id, message, senders.name_of(message)));
    Ok(Json(SliceOf {
        messages: messages.collect::<Vec<_>>(),
        pagination: Pagination {
            total: slice.total,
            limit: answered_limit(&slice, offset, limit),
            offset,
        },
    })
    .into_response())
}

/// What clients add to their offset for the next page: a page that ended early, being large, has a
/// smaller limit than was requested.
fn answered_limit(slice: &Slice, offset: u64, limit: PageLimit) -> usize {
    let found = slice.messages.len();
    let ended_early = found > 0 && offset + (found as u64) < slice.total;
    match ended_early {
        true => found,
        false => limit.get(),
    }
}

/// The conversation that is read, and in which form.
fn conversation_of(query: &Parameters) -> Result<(Form, &str), Refusal> {
    match (query.get(CONVERSATION_ID), query.get(CHAT_ID)) {
        (Some(id), None) => Ok((Form::Conversation, id)),
        (None, Some(id)) => Ok((Form::Chat, id)),
        _ => Err(Refusal::invalid(CONVERSATION_ID)),
    }
}

fn limit(query: &Parameters) -> Result<PageLimit, Refusal> {
    let limit = match query.get("limit") {
        Some(limit) => limit.parse().map_err(|_| Refusal::invalid("limit"))?,
        None => DEFAULT_LIMIT,
    };
    PageLimit::new(limit).ok_or_else(|| Refusal::invalid("limit"))
}

fn cursor(query: &Parameters, name: &'static str) -> Result<Option<MessageId>, Refusal> {
    let given = query.get(name);
    let parse = |given: &str| MessageId::parse(given).ok_or_else(|| Refusal::invalid(name));
    given.map(parse).transpose()
}

/// The senders of the messages of a page, as far as they are known.
struct Senders(HashMap<UserId, UserRecord>);

impl Senders {
    async fn read(app: &App, messages: &[Message]) -> Result<Self, StoreError> {
        let senders: HashSet<_> = messages.iter().map(|one| one.sender.clone()).collect();
        let senders: Vec<_> = senders.into_iter().collect();
        let known = app.conversations.stores().users.find_all(&senders).await?;
        Ok(Self(
            known
                .into_iter()
                .map(|user| (user.id.clone(), user))
                .collect(),
        ))
    }

    fn of<'a>(&'a self, message: &'a Message) -> UserJson<'a> {
        UserJson::new(&message.sender, self.0.get(&message.sender))
    }

    fn name_of<'a>(&'a self, message: &'a Message) -> &'a str {
        let sender = self.0.get(&message.sender);
        sender.map_or(message.sender.as_str(), |sender| &sender.name)
    }
}
