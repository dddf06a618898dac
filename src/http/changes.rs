//! `/api/changes` and `/api/conversations/:id/changes`: what happened since a client was away.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use super::body::JsonText;
use super::caller::{Caller, only_users};
use super::change_json::ChangeJson;
use super::paging;
use super::path::PathParameters;
use super::query::Parameters;
use super::senders::Senders;
use crate::app::App;
use crate::model::Refusal;
use crate::model::conversation::{Change, ChangeNumber, ConversationId, Cursor};
use crate::payload::Opaque;
use crate::stores::conversations::StoreError;

pub(super) const AFTER: &str = "after";
pub(super) const LIMIT: &str = "limit";
/// How many changes are read by default, and at most.
const DEFAULT_LIMIT: usize = 200;
const MAX_LIMIT: usize = 1_000;

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let users = |methods| only_users(app, methods);
    Router::new()
        .route("/api/conversations/{id}/changes", users(get(of_one)))
        .route("/api/changes", users(get(of_all).post(of_all_posted)))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ChangesAnswer<'a> {
    changes: Vec<ChangeJson<'a>>,
    /// The `after` with which to go on.
    cursor: String,
    /// There are more behind it now.
    more: bool,
}

async fn of_one(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let id = ConversationId::parse(&id).ok_or(StoreError::NotParticipant)?;
    let after = cursor(query.get(AFTER), ChangeNumber::parse)?;
    let limit = limit(query.get(LIMIT))?;
    let conversations = &app.conversations;
    let read = conversations.changes_in(caller.id(), &id, after, limit);
    let (read, last) = read.await?;
    let senders = senders(&app, read.changes.iter()).await?;
    let changes = read.changes.iter();
    let client_id = id.as_client(conversations.id_type(&id).await);
    let changes = changes.filter_map(|change| ChangeJson::new(client_id, change, &senders));
    Ok(Json(ChangesAnswer {
        changes: changes.collect(),
        cursor: read.end.get().to_string(),
        more: read.end < last,
    })
    .into_response())
}

/// What is given as `after`.
pub(super) fn cursor<T>(
    given: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    let cursor = given.map(|given| parse(given).ok_or_else(|| Refusal::invalid(AFTER)));
    cursor.transpose()
}

async fn of_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    answer_all(&app, &caller, query.get(AFTER), limit(query.get(LIMIT))?).await
}

/// The same for cursors that are too long for a query.
async fn of_all_posted(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: JsonText,
) -> Result<Response, Refusal> {
    let payload = body.payload(&app.config.now())?;
    let after = payload.text(AFTER);
    if after.is_none() && payload.filled(AFTER).is_some() {
        return Err(Refusal::invalid(AFTER));
    }
    let limit = limit(payload.filled(LIMIT).and_then(Opaque::json))?;
    answer_all(&app, &caller, after.as_deref(), limit).await
}

async fn answer_all(
    app: &Arc<App>,
    caller: &Caller,
    after: Option<&str>,
    limit: usize,
) -> Result<Response, Refusal> {
    let cursor = cursor(after, Cursor::parse)?;
    let conversations = &app.conversations;
    let all = conversations
        .changes_of_all(caller.id(), cursor, limit)
        .await?;
    let senders = senders(app, all.changes.iter().map(|(_, change)| change)).await?;
    let mut changes = Vec::with_capacity(all.changes.len());
    for (id, change) in &all.changes {
        let id = id.as_client(conversations.id_type(id).await);
        changes.extend(ChangeJson::new(id, change, &senders));
    }
    Ok(Json(ChangesAnswer {
        changes,
        cursor: all.cursor.to_text(),
        more: all.more,
    })
    .into_response())
}

async fn senders<'a>(
    app: &App,
    changes: impl Iterator<Item = &'a Change>,
) -> Result<Senders, StoreError> {
    Senders::read(app, changes.filter_map(Change::message)).await
}

/// How many are wanted at most.
pub(super) fn limit(given: Option<&str>) -> Result<usize, Refusal> {
    let Some(given) = given else {
        return Ok(DEFAULT_LIMIT);
    };
    paging::at_most(given, MAX_LIMIT)
}
