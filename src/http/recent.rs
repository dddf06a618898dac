//! `/api/messages/recent/all`: the newest messages of all conversations of a user, in the form of `feed`, for its
//! deployed clients. It must not read more of a conversation than it may answer.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use super::caller::{Caller, only_users};
use super::paging;
use super::query::Parameters;
use super::senders::Senders;
use crate::app::App;
use crate::dialects::feed;
use crate::model::conversation::{IdType, Message, PageLimit, Window};
use crate::model::{Refusal, UserId};
use crate::stores::conversations::StoreError;

/// How many messages are answered by default.
const DEFAULT_LIMIT: usize = 20;
/// The most of them, and the most conversations that are read for it.
const MAX_LIMIT: usize = 50;

/// The route.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let read = only_users(app, get(recent));
    Router::new().route("/api/messages/recent/all", read)
}

#[derive(Serialize, JsonSchema)]
pub(super) struct RecentAnswer<'a> {
    messages: Vec<feed::MessageJson<'a>>,
}

async fn recent(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let limit = paging::limit_within(&query, DEFAULT_LIMIT, MAX_LIMIT)?;
    let newest = newest(&app, caller.id(), limit).await?;
    let senders = Senders::read(&app, newest.iter().map(|(message, _)| message)).await?;
    let messages = newest.iter().map(|(message, id_type)| {
        let id = message.conversation.as_client(*id_type);
        feed::MessageJson::new(id, message, senders.name_of(message))
    });
    Ok(Json(RecentAnswer {
        messages: messages.collect(),
    })
    .into_response())
}

/// The newest messages, the newest first, each with the JSON type of the id of its conversation.
async fn newest(
    app: &App,
    user: &UserId,
    limit: usize,
) -> Result<Vec<(Message, IdType)>, StoreError> {
    let stores = app.conversations.stores();
    let list = stores.conversations.list_for(user, None, limit).await?;
    let page_limit = PageLimit::new(limit as u64).unwrap_or(PageLimit::MAX);
    let mut newest: Vec<(Message, IdType)> = Vec::new();
    for listed in list.conversations {
        let conversation = listed.conversation;
        let oldest = newest.get(limit - 1).map(|(message, _)| message.created_at);
        if oldest.is_some_and(|oldest| conversation.last_message_at < oldest) {
            break;
        }
        let all = Window {
            after: None,
            before: None,
        };
        let page = stores
            .messages
            .page(&conversation.id, user, all, page_limit);
        let messages = match page.await {
            Ok(page) => page.messages,
            // Who has left meanwhile.
            Err(StoreError::NotParticipant) => continue,
            Err(error) => return Err(error),
        };
        newest.extend(messages.into_iter().map(|one| (one, conversation.id_type)));
        newest.sort_unstable_by_key(|(message, _)| Reverse((message.created_at, message.id)));
        newest.truncate(limit);
        cut(&mut newest);
    }
    Ok(newest)
}

/// Leaves out the oldest that exceed the size of a page.
fn cut(newest: &mut Vec<(Message, IdType)>) {
    let mut size = 0;
    let fitting = newest.iter().take_while(|(message, _)| {
        size += message.size();
        size <= PageLimit::MAX_BYTES
    });
    let fitting = fitting.count().max(1);
    newest.truncate(fitting);
}
