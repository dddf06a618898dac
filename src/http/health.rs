//! `GET /health`: whether the process is alive. `GET /ready`: whether it should receive clients.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::app::App;
use crate::model::clock;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health<'a> {
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

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    /// Several are separated by semicolons.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What an operator should know nevertheless; several are separated by semicolons.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
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
    let reasons = problems(&app).await;
    let notice = notice(&app);
    if reasons.is_empty() {
        return Json(Ready {
            status: "ready",
            reason: None,
            notice,
        })
        .into_response();
    }
    let body = Ready {
        status: "not ready",
        reason: Some(reasons.join("; ")),
        notice,
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

fn notice(app: &App) -> Option<String> {
    let audit = app.audit.notice().map(str::to_owned);
    let notices: Vec<_> = audit
        .into_iter()
        .chain(app.surroundings.notices())
        .collect();
    (!notices.is_empty()).then(|| notices.join("; "))
}

/// The reasons why this server should not receive clients.
async fn problems(app: &App) -> Vec<&'static str> {
    if app.drain.has_begun() {
        return vec!["draining"];
    }
    let stores = app.conversations.stores();
    let failure = stores.health.check().await.err();
    let checks = [
        failure.map(|error| stores.health.failing(&error)),
        app.audit.health().err(),
        app.cluster.as_ref().and_then(|cluster| cluster.problem()),
    ];
    checks.into_iter().flatten().collect()
}
