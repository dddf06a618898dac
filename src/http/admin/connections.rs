//! The connections of clients, as a backend lists and closes them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{Disconnected, refuse_unknown};
use crate::app::App;
use crate::backend::ConnectionQuery;
use crate::cluster::ListedConnection;
use crate::http::administrator::Admin;
use crate::http::body::run_to_end;
use crate::http::paging;
use crate::http::path::PathParameters;
use crate::http::query::Parameters;
use crate::model::{Refusal, UserId, Why, clock};

/// How many are listed if none says how many.
const LISTED: usize = 100;
/// The most that are listed at once.
const MAX_LISTED: usize = 1_000;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct ConnectionJson {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    dialect: String,
    transport: String,
    connected_at: String,
    ip_address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    node: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_expires_at: Option<String>,
    backlog_bytes: u64,
}

impl From<ListedConnection> for ConnectionJson {
    fn from(listed: ListedConnection) -> Self {
        let expires = listed.token_expires_at;
        let expires = expires.map(|seconds| clock::iso_ms(seconds.saturating_mul(1000)));
        Self {
            id: listed.id,
            user: listed.user,
            dialect: listed.dialect,
            transport: listed.transport,
            connected_at: clock::iso_ms(listed.connected_at),
            ip_address: listed.address,
            user_agent: listed.user_agent,
            node: listed.node,
            token_id: listed.token_id,
            token_expires_at: expires,
            backlog_bytes: listed.backlog,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Connections {
    connections: Vec<ConnectionJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
    complete: bool,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    _: Admin,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    refuse_unknown(query.besides(&["user", "limit", "cursor"]))?;
    let user = query.get("user");
    let user = user.map(|id| UserId::parse(id).ok_or(Refusal::invalid("user")));
    let query = ConnectionQuery {
        user: user.transpose()?,
        after: paging::cursor(&query, |text| Uuid::parse_str(text).ok())?,
        limit: paging::limit_within(&query, LISTED, MAX_LISTED)?,
    };
    let (connections, is_more, complete) = app.backend.list(query).await;
    let last = connections.last().filter(|_| is_more);
    let next_cursor = last.map(|connection| connection.id);
    Ok(Json(Connections {
        connections: connections.into_iter().map(Into::into).collect(),
        next_cursor,
        complete,
    })
    .into_response())
}

pub(super) async fn close(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(id): PathParameters<String>,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let unknown = || Refusal::new(Why::ConnectionNotFound);
        let id = Uuid::parse_str(&id).map_err(|_| unknown())?;
        match app.backend.close(&admin.source, id).await {
            true => Ok(Json(Disconnected { disconnected: 1 }).into_response()),
            false => Err(unknown()),
        }
    })
    .await
}
