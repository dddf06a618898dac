//! Errors as HTTP bodies: `{error, code}`, and never more than that.

use std::any::Any;
use std::convert::Infallible;

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

pub(super) use crate::connection::edge::refusal;

use crate::connection::Fallback;

#[derive(Serialize)]
struct BareBody {
    error: &'static str,
}

/// An error response whose contract has no code.
pub(super) fn bare(status: StatusCode, error: &'static str) -> Response {
    (status, Json(BareBody { error })).into_response()
}

/// What is served beside the paths of the Socket.IO library.
pub fn fallback() -> Fallback {
    let service =
        tower::service_fn(|_: Request| async { Ok::<_, Infallible>(unknown_route().await) });
    Fallback::new(service)
}

pub(super) async fn unknown_route() -> Response {
    bare(StatusCode::NOT_FOUND, "Endpoint not found")
}

/// A handler panicked. What it said is for the log of the panic itself, not for the client.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    refusal(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Internal server error",
        "OPERATION_FAILED",
    )
}
