//! Errors of the HTTP server itself as bodies: `{error, code}`, and never more than that.

use std::any::Any;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::connection::edge::refusal;
use crate::metrics::refusals;
use crate::model::ErrorCode;

#[derive(Serialize, JsonSchema)]
pub(super) struct BareBody {
    error: &'static str,
}

/// An error response whose contract has no code.
pub(super) fn bare(status: StatusCode, error: &'static str) -> Response {
    (status, Json(BareBody { error })).into_response()
}

/// The answer to a path that is no endpoint.
pub(super) fn unknown_route() -> Response {
    bare(StatusCode::NOT_FOUND, "Endpoint not found")
}

/// The answer when a handler panicked. The message of the panic goes to its own log, not to the client.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    refusals::of_rest(ErrorCode::OperationFailed);
    refusal(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Internal server error",
        ErrorCode::OperationFailed.as_str(),
    )
}
