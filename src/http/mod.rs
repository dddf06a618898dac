//! The HTTP side: the routes as one table, and what every request passes through. It must not
//! know events.

mod admin;
mod administrator;
mod answer;
mod blocked;
mod body;
mod caller;
mod change_json;
mod changes;
mod chat_history;
mod chat_json;
mod chats;
mod client_files;
mod conversation_answer;
mod conversation_json;
mod conversations;
mod cookies;
mod docs;
mod error;
mod feed_participants;
mod headers;
mod health;
mod history;
mod history_query;
mod host;
mod internal;
mod known_message;
mod made_conversation;
mod marks;
mod message_form;
mod messages;
mod metrics;
mod new_conversation;
mod observe;
mod openapi;
mod origin;
mod pace;
mod paging;
mod participants;
mod participants_request;
mod path;
mod proxies;
mod query;
mod read_marks;
mod receipts;
mod recent;
mod refuse;
mod refused_origins;
mod routes;
mod senders;
mod served;
mod sessions;
mod sockets;
mod traced;

pub(crate) use client_files::ClientFiles;
pub(crate) use docs::{asyncapi_text, openapi_text};
pub(crate) use served::Served;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_response_with_state};
use axum::response::Response;
use axum::routing::get;

use crate::model::Dialect;
use crate::model::conversation::ConversationDialect;

use crate::app::App;
use crate::connection::SocketIoEdge;
use origin::Pages;
use sockets::Sockets;

async fn unknown_route() -> Response {
    error::unknown_route()
}

/// What is served on the address of clients.
pub(crate) fn served(
    app: &Arc<App>,
    edge: SocketIoEdge,
    client_files: Option<ClientFiles>,
) -> Served {
    let serves = |dialect| app.config.now().dialects.contains(&dialect);
    let sessions = serves(Dialect::Session).then(|| sessions::routes(app));
    let conversations = ConversationDialect::are_in(&app.config.now().dialects).then(|| {
        let routes = conversations::routes(app).merge(messages::routes(app));
        let routes = routes.merge(chats::routes(app));
        routes
            .merge(changes::routes(app))
            .merge(receipts::routes(app))
            .merge(recent::routes(app))
            .merge(read_marks::routes(app))
            .merge(participants::routes(app))
    });
    let blocks = conversations.is_some() || serves(Dialect::Direct);
    let blocks = blocks.then(|| blocked::routes(app));
    let is_admin_here = app.config.now().internal_listen.is_none() || app.config.now().admin_public;
    let admin = is_admin_here.then(|| admin::routes(app));
    let metrics = metrics::public(app).map(|scrape| Router::new().route("/metrics", scrape));
    let docs = app.config.now().api_docs.then(docs::routes);
    let client_files = client_files.map(client_files::routes);
    let rest = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .merge(client_files.unwrap_or_default())
        .merge(docs.unwrap_or_default())
        .merge(sessions.unwrap_or_default())
        .merge(conversations.unwrap_or_default())
        .merge(blocks.unwrap_or_default())
        .merge(admin.unwrap_or_default())
        .merge(metrics.unwrap_or_default());
    let pages = Pages::of(app);
    let rest = with_refusals(app, rest).layer(pages.cors());
    let sockets = Sockets::new(edge, Some(&pages));
    Served::new(app, rest, Some(sockets), Some(pages))
}

/// What is served on the internal address: probes, metrics and those of administrators, with no web page in mind. Sockets are
/// those of administrators, too, and may take their time.
pub(crate) fn served_internally(app: &Arc<App>, edge: &SocketIoEdge) -> Served {
    let rest = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::internal_ready))
        .route("/metrics", metrics::open())
        .merge(docs::routes())
        .merge(admin::routes(app));
    let rest = with_refusals(app, rest).layer(from_fn(internal::within_time));
    let has_sockets = app.config.now().admin_ui;
    let sockets = has_sockets.then(|| Sockets::new(edge.internal(), None));
    Served::new(app, rest, sockets, None)
}

/// Routes, with what is refused of requests to them.
fn with_refusals(app: &Arc<App>, routes: Router<Arc<App>>) -> Router {
    routes
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_route)
        .with_state(app.clone())
        .layer(from_fn_with_state(app.clone(), refuse::refuse_unrecorded))
        .layer(map_response_with_state(
            app.clone(),
            refuse::set_expired_status,
        ))
        .layer(from_fn(refuse::name_failures))
        .layer(from_fn(observe::note_route))
}
