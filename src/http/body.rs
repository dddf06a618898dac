//! The body of a request, and doing the whole of what it asks for.

use std::future::Future;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::refuse::Problem;
use crate::model::ErrorCode;
use crate::payload::{Malformed, Payload};

/// A body of JSON text, not yet looked into.
#[derive(Debug)]
pub(super) struct JsonText(Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonText {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Content-Type must be application/json",
                ErrorCode::UnsupportedMediaType,
            ));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "Request too large",
                ErrorCode::PayloadTooLarge,
            ),
            _ => malformed(),
        })?;
        Ok(Self(bytes))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    value.is_some_and(|value| {
        let name = value.split(';').next().unwrap_or_default().trim();
        let name = name.to_ascii_lowercase();
        name == "application/json" || name.starts_with("application/") && name.ends_with("+json")
    })
}

fn malformed() -> Problem {
    let code = ErrorCode::InvalidInput;
    Problem::new(StatusCode::BAD_REQUEST, "Body is not valid JSON", code)
}

impl JsonText {
    /// How many bytes it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Its fields.
    pub(super) fn payload(&self) -> Result<Payload<'_>, Problem> {
        let text = std::str::from_utf8(&self.0).map_err(|_| malformed())?;
        Payload::of_object(text).map_err(|error| match error {
            Malformed::NotAnObject => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Problem::new(status, "Body must be an object", ErrorCode::InvalidInput)
            }
            Malformed::NotAnEvent | Malformed::BadAttachment => malformed(),
        })
    }
}

/// Does all of it, also when the client does not wait for the answer: what is kept must be told.
pub(super) async fn whole<T>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Response
where
    T: IntoResponse + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(Ok(response)) => response.into_response(),
        Ok(Err(problem)) => problem.into_response(),
        Err(error) => {
            tracing::error!(%error, "a request handler ended early");
            Problem::failed().into_response()
        }
    }
}
