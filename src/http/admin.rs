//! `/api/admin`: what an existing backend does here, with the token of the settings.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Serialize;
use uuid::Uuid;

use super::body::{JsonText, whole};
use super::caller::Admin;
use super::message_json::ShownUser;
use super::path::Named;
use super::query::Parameters;
use super::refuse::Problem;
use super::{conversations, new_conversation};
use crate::app::App;
use crate::audit::{
    AdminAction, Event as Audited, EventType, Order, ReadLimit, Record, StoredRecord,
};
use crate::conversations::Initiator;
use crate::dialects::fields::{BadField, Fields};
use crate::model::UserId;
use crate::model::conversation::{UserChange, UserStatus};
use crate::payload::Payload;
use crate::users;

/// The longest address of a picture, in bytes; as in tokens.
const MAX_URL_BYTES: usize = 2048;

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/admin/users/{id}", put(change_user))
        .route("/api/admin/users/{id}/disconnect", post(disconnect_user))
        .route("/api/admin/conversations", post(create_conversation))
        .route("/api/admin/audit", get(audit))
}

#[derive(Serialize)]
struct OneUser<'a> {
    user: ShownUser<'a>,
}

async fn change_user(
    State(app): State<Arc<App>>,
    admin: Admin,
    Named(id): Named<String>,
    body: JsonText,
) -> Response {
    whole(async move {
        let user = UserId::parse(&id).ok_or_else(bad_user)?;
        let payload = body.payload()?;
        let change = change(&app, &payload).map_err(|bad| Problem::bad(&payload, bad))?;
        let changed = users::change_user(&app, &admin.source, &user, &change).await?;
        let user = (&changed).into();
        Ok(Json(OneUser { user }).into_response())
    })
    .await
}

fn bad_user() -> Problem {
    Problem::of_field("Missing or invalid id", "id")
}

fn change(app: &App, payload: &Payload<'_>) -> Result<UserChange, BadField> {
    const AVATAR: &str = "avatarUrl";
    const STATUS: &str = "status";
    let fields = Fields::new(payload, &app.config);
    let name = fields.given_label("name")?;
    let avatar_url = match payload.get(AVATAR) {
        None => None,
        Some(value) if value.is_blank() => Some(None),
        Some(_) => {
            let url = payload.text(AVATAR);
            let url = url.filter(|url| url.len() <= MAX_URL_BYTES);
            Some(Some(url.ok_or(BadField(Some(AVATAR)))?.into()))
        }
    };
    let status = fields.given_label(STATUS)?;
    let status = status.map(|name| UserStatus::parse(&name).ok_or(BadField(Some(STATUS))));
    Ok(UserChange {
        name: name.map(Into::into),
        avatar_url,
        status: status.transpose()?,
    })
}

#[derive(Serialize)]
struct Disconnected {
    /// Connections.
    disconnected: u64,
}

async fn disconnect_user(
    State(app): State<Arc<App>>,
    admin: Admin,
    Named(id): Named<String>,
) -> Result<Response, Problem> {
    let user = UserId::parse(&id).ok_or_else(bad_user)?;
    let disconnected = users::disconnect_user(&app, &admin.source, &user).await;
    Ok(Json(Disconnected { disconnected }).into_response())
}

async fn create_conversation(
    State(app): State<Arc<App>>,
    admin: Admin,
    body: JsonText,
) -> Response {
    whole(async move {
        let wanted = new_conversation::by_admin(&app, &body.payload()?)?;
        conversations::created(&app, Initiator::Admin(&admin.source), &wanted).await
    })
    .await
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Records {
    records: Vec<StoredRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

async fn audit(
    State(app): State<Arc<App>>,
    admin: Admin,
    Query(query): Query<Parameters>,
) -> Result<Response, Problem> {
    let found = app.audit.read(wanted(&query)?).await.map_err(|error| {
        tracing::warn!(%error, "the audit could not be read");
        Problem::failed()
    })?;
    let event = Audited::Admin {
        action: AdminAction::AuditRead,
        recipient: None,
        conversation_id: None,
        count: Some(found.records.len() as u64),
    };
    app.audit.record(Record::new(&admin.source, None, event));
    let last = found.records.last().filter(|_| found.more);
    let next_cursor = last.map(|record| record.id.to_string());
    Ok(Json(Records {
        records: found.records,
        next_cursor,
    })
    .into_response())
}

/// Which records are wanted. Times are ISO 8601, or milliseconds since the epoch.
fn wanted(query: &Parameters) -> Result<crate::audit::Query, Problem> {
    let given = |name| query.get(name);
    let bad = |field| move || Problem::bad_parameter(field);
    let event = given("event").map(|name| EventType::parse(name).ok_or_else(bad("event")));
    let time = |name| given(name).map(|text| millis(text).ok_or_else(bad(name)));
    let cursor = given("cursor").map(|text| Uuid::parse_str(text).ok().ok_or_else(bad("cursor")));
    let limit = given("limit").map(|text| {
        let limit = text.parse().ok().and_then(ReadLimit::new);
        limit.ok_or_else(bad("limit"))
    });
    Ok(crate::audit::Query {
        user: given("user").map(Into::into),
        event: event.transpose()?,
        from: time("from").transpose()?,
        to: time("to").transpose()?,
        order: Order::NewestFirst,
        after: cursor.transpose()?,
        limit: limit.transpose()?.unwrap_or_default(),
    })
}

fn millis(text: &str) -> Option<i64> {
    let iso = || Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond());
    text.parse().ok().or_else(iso)
}
