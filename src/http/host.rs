//! The header `Host`, which a request of HTTP/1.1 has once (RFC 9112, section 3.2). What it names is not
//! looked at.

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{StatusCode, Version};
use axum::response::Response;

use crate::connection::edge::refusal;
use crate::metrics::refusals;
use crate::model::ErrorCode;

/// The refusal of a request that a proxy and this server could read differently.
pub(super) fn refused(request: &Request) -> Option<Response> {
    let hosts = request.headers().get_all(HOST).iter().count();
    let is_missing = hosts == 0 && request.version() == Version::HTTP_11;
    (is_missing || hosts > 1).then(|| {
        refusals::of_rest(ErrorCode::InvalidInput);
        let code = ErrorCode::InvalidInput.as_str();
        refusal(StatusCode::BAD_REQUEST, "Missing or repeated Host", code)
    })
}
