//! The bounds of requests on the internal listener.

use std::time::Duration;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::connection::edge::refusal;
use crate::metrics::refusals;
use crate::model::ErrorCode;

/// How long a request may take.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Answers a request that takes too long. What it changes is changed all the same.
pub(super) async fn within_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(MAX_TIME, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let code = ErrorCode::RequestTimeout;
        refusals::of_rest(code);
        refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "Request took too long",
            code.as_str(),
        )
    })
}
