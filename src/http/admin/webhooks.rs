//! `/api/admin/webhooks`: the endpoints that the relay tells what happens, and what they have not taken.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::{refuse_unknown, time};
use crate::app::App;
use crate::audit::{AdminAction, Event as Audited, Record};
use crate::http::administrator::Admin;
use crate::http::body::{JsonText, OptionalJson, run_to_end};
use crate::http::paging;
use crate::http::path::PathParameters;
use crate::http::query::Parameters;
use crate::model::clock::{self, Clock as _, SystemClock};
use crate::model::{Refusal, Why};
use crate::webhooks::{AskError, DeadFact, FactId, Selection, Status, Tried};

const IDS: &str = "ids";
const FROM: &str = "from";
const TO: &str = "to";

/// The most facts that are named by their ids at once.
const MAX_IDS: usize = 1_000;
/// How many are listed if none says how many.
const LISTED: usize = 100;
/// The most that are listed at once.
const MAX_LISTED: usize = 1_000;

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Unknown => Self::new(Why::WebhookNotFound),
            AskError::Busy => Self::busy(),
            AskError::Failed(error) => Self::failed(error),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookFailure")]
pub(in crate::http) struct Failure {
    at: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Webhook {
    name: String,
    events: Vec<&'static str>,
    state: &'static str,
    pending: u64,
    oldest_pending_seconds: u64,
    dead: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<Failure>,
}

impl From<&Status> for Webhook {
    fn from(endpoint: &Status) -> Self {
        let now = endpoint.now();
        let state = match (now.is_disabled, now.is_failing()) {
            (true, _) => "disabled",
            (false, true) => "failing",
            (false, false) => "active",
        };
        let waits = |since| SystemClock.now_ms().saturating_sub(since) / 1_000;
        Self {
            name: endpoint.name.clone(),
            events: endpoint.events.names().collect(),
            state,
            pending: now.pending,
            oldest_pending_seconds: now.oldest.map_or(0, waits),
            dead: now.dead,
            last_success_at: now.succeeded.map(clock::iso_ms),
            last_failure: now.failed.map(|(at, outcome)| Failure {
                at: clock::iso_ms(at),
                outcome: outcome.as_str(),
                status: outcome.status(),
            }),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(in crate::http) struct Webhooks {
    webhooks: Vec<Webhook>,
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    _: Admin,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    refuse_unknown(query.besides(&[]))?;
    let endpoints = app.webhooks.endpoints();
    let webhooks = endpoints.iter().map(|one| Webhook::from(&**one)).collect();
    Ok(Json(Webhooks { webhooks }).into_response())
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct DeadJson {
    id: String,
    r#type: String,
    subject: String,
    occurred_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

impl From<DeadFact> for DeadJson {
    fn from(dead: DeadFact) -> Self {
        Self {
            id: dead.id.to_string(),
            r#type: dead.kind,
            subject: dead.subject,
            occurred_at: clock::iso_ms(dead.id.at_ms()),
            outcome: dead.outcome,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct DeadFacts {
    dead: Vec<DeadJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn dead(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(name): PathParameters<String>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    refuse_unknown(query.besides(&["limit", "cursor"]))?;
    let after = paging::cursor(&query, FactId::parse)?;
    let limit = paging::limit_within(&query, LISTED, MAX_LISTED)?;
    // One more says that there are more.
    let mut dead = app.webhooks.dead(&name, after, limit + 1).await?;
    let is_more = dead.len() > limit;
    dead.truncate(limit);
    record(&app, &admin, AdminAction::WebhookRead, dead.len() as u64);
    let last = dead.last().filter(|_| is_more);
    Ok(Json(DeadFacts {
        next_cursor: last.map(|last| last.id.to_string()),
        dead: dead.into_iter().map(Into::into).collect(),
    })
    .into_response())
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReplayedFacts")]
pub(in crate::http) struct Replayed {
    /// How many are told again.
    replayed: u64,
}

pub(super) async fn replay(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(name): PathParameters<String>,
    body: OptionalJson,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        let selection = selection(&body.0, &app)?;
        let replayed = app.webhooks.replay(&name, selection).await?;
        record(&app, &admin, AdminAction::WebhookReplayed, replayed);
        Ok(Json(Replayed { replayed }).into_response())
    })
    .await
}

/// Which dead facts are told again: those of the ids, or of a time; without either all.
fn selection(body: &JsonText, app: &App) -> Result<Selection, Refusal> {
    let payload = body.payload(&app.config.now())?;
    refuse_unknown(payload.besides(&[IDS, FROM, TO]))?;
    let (from, to) = (time(&payload, FROM)?, time(&payload, TO)?);
    if payload.given(IDS).is_none() {
        return Ok(Selection::Times { from, to });
    }
    let unusable = || Refusal::unusable(IDS);
    let ids = payload.texts(IDS, MAX_IDS).ok_or_else(unusable)?;
    let ids: Option<Vec<_>> = ids.iter().map(|id| FactId::parse(id)).collect();
    let ids = ids.filter(|_| from.is_none() && to.is_none());
    Ok(Selection::Ids(ids.ok_or_else(unusable)?))
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TestedWebhook")]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Tested {
    id: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    duration_seconds: f64,
}

impl From<Tried> for Tested {
    fn from(tried: Tried) -> Self {
        Self {
            id: tried.id.to_string(),
            outcome: tried.outcome.as_str(),
            status: tried.outcome.status(),
            duration_seconds: (tried.took.as_secs_f64() * 1_000.0).round() / 1_000.0,
        }
    }
}

pub(super) async fn test(
    State(app): State<Arc<App>>,
    admin: Admin,
    PathParameters(name): PathParameters<String>,
    body: OptionalJson,
) -> Response {
    run_to_end(&app.drain.clone(), async move {
        refuse_unknown(body.0.payload(&app.config.now())?.besides(&[]))?;
        let tried = app.webhooks.test(&name).await?;
        record(&app, &admin, AdminAction::WebhookTested, 1);
        Ok(Json(Tested::from(tried)).into_response())
    })
    .await
}

fn record(app: &App, admin: &Admin, action: AdminAction, count: u64) {
    let event = Audited::Admin {
        action,
        recipient: None,
        conversation_id: None,
        count: Some(count),
    };
    app.audit.record(Record::new(&admin.source, None, event));
}
