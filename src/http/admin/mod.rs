//! `/api/admin`: what an existing backend does on the relay, with a token of the settings. Each route names the scope
//! that the token needs.

pub(super) mod audit;
pub(super) mod connections;
mod conversations;
pub(super) mod import;
pub(super) mod presence;
pub(super) mod publish;
pub(super) mod reload;
pub(super) mod revocations;
pub(super) mod users;
pub(super) mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, patch, post, put};
use schemars::JsonSchema;
use serde::Serialize;

use super::administrator::Admin;
use super::caller::only_for;
use crate::app::App;
use crate::model::{Refusal, Scope, parse_time};
use crate::payload::Payload;

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let of = |scope, methods| only_for::<Admin>(app, scope, methods);
    let asked = DefaultBodyLimit::max(presence::MAX_BODY);
    Router::new()
        .route(
            "/api/admin/users/{id}",
            of(Scope::Provision, put(users::change_user)),
        )
        .route(
            "/api/admin/users/{id}/disconnect",
            of(Scope::Connections, post(users::disconnect_user)),
        )
        .route(
            "/api/admin/users/{id}/presence",
            of(Scope::Presence, get(presence::of_user)),
        )
        .route(
            "/api/admin/presence",
            of(Scope::Presence, post(presence::of_users)).layer(asked),
        )
        .route(
            "/api/admin/conversations",
            of(Scope::Provision, post(conversations::create)),
        )
        .route(
            "/api/admin/conversations/{id}",
            of(Scope::Provision, patch(conversations::change)),
        )
        .route(
            "/api/admin/conversations/{id}/presence",
            of(Scope::Presence, get(presence::in_conversation)),
        )
        .route(
            "/api/admin/connections",
            of(Scope::Connections, get(connections::list)),
        )
        .route(
            "/api/admin/connections/{id}",
            of(Scope::Connections, delete(connections::close)),
        )
        .route("/api/admin/audit", of(Scope::Audit, get(audit::read)))
        .route("/api/admin/reload", of(Scope::All, post(reload::reload)))
        .merge(of_publish_and_import(app))
        .merge(of_revocations(app))
        .merge(of_webhooks(app))
}

fn of_publish_and_import(app: &Arc<App>) -> Router<Arc<App>> {
    let of = |scope, methods| only_for::<Admin>(app, scope, methods);
    let published = DefaultBodyLimit::max(publish::max_body(&app.config.now()));
    Router::new()
        .route(
            "/api/admin/publish",
            of(Scope::Publish, post(publish::publish)).layer(published),
        )
        .route(
            "/api/admin/import",
            of(Scope::Provision, post(import::import)),
        )
}

fn of_webhooks(app: &Arc<App>) -> Router<Arc<App>> {
    let of = |methods| only_for::<Admin>(app, Scope::Webhooks, methods);
    Router::new()
        .route("/api/admin/webhooks", of(get(webhooks::list)))
        .route("/api/admin/webhooks/{name}/dead", of(get(webhooks::dead)))
        .route(
            "/api/admin/webhooks/{name}/replay",
            of(post(webhooks::replay)),
        )
        .route("/api/admin/webhooks/{name}/test", of(post(webhooks::test)))
}

fn of_revocations(app: &Arc<App>) -> Router<Arc<App>> {
    let of = |methods| only_for::<Admin>(app, Scope::Revoke, methods);
    let all = get(revocations::list).post(revocations::revoke);
    Router::new()
        .route("/api/admin/revocations", of(all))
        .route(
            "/api/admin/revocations/{id}",
            of(delete(revocations::take_back)),
        )
}

/// The answer when connections were closed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ClosedConnections")]
pub(super) struct Disconnected {
    /// How many.
    disconnected: u64,
}

/// A time in milliseconds since the epoch, if there is one; any before that is the epoch.
fn time(payload: &Payload<'_>, name: &'static str) -> Result<Option<u64>, Refusal> {
    if payload.given(name).is_none() {
        return Ok(None);
    }
    let text = payload.text(name).ok_or(Refusal::unusable(name))?;
    let time = parse_time(&text).map_err(|_| Refusal::unusable(name))?;
    Ok(Some(u64::try_from(time.as_millisecond()).unwrap_or(0)))
}

fn bad_user() -> Refusal {
    Refusal::invalid("id")
}

/// What an administrator asks for and nobody does is a mistake that they would not notice otherwise.
fn refuse_unknown(name: Option<&str>) -> Result<(), Refusal> {
    name.map_or(Ok(()), |name| Err(Refusal::unusable_named(name)))
}
