//! The HTTP side: the routes as one table, and what every request passes through. It must not
//! know events.

mod address;
mod error;
mod health;
mod origin;
mod sessions;
mod socket_io;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

pub use socket_io::{Handshake, SocketIoEdge, not_found};

use crate::dialect::Dialect;
use crate::relay::Relay;

/// All routes.
pub fn router(relay: &Arc<Relay>, edge: SocketIoEdge) -> Router {
    let serves = |dialect| relay.config.dialects.contains(&dialect);
    let sessions = serves(Dialect::Session).then(|| sessions::routes(relay));
    let rest = Router::new()
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .merge(sessions.unwrap_or_default())
        .fallback(error::unknown_route)
        .with_state(relay.clone())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid));
    let socket_io = Router::new()
        .route("/socket.io", any(socket_io::request))
        .route("/socket.io/", any(socket_io::request))
        .with_state(edge);
    origin::guard(&relay.config.allowed_origins, rest.merge(socket_io))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(axum::middleware::from_fn(socket_io::note_request))
}
