//! `/api/admin`: what an existing backend does on the relay, with the token of the settings.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::body::{JsonText, run_to_end};
use super::administrator::Admin;
use super::caller::only_for;
use super::conversation_json::{ConversationJson, UserJson};
use super::conversations::OneConversation;
use super::path::PathParameters;
use super::query::Parameters;
use super::{made_conversation, new_conversation, paging};
use crate::app::App;
use crate::audit::{
    AdminAction, Event as Audited, EventType, Order, ReadLimit, Record, StoredRecord,
};
use crate::config::{MAX_DURATION, MIN_MESSAGE_RETENTION, parse_duration};
use crate::conversations::{Initiator, KnownBy};
use crate::dialects::fields::Fields;
use crate::model::conversation::{ConversationId, UserChange, UserStatus};
use crate::model::{Refusal, Scope, UserId, Why, parse_time};
use crate::payload::Payload;

/// The longest URL of a picture, in bytes; as in tokens.
const MAX_URL_BYTES: usize = 2048;

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let of = |scope, methods| only_for::<Admin>(app, scope, methods);
    Router::new()
        .route(
            "/api/admin/users/{id}",
            of(Scope::Provision, put(change_user)),
        )
        .route(
            "/api/admin/users/{id}/disconnect",
            of(Scope::Connections, post(disconnect_user)),
        )
        .route(
            "/api/admin/conversations",
            of(Scope::Provision, post(create_conversation)),
        )
        .route(
            "/api/admin/conversations/{id}",
            of(Scope::Provision, patch(change_conversation)),
        )
        .route("/api/admin/audit", of(Scope::Audit, get(audit)))
}

#[derive(Serialize)]
struct OneUser<'a> {
    user: UserJson<'a>,
}

async fn change_user(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(id): PathParameters<String>,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let user = UserId::parse(&id).ok_or_else(bad_user)?;
        let payload = body.payload(&app.config)?;
        let change = change(&app, &payload)?;
        let changed = app
            .administration
            .change(&admin.source, &user, &change)
            .await?;
        if let Some(name) = &change.name {
            let (identity, by) = (changed.clone().into(), KnownBy::Given);
            let claimed = app.conversations.claim_pending(&identity, name, by);
            claimed.await?;
        }
        let user = (&changed).into();
        Ok(Json(OneUser { user }).into_response())
    })
    .await
}

fn bad_user() -> Refusal {
    Refusal::invalid("id")
}

/// What an administrator asks for and nobody does is a mistake that they would not notice otherwise.
fn refuse_unknown(name: Option<&str>) -> Result<(), Refusal> {
    name.map_or(Ok(()), |name| Err(Refusal::unusable_named(name)))
}

fn change(app: &App, payload: &Payload<'_>) -> Result<UserChange, Refusal> {
    const NAME: &str = "name";
    const AVATAR: &str = "avatarUrl";
    const STATUS: &str = "status";
    refuse_unknown(payload.besides(&[NAME, AVATAR, STATUS]))?;
    let fields = Fields::new(payload, &app.config);
    let name = fields.given_name(NAME)?;
    let avatar_url = match payload.get(AVATAR) {
        None => None,
        Some(value) if value.is_blank() => Some(None),
        Some(_) => {
            let url = payload.text(AVATAR);
            let url = url.filter(|url| url.len() <= MAX_URL_BYTES);
            Some(Some(url.ok_or_else(|| fields.refuse(AVATAR))?.into()))
        }
    };
    let status = fields.given_label(STATUS)?;
    let status = status.map(|name| UserStatus::parse(&name).ok_or_else(|| fields.refuse(STATUS)));
    Ok(UserChange {
        name,
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
    PathParameters(id): PathParameters<String>,
) -> Result<Response, Refusal> {
    let user = UserId::parse(&id).ok_or_else(bad_user)?;
    let disconnected = app.administration.disconnect(&admin.source, &user).await;
    Ok(Json(Disconnected { disconnected }).into_response())
}

async fn create_conversation(
    State(app): State<Arc<App>>,
    admin: Admin,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let payload = body.payload(&app.config)?;
        refuse_unknown(payload.besides(new_conversation::OF_ADMINS))?;
        let request = new_conversation::by_admin(&app, &payload)?;
        let by = Initiator::Admin(&admin.source);
        made_conversation::make_for(&app, by, &request.new.created_by, &request, || Ok(())).await
    })
    .await
}

async fn change_conversation(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(id): PathParameters<String>,
    body: JsonText,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let id = ConversationId::parse(&id).ok_or(Refusal::new(Why::ConversationNotFound))?;
        let retention = retention(&body.payload(&app.config)?)?;
        let conversations = &app.conversations;
        let changed = conversations.set_message_retention(&admin.source, &id, retention);
        let changed = changed.await?;
        let conversation = ConversationJson::new(&changed);
        Ok(Json(OneConversation { conversation }).into_response())
    })
    .await
}

/// A time that the setting may have, too, as text like there or as a number of seconds; `null` for as long as others.
fn retention(payload: &Payload<'_>) -> Result<Option<Duration>, Refusal> {
    const RETENTION: &str = "messageRetention";
    refuse_unknown(payload.besides(&[RETENTION]))?;
    let given = payload.get(RETENTION).ok_or(Refusal::invalid(RETENTION))?;
    if given.is_null() {
        return Ok(None);
    }
    let seconds = payload.count(RETENTION).map(Duration::from_secs);
    let written = || parse_duration(&payload.text(RETENTION)?).ok();
    let is_whole = |kept: &Duration| kept.subsec_nanos() == 0;
    let kept = seconds.or_else(written).filter(is_whole);
    let kept =
        kept.filter(|kept| kept.is_zero() || (MIN_MESSAGE_RETENTION..=MAX_DURATION).contains(kept));
    Ok(Some(kept.ok_or(Refusal::unusable(RETENTION))?))
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
) -> Result<Response, Refusal> {
    let page = app.audit.read(audit_query(&query)?).await;
    let page = page.map_err(Refusal::failed)?;
    let event = Audited::Admin {
        action: AdminAction::AuditRead,
        recipient: None,
        conversation_id: None,
        count: Some(page.records.len() as u64),
    };
    app.audit.record(Record::new(&admin.source, None, event));
    let last = page.records.last().filter(|_| page.more);
    let next_cursor = last.map(|record| record.id.to_string());
    Ok(Json(Records {
        records: page.records,
        next_cursor,
    })
    .into_response())
}

/// Which records are asked for: from a time on, and before another.
fn audit_query(query: &Parameters) -> Result<crate::audit::Query, Refusal> {
    const KNOWN: &[&str] = &["user", "event", "from", "to", "cursor", "limit"];
    refuse_unknown(query.besides(KNOWN))?;
    let given = |name| query.get(name);
    let bad = |field| move || Refusal::invalid(field);
    let event = given("event").map(|name| EventType::parse(name).ok_or_else(bad("event")));
    let time = |name| {
        let time = given(name).map(|text| parse_time(text).map_err(|_| bad(name)()));
        time.map(|time| time.map(Timestamp::as_millisecond))
    };
    let cursor = given("cursor").map(|text| Uuid::parse_str(text).ok().ok_or_else(bad("cursor")));
    let limit = given("limit").map(|text| {
        let limit = paging::at_most(text, ReadLimit::MAX.into())?;
        ReadLimit::new(limit as u64).ok_or_else(bad("limit"))
    });
    Ok(crate::audit::Query {
        user: given("user").map(Into::into),
        event: event.transpose()?,
        from: time("from").transpose()?,
        to: time("to").transpose()?.map(|before| before - 1),
        order: Order::NewestFirst,
        after: cursor.transpose()?,
        limit: limit.transpose()?.unwrap_or_default(),
    })
}
