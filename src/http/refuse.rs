//! What is wrong with a request, as its answer says it and as it is recorded.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{Extensions, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error;
use crate::app::App;
use crate::audit::{Event, Record, Source};
use crate::dialects::fields::BadField;
use crate::model::ErrorCode;
use crate::payload::Payload;
use crate::stores::conversations::StoreError;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    error: Cow<'static, str>,
    code: ErrorCode,
    field: Option<&'static str>,
    /// Seconds after which it may go better.
    retry_after: Option<u16>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
}

/// The answer when the server failed: nothing but what finds it in the log.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailedBody<'a> {
    error: &'static str,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

const REQUEST_ID: &str = "x-request-id";
const UNKNOWN_ROUTE: &str = "Endpoint not found";

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        error: impl Into<Cow<'static, str>>,
        code: ErrorCode,
    ) -> Self {
        Self {
            status,
            error: error.into(),
            code,
            field: None,
            retry_after: None,
        }
    }

    /// Something that is wrong with one field.
    pub(super) fn of_field(error: &'static str, field: &'static str) -> Self {
        Self {
            field: Some(field),
            ..Self::new(StatusCode::BAD_REQUEST, error, ErrorCode::InvalidInput)
        }
    }

    /// A parameter of the query that is missing or not what it has to be.
    pub(super) fn bad_parameter(name: &'static str) -> Self {
        Self {
            field: Some(name),
            ..Self::new(
                StatusCode::BAD_REQUEST,
                format!("Missing or invalid {name}"),
                ErrorCode::InvalidInput,
            )
        }
    }

    /// A field that is not what it has to be. One that is there at all was understood, and yet is
    /// of no use.
    pub(super) fn bad(payload: &Payload<'_>, BadField(field): BadField) -> Self {
        let is_there = field.is_some_and(|field| payload.given(field).is_some());
        let status = match is_there {
            true => StatusCode::UNPROCESSABLE_ENTITY,
            false => StatusCode::BAD_REQUEST,
        };
        let error = match field {
            Some(field) => format!("Missing or invalid {field}").into(),
            None => Cow::Borrowed("Missing or invalid body"),
        };
        Self {
            field,
            ..Self::new(status, error, ErrorCode::InvalidInput)
        }
    }

    pub(super) fn not_found(error: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, ErrorCode::NotFound)
    }

    pub(super) fn unknown_route() -> Self {
        Self::not_found(UNKNOWN_ROUTE)
    }

    pub(super) fn rate_limited() -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Rate limit exceeded",
                ErrorCode::RateLimit,
            )
        }
    }

    pub(super) fn too_many_attempts() -> Self {
        Self {
            retry_after: Some(60),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many attempts",
                ErrorCode::TooManyAttempts,
            )
        }
    }

    pub(super) fn busy() -> Self {
        Self {
            retry_after: Some(5),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Server is busy",
                ErrorCode::ServerBusy,
            )
        }
    }

    /// The server failed.
    pub(super) fn failed() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal server error",
            ErrorCode::OperationFailed,
        )
    }
}

impl From<StoreError> for Problem {
    /// What the routes have no words of their own for.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotParticipant | StoreError::NoConversation => Self::new(
                StatusCode::FORBIDDEN,
                "Not a participant of this conversation",
                ErrorCode::NotParticipant,
            ),
            StoreError::NotFoundOrForbidden => Self::not_found("Message not found"),
            StoreError::ConversationExists => Self::new(
                StatusCode::CONFLICT,
                "Conversation already exists",
                ErrorCode::ConversationExists,
            ),
            StoreError::Closed | StoreError::Failed(_) => {
                tracing::warn!(%error, "a request failed");
                Self::failed()
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if self.code == ErrorCode::NotFound && self.error == UNKNOWN_ROUTE {
            return error::bare(self.status, UNKNOWN_ROUTE);
        }
        let body = Body {
            error: &self.error,
            code: self.code,
            field: self.field,
        };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        response.extensions_mut().insert(Refused(self.code));
        response
    }
}

/// Who sends a request, once that is known.
#[derive(Debug, Clone, Default)]
pub(super) struct Sender(Arc<OnceLock<Arc<Source>>>);

impl Sender {
    /// The sender of this request is known now.
    pub(super) fn is(extensions: &Extensions, source: &Arc<Source>) {
        if let Some(Self(known)) = extensions.get() {
            // A request has one sender.
            let _ = known.set(source.clone());
        }
    }
}

/// The code of an answer that is no success, for the record of it.
#[derive(Debug, Clone, Copy)]
struct Refused(ErrorCode);

/// Records what is refused to whom.
pub(super) async fn record_refusals(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let sender = Sender::default();
    request.extensions_mut().insert(sender.clone());
    let response = next.run(request).await;
    let refused = response.extensions().get::<Refused>();
    if let (Some(Refused(code)), Some(source)) = (refused, sender.0.get()) {
        let event = match *code {
            ErrorCode::RateLimit => Event::RateLimited { count: 1 },
            ErrorCode::OperationFailed => Event::Error { code: *code },
            code => Event::Refused {
                code,
                recipient: None,
                message_id: None,
                conversation_id: None,
            },
        };
        app.audit.record(Record::new(source, None, event));
    }
    response
}

/// Refuses what would change something while it could not be recorded (setting `audit_spool_full`).
pub(super) async fn refuse_unrecorded(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    if app.audit.refuses() && !request.method().is_safe() {
        return Problem::busy().into_response();
    }
    next.run(request).await
}

/// Says in the answer to a request that failed how the log names it.
pub(super) async fn name_failures(request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).cloned();
    let response = next.run(request).await;
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let id = id.as_ref().and_then(|id| id.to_str().ok());
    tracing::error!(request = id, "a request was answered with an error");
    let body = FailedBody {
        error: "Internal server error",
        code: ErrorCode::OperationFailed,
        request_id: id,
    };
    (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
}
