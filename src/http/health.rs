//! `GET /health`: whether the process is alive. `GET /ready`: whether it should receive clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::query::Parameters;
use crate::app::App;
use crate::model::clock;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health<'a> {
    status: &'static str,
    /// Seconds.
    uptime: u64,
    active_sessions: usize,
    /// The same number, under the name that some clients read.
    sessions: usize,
    /// ISO 8601.
    timestamp: String,
    version: &'static str,
    connections: usize,
    node: &'a str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Ready {
    status: &'static str,
    /// Several are separated by semicolons.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What an operator should know nevertheless; several are separated by semicolons.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    /// Whether each part works.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<BTreeMap<&'static str, bool>>,
}

pub(super) async fn health(State(app): State<Arc<App>>) -> Response {
    let sessions = app.sessions.count().await;
    Json(Health {
        status: "ok",
        uptime: app.started.elapsed().as_secs(),
        active_sessions: sessions,
        sessions,
        timestamp: clock::now_iso(),
        version: env!("CARGO_PKG_VERSION"),
        connections: app.connections.count(),
        node: &app.node,
    })
    .into_response()
}

pub(super) async fn ready(State(app): State<Arc<App>>) -> Response {
    readiness(&app, false).await
}

/// The same with the parts, if they are asked for.
pub(super) async fn internal_ready(
    State(app): State<Arc<App>>,
    Query(query): Query<Parameters>,
) -> Response {
    readiness(&app, query.has("verbose")).await
}

async fn readiness(app: &App, with_parts: bool) -> Response {
    let parts = Parts::of(app).await;
    let reasons = parts.problems();
    let (status, word) = match reasons.is_empty() {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    let body = Ready {
        status: word,
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
        notice: notice(app),
        parts: with_parts.then(|| parts.all().collect()),
    };
    (status, Json(body)).into_response()
}

fn notice(app: &App) -> Option<String> {
    let audit = app.audit.notice().map(str::to_owned);
    let notices: Vec<_> = audit
        .into_iter()
        .chain(app.surroundings.notices())
        .collect();
    (!notices.is_empty()).then(|| notices.join("; "))
}

/// What the relay needs, and whether it works now. What it does without is not there.
#[derive(Debug)]
pub(super) struct Parts {
    is_draining: bool,
    store: Result<(), &'static str>,
    audit: Result<(), &'static str>,
    redis: Option<Result<(), &'static str>>,
    /// Without it, tokens are verified with the keys that are known.
    key_set: Option<bool>,
    /// Without it, backends are told later.
    webhooks: Option<bool>,
}

impl Parts {
    /// Looks at all of them.
    pub(super) async fn of(app: &App) -> Self {
        let stores = app.conversations.stores();
        let failing = |error| stores.health.failing(&error);
        let redis = app.cluster.as_ref().map(|cluster| cluster.problem());
        Self {
            is_draining: app.drain.has_begun(),
            store: stores.health.check().await.map_err(failing),
            audit: app.audit.health(),
            redis: redis.map(|problem| problem.map_or(Ok(()), Err)),
            key_set: app.auth.key_set_works(),
            webhooks: app.webhooks.work(),
        }
    }

    /// The reasons why this server should not receive clients.
    fn problems(&self) -> Vec<&'static str> {
        if self.is_draining {
            return vec!["draining"];
        }
        let checks = [Some(self.store), Some(self.audit), self.redis];
        let problems = checks.into_iter().flatten();
        problems.filter_map(Result::err).collect()
    }

    /// Whether it should.
    pub(super) fn is_ready(&self) -> bool {
        self.problems().is_empty()
    }

    /// Whether each works, by its name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let parts = [
            ("store", Some(self.store.is_ok())),
            ("audit", Some(self.audit.is_ok())),
            ("redis", self.redis.map(|redis| redis.is_ok())),
            ("key_set", self.key_set),
            ("webhooks", self.webhooks),
        ];
        let there = parts.into_iter();
        there.filter_map(|(name, works)| Some((name, works?)))
    }
}
