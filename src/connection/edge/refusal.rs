//! The responses to requests that are not served. It must not decide which those are.

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::connection::places::NoPlace;
use crate::metrics::refusals::{self, Engine};
use crate::model::ErrorCode;

#[derive(Serialize)]
struct RefusalBody {
    error: &'static str,
    code: &'static str,
}

/// The response to a request that is not served: `{error, code}`, and never more.
pub(crate) fn refusal(status: StatusCode, error: &'static str, code: &'static str) -> Response {
    (status, Json(RefusalBody { error, code })).into_response()
}

/// The response to a request that would make a session where its address has no place.
pub(super) fn no_place(why: NoPlace) -> Response {
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    refusals::of_engine(match why {
        NoPlace::TooOften => Engine::RateLimit,
        NoPlace::TooMany => Engine::TooManyConnections,
        NoPlace::NoMemory => Engine::ServerBusy,
    });
    let (status, error, code) = match why {
        NoPlace::TooOften => (too_many, "Rate limit exceeded", ErrorCode::RateLimit),
        NoPlace::TooMany => (
            too_many,
            "Too many connections",
            ErrorCode::TooManyConnections,
        ),
        NoPlace::NoMemory => (unavailable, "Server is busy", ErrorCode::ServerBusy),
    };
    let mut response = refusal(status, error, code.as_str());
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
