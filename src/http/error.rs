//! Errors as HTTP bodies: `{error, code}`, and never more than that.

use std::any::Any;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Body {
    error: &'static str,
    code: &'static str,
}

/// An error response.
pub(super) fn response(status: StatusCode, error: &'static str, code: &'static str) -> Response {
    (status, Json(Body { error, code })).into_response()
}

#[derive(Serialize)]
struct BareBody {
    error: &'static str,
}

/// An error response whose contract has no code.
pub(super) fn bare(status: StatusCode, error: &'static str) -> Response {
    (status, Json(BareBody { error })).into_response()
}

pub(super) async fn unknown_route() -> Response {
    bare(StatusCode::NOT_FOUND, "Endpoint not found")
}

/// A handler panicked. What it said is for the log of the panic itself, not for the client.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    response(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Internal server error",
        "OPERATION_FAILED",
    )
}
