//! `/api/messages`: reading, by keyset or, as `feed` does, by position.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::caller::Caller;
use super::change_json::ChangeJson;
use super::chat_history::{self, Counted};
use super::history_query::{after, before, conversation_of, limit};
use super::marks::{Marks, MarksJson};
use super::message_form::Form;
use super::paging;
use super::path::PathParameters;
use super::query::Parameters;
use super::senders::Senders;
use crate::app::App;
use crate::dialects::{chat, conversation, feed};
use crate::model::Refusal;
use crate::model::conversation::{
    Change, ClientId, ConversationId, Message, MessageId, Page, PageLimit, Slice, Window,
};
use crate::stores::conversations::StoreError;

/// A part of a history, with what else is said of it.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "HistoryPage")]
#[serde(rename_all = "camelCase")]
pub(super) struct PageOf<'a, T> {
    messages: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<MessageId>,
    /// What else happened since, if that was asked for and is not too much.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<ChangeJson<'a>>>,
    /// The `after` with which to go on when more has happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    #[serde(flatten)]
    marks: MarksJson<'a>,
}

/// The same by its place.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HistorySlice")]
pub(super) struct SliceOf<'a, T> {
    messages: Vec<T>,
    pagination: Pagination,
    #[serde(flatten)]
    marks: MarksJson<'a>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Pagination {
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
    page_of(&app, &caller, (form, id), &query).await
}

/// `GET /api/conversations/:id/messages`
pub(super) async fn page_in(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    page_of(&app, &caller, (Form::Conversation, &id), &query).await
}

async fn page_of(
    app: &App,
    caller: &Caller,
    (form, id): (Form, &str),
    query: &Parameters,
) -> Result<Response, Refusal> {
    let window = Window {
        after: after(query)?,
        before: before(query)?,
    };
    let limit = limit(query)?;
    let offset = match form {
        Form::Chat => chat_history::offset(query, window)?,
        _ => None,
    };
    let refusal = |error| form.refusal(error);
    let id = ConversationId::parse(id).ok_or_else(|| refusal(StoreError::NotParticipant))?;
    let read = read_page(app, caller, &id, (window, offset, limit)).await;
    let (page, window) = match read {
        Ok(Some(read)) => read,
        // Only who counts from the newest message can have gone past all.
        Ok(None) => {
            let counted = Counted::read(app, caller, &id, 0, (limit, offset)).await;
            return Ok(in_chat(counted.map_err(refusal)?, PageOf::<()>::default()));
        }
        Err(StoreError::NotParticipant) if is_invited(app, caller, &id).await? => {
            return Ok(nothing(form, (limit, offset)));
        }
        Err(error) => return Err(refusal(error)),
    };
    let of = (form, (limit, offset));
    answer(app, caller, &id, (&page, window), of).await
}

/// The answer with a page.
async fn answer(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
    (page, window): (&Page, Window),
    (form, counts): (Form, (PageLimit, Option<u64>)),
) -> Result<Response, Refusal> {
    let beside = match (window.after, window.before) {
        (Some(_), None) => changes_beside(app, caller, id, page).await?,
        _ => None,
    };
    let senders = Senders::read(app, messages_of(page, beside.as_deref())).await?;
    let marks = Marks::read(app, id, caller.id(), &page.messages).await?;
    let client_id = id.as_client(app.conversations.id_type(id).await);
    let parts = PageParts {
        page,
        window,
        beside: beside.as_deref(),
        client_id,
        senders: &senders,
        marks: &marks,
    };
    if form == Form::Chat {
        let count = page.messages.len();
        let counted = Counted::read(app, caller, id, count, counts).await;
        let mut answer = parts.page_of(|message| {
            chat::MessageJson::new(client_id, message, senders.person_of(message))
        });
        if counts.1.is_some() {
            answer.messages.reverse();
        }
        return Ok(in_chat(
            counted.map_err(|error| form.refusal(error))?,
            answer,
        ));
    }
    let answer = parts
        .page_of(|message| conversation::MessageJson::new(client_id, message, senders.of(message)));
    Ok(Json(answer).into_response())
}

/// Reads a page, and the window that it is of. `None`: there is nothing behind the offset.
async fn read_page(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
    (window, offset, limit): (Window, Option<u64>, PageLimit),
) -> Result<Option<(Page, Window)>, StoreError> {
    let window = match offset {
        Some(offset) => chat_history::behind_newest(app, caller, id, offset).await?,
        None => Some(window),
    };
    let Some(window) = window else {
        return Ok(None);
    };
    let messages = &app.conversations.stores().messages;
    let page = messages.page(id, caller.id(), window, limit).await?;
    Ok(Some((page, window)))
}

/// What an answer with a page is made of.
struct PageParts<'a> {
    page: &'a Page,
    window: Window,
    beside: Option<&'a [Change]>,
    client_id: ClientId<'a>,
    senders: &'a Senders,
    marks: &'a Marks,
}

impl<'a> PageParts<'a> {
    fn page_of<T>(&self, message: impl Fn(&'a Message) -> T) -> PageOf<'a, T> {
        let page = self.page;
        let next = match self.window.after {
            Some(_) => page.messages.last(),
            None => page.messages.first(),
        };
        let is_newest = self.window.before.is_none();
        let changes = self.beside.map(|changes| {
            let changes = changes.iter();
            let change = |change| ChangeJson::new(self.client_id, change, self.senders);
            changes.filter_map(change).collect()
        });
        PageOf {
            messages: page.messages.iter().map(message).collect(),
            next_cursor: next.filter(|_| page.more).map(|message| message.id),
            changes,
            cursor: is_newest.then(|| page.end.get().to_string()),
            marks: self.marks.into(),
        }
    }
}

/// The answer to who is invited.
fn nothing(form: Form, counts: (PageLimit, Option<u64>)) -> Response {
    let none = PageOf::<()>::default();
    match form {
        Form::Chat => in_chat(Counted::none(0, counts), none),
        _ => Json(none).into_response(),
    }
}

/// The answer in the form of `chat`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HistoryInChat")]
pub(super) struct InChat<'a, T> {
    #[serde(flatten)]
    counted: Counted,
    #[serde(flatten)]
    page: PageOf<'a, T>,
}

fn in_chat<T: Serialize>(counted: Counted, page: PageOf<'_, T>) -> Response {
    Json(InChat { counted, page }).into_response()
}

/// `GET /api/messages/:conversation_id`
pub(super) async fn slice(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let refusal = |error| Form::Feed.refusal(error);
    let id = ConversationId::parse(&id).ok_or_else(|| refusal(StoreError::NotParticipant))?;
    let limit = limit(&query)?;
    let offset = paging::offset(&query)?.unwrap_or(0);
    caller.pass_over(offset).await;
    let stores = app.conversations.stores();
    let slice = stores.messages.slice(&id, caller.id(), offset, limit);
    let slice = match slice.await {
        Err(StoreError::NotParticipant) if is_invited(&app, &caller, &id).await? => Slice {
            messages: Vec::new(),
            total: 0,
        },
        slice => slice.map_err(refusal)?,
    };
    let senders = Senders::read(&app, &slice.messages).await?;
    let marks = Marks::read(&app, &id, caller.id(), &slice.messages).await?;
    let client_id = id.as_client(app.conversations.id_type(&id).await);
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
        marks: (&marks).into(),
    })
    .into_response())
}

/// Who is invited reads that there is nothing: clients read before they join.
async fn is_invited(app: &App, caller: &Caller, id: &ConversationId) -> Result<bool, StoreError> {
    let invitation = app.conversations.invitation(caller.id(), id).await?;
    Ok(invitation.is_some())
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

/// What happened besides the messages of a page, since it begins.
async fn changes_beside(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
    page: &Page,
) -> Result<Option<Vec<Change>>, StoreError> {
    let conversations = &app.conversations;
    conversations.changes_beside(caller.id(), id, page).await
}

/// All messages of an answer.
fn messages_of<'a>(
    page: &'a Page,
    beside: Option<&'a [Change]>,
) -> impl Iterator<Item = &'a Message> {
    let changed = beside.into_iter().flatten().filter_map(Change::message);
    page.messages.iter().chain(changed)
}
