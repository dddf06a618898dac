//! `/api/users/me/blocked`: whom a user has blocked. Nobody else is told.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;

use super::body::run_to_end;
use super::caller::{Caller, only_users};
use super::changes::{LIMIT, limit};
use super::paging;
use super::path::PathParameters;
use super::query::Parameters;
use crate::app::App;
use crate::model::{Block, ClientUserId, Refusal, UserId, Why, clock};

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let one = get(show).put(block).delete(unblock);
    Router::new()
        .route("/api/users/me/blocked", only_users(app, get(list)))
        .route("/api/users/me/blocked/{id}", only_users(app, one))
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockJson<'a> {
    user_id: ClientUserId<'a>,
    /// ISO 8601.
    since: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct BlockAnswer<'a> {
    blocked: Option<BlockJson<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BlockedUsers")]
#[serde(rename_all = "camelCase")]
pub(super) struct ListAnswer<'a> {
    blocked: Vec<BlockJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
}

impl<'a> From<&'a Block> for BlockJson<'a> {
    fn from(block: &'a Block) -> Self {
        Self {
            user_id: block.blocked.as_client(),
            since: clock::iso_ms(block.since),
        }
    }
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let after = paging::cursor(&query, UserId::parse)?;
    let limit = limit(query.get(LIMIT))?;
    let store = app.blocking.store();
    let mut listed = store.list(caller.id(), after.as_ref(), limit + 1).await?;
    let has_more = listed.len() > limit;
    listed.truncate(limit);
    let next_cursor = listed.last().filter(|_| has_more);
    let answer = ListAnswer {
        blocked: listed.iter().map(Into::into).collect(),
        next_cursor: next_cursor.map(|last| last.blocked.as_str()),
    };
    Ok(Json(answer).into_response())
}

async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
) -> Result<Response, Refusal> {
    let other = known(&id)?;
    let found = app.blocking.store().find(caller.id(), &other).await?;
    let found = found.ok_or(Refusal::new(Why::NotBlocked))?;
    Ok(answer(Some(&found)))
}

async fn block(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        let other = UserId::parse(&id).ok_or_else(|| Refusal::invalid("id"))?;
        let (block, is_new) = app.blocking.block(caller.acts(None), &other).await?;
        let status = match is_new {
            true => StatusCode::CREATED,
            false => StatusCode::OK,
        };
        Ok((status, answer(Some(&block))))
    })
    .await
}

async fn unblock(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        let other = known(&id)?;
        let removed = app.blocking.unblock(caller.acts(None), &other).await?;
        Ok(answer(removed.as_ref()))
    })
    .await
}

/// An id that may be in a list.
fn known(id: &str) -> Result<UserId, Refusal> {
    UserId::parse(id).ok_or(Refusal::new(Why::NotBlocked))
}

fn answer(block: Option<&Block>) -> Response {
    let blocked = block.map(Into::into);
    Json(BlockAnswer { blocked }).into_response()
}
