//! What requests are answered with, in the words of Engine.IO's own server. It must not decide anything.

use std::borrow::Cow;

use axum::Json;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::metrics::refusals::{self, Engine};

/// An error of Engine.IO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EngineError {
    UnknownTransport,
    UnknownSession,
    BadHandshakeMethod,
    BadRequest,
    UnsupportedRevision,
}

impl EngineError {
    fn counted(self) -> Engine {
        match self {
            Self::UnknownTransport => Engine::UnknownTransport,
            Self::UnknownSession => Engine::UnknownSession,
            Self::BadHandshakeMethod => Engine::BadHandshakeMethod,
            Self::BadRequest => Engine::BadRequest,
            Self::UnsupportedRevision => Engine::UnsupportedRevision,
        }
    }

    fn written(self) -> (u8, &'static str) {
        match self {
            Self::UnknownTransport => (0, "Transport unknown"),
            Self::UnknownSession => (1, "Session ID unknown"),
            Self::BadHandshakeMethod => (2, "Bad handshake method"),
            Self::BadRequest => (3, "Bad request"),
            Self::UnsupportedRevision => (5, "Unsupported protocol version"),
        }
    }
}

#[derive(Serialize)]
struct Written {
    code: u8,
    message: Cow<'static, str>,
}

impl IntoResponse for EngineError {
    fn into_response(self) -> Response {
        refusals::of_engine(self.counted());
        let (code, message) = self.written();
        let message = message.into();
        (StatusCode::BAD_REQUEST, Json(Written { code, message })).into_response()
    }
}

pub(super) fn bad_request() -> Response {
    EngineError::BadRequest.into_response()
}

/// What is posted is larger than may be.
pub(super) fn too_large() -> Response {
    refusals::of_engine(Engine::PayloadTooLarge);
    StatusCode::PAYLOAD_TOO_LARGE.into_response()
}

/// The answer to a poll, which nobody may keep.
pub(super) fn payload(body: Vec<u8>, has_bytes: bool) -> Response {
    answer(Body::from(body), has_bytes)
}

/// The answer to what was posted.
pub(super) fn posted() -> Response {
    answer(Body::from("ok"), false)
}

fn answer(body: Body, has_bytes: bool) -> Response {
    let kind = match has_bytes {
        true => "application/octet-stream",
        false => "text/plain; charset=UTF-8",
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
