//! How refusals read over REST, and what is recorded of them: once for all routes.
//!
//! Owns statuses, usual words and the shape of the body. What failed goes to the log, and only the
//! id of the request to the client.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::error;
use super::headers::REQUEST_ID;
use crate::app::App;
use crate::audit::Event;
use crate::metrics::refusals;
use crate::model::{ErrorCode, Refusal, UserId, Why};

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefusalBody<'a> {
    error: &'a str,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<&'a str>,
}

/// The answer when the server failed: nothing but what finds it in the log.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailedBody<'a> {
    error: &'static str,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// The status of a refusal, and its words.
fn words(refusal: &Refusal) -> (StatusCode, Cow<'static, str>) {
    let (status, usual) = usual_words(refusal.why());
    let text = match (refusal.text(), &refusal.field) {
        (Some(own), _) => own.clone(),
        // Its field is the scope.
        (None, Some(_)) if refusal.why() == Why::ScopeMissing => usual.into(),
        (None, Some(field)) => format!("Missing or invalid {field}").into(),
        (None, None) => usual.into(),
    };
    (status, text)
}

fn usual_words(why: Why) -> (StatusCode, &'static str) {
    match why {
        Why::NoToken => (StatusCode::UNAUTHORIZED, "Access token required"),
        Why::BadToken | Why::TokenExpired => (StatusCode::FORBIDDEN, "Invalid or expired token"),
        Why::Suspended => (StatusCode::FORBIDDEN, "User not authorized"),
        Why::NotParticipant | Why::NotSubscribed | Why::NotMember => (
            StatusCode::FORBIDDEN,
            "Not a participant of this conversation",
        ),
        Why::MessageNotFound => (StatusCode::NOT_FOUND, "Message not found"),
        Why::ConversationNotFound => (StatusCode::NOT_FOUND, "Conversation not found"),
        Why::ParticipantNotFound => (StatusCode::NOT_FOUND, "Participant not found"),
        Why::NotBlocked => (StatusCode::NOT_FOUND, "User is not blocked"),
        Why::NoRoute | Why::SessionNotFound => (StatusCode::NOT_FOUND, "Endpoint not found"),
        Why::ConversationExists => (StatusCode::CONFLICT, "Conversation already exists"),
        Why::ConversationFull => (StatusCode::CONFLICT, "Conversation is full"),
        Why::LastAdmin => (StatusCode::CONFLICT, "Conversation needs an admin"),
        Why::NoSharedConversation => (StatusCode::FORBIDDEN, "No shared conversation"),
        Why::ConnectionNotFound => (StatusCode::NOT_FOUND, "Connection not found"),
        Why::RevocationNotFound => (StatusCode::NOT_FOUND, "Revocation not found"),
        Why::WebhookNotFound => (StatusCode::NOT_FOUND, "Webhook not found"),
        Why::KeyReused => (StatusCode::CONFLICT, "Key stands for another request"),
        Why::BlockListFull => (StatusCode::CONFLICT, "Too many users are blocked"),
        Why::CursorExpired => (StatusCode::GONE, "Cursor expired"),
        Why::SessionExists => (StatusCode::CONFLICT, "Session already exists"),
        Why::NotAdmin
        | Why::NotCreator
        | Why::WrongPassword
        | Why::WrongKey
        | Why::SessionFull { .. }
        | Why::NotGroup => (StatusCode::FORBIDDEN, "Not allowed"),
        Why::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request too large"),
        Why::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "Request too slow"),
        Why::NotJson => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type must be application/json",
        ),
        Why::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded"),
        Why::TooManyAttempts => (StatusCode::TOO_MANY_REQUESTS, "Too many attempts"),
        // Of connections only.
        Why::UnknownDialect | Why::TooManyConnections | Why::ScopeMissing => {
            (StatusCode::FORBIDDEN, "Not allowed")
        }
        Why::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Server is busy"),
        Why::Missing => (StatusCode::BAD_REQUEST, "Missing or invalid body"),
        // It was understood, and yet it is of no use.
        Why::Unusable => (StatusCode::UNPROCESSABLE_ENTITY, "Missing or invalid body"),
        Why::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "Internal server error"),
    }
}

/// The words and the code of a refusal that is not the answer to a whole request.
pub(super) fn said(refusal: &Refusal) -> (Cow<'static, str>, ErrorCode) {
    (words(refusal).1, code(refusal))
}

/// Seconds after which a request may succeed that is refused for this reason.
fn retry_after(why: Why) -> Option<u16> {
    match why {
        Why::RateLimited => Some(1),
        Why::Busy => Some(5),
        Why::TooManyAttempts => Some(60),
        _ => None,
    }
}

fn code(refusal: &Refusal) -> ErrorCode {
    match refusal.why() {
        Why::MessageNotFound => ErrorCode::NotFound,
        _ => refusal.code,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(&self, None)
    }
}

/// The answer to a participant of the conversation that has the id they chose: it says who made it, so
/// that they do not take it for their own.
pub(super) fn conversation_exists(created_by: &UserId) -> Response {
    let refusal = Refusal::new(Why::ConversationExists);
    answer(&refusal, Some(created_by))
}

fn answer(refusal: &Refusal, created_by: Option<&UserId>) -> Response {
    if let Some(error) = refusal.source() {
        tracing::warn!(%error, "a request failed");
    }
    let (status, text) = words(refusal);
    if refusal.why() == Why::NoRoute {
        return error::unknown_route();
    }
    let code = code(refusal);
    refusals::of_rest(code);
    let body = RefusalBody {
        error: &text,
        code,
        field: refusal.field.as_deref(),
        created_by: created_by.map(UserId::as_str),
    };
    let mut response = (status, Json(body)).into_response();
    if let Some(seconds) = retry_after(refusal.why()) {
        let value = HeaderValue::from(seconds);
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response.extensions_mut().insert(Refused(code));
    response
}

/// The code of an answer that is a refusal, for the record of it.
#[derive(Debug, Clone, Copy)]
struct Refused(ErrorCode);

/// What is recorded of a response, if it is a refusal.
pub(super) fn refusal_record(response: &Response) -> Option<Event> {
    let Refused(code) = response.extensions().get()?;
    Some(refused(*code))
}

/// The record of a refusal with this code.
pub(super) fn refused(code: ErrorCode) -> Event {
    match code {
        ErrorCode::RateLimit => Event::RateLimited { count: 1 },
        ErrorCode::OperationFailed => Event::Error { code },
        code => Event::Refused {
            code,
            recipient: None,
            message_id: None,
            conversation_id: None,
        },
    }
}

/// Refuses what would change something while it could not be recorded (setting `audit_spool_full`).
pub(super) async fn refuse_unrecorded(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    if app.audit.refuses() && !request.method().is_safe() {
        return Refusal::busy().into_response();
    }
    next.run(request).await
}

/// Gives the refusal of an expired token the status of the settings.
pub(super) async fn set_expired_status(
    State(app): State<Arc<App>>,
    mut response: Response,
) -> Response {
    let code = response.extensions().get();
    let is_expired = code.is_some_and(|Refused(code)| *code == ErrorCode::ExpiredToken);
    let status = StatusCode::from_u16(app.config.now().expired_token_status);
    if let Some(status) = status.ok().filter(|_| is_expired) {
        *response.status_mut() = status;
    }
    response
}

/// Adds to the answer of a request that failed the id by which the log names it.
pub(super) async fn name_failures(request: Request, next: Next) -> Response {
    let id = request.headers().get(&REQUEST_ID).cloned();
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

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;
    use crate::stores::conversations::StoreError;

    /// Status, body, the seconds to wait, and the code that is recorded.
    async fn answered(refusal: Refusal) -> (u16, String, Option<String>, Option<&'static str>) {
        let response = refusal.into_response();
        let code = response.extensions().get::<Refused>();
        let code = code.map(|Refused(code)| code.as_str());
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.map(|value| value.to_str().expect("a number").to_owned());
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1024).await.expect("a body");
        let body = String::from_utf8(body.to_vec()).expect("text");
        (status, body, wait, code)
    }

    #[tokio::test]
    async fn a_refusal_is_a_status_and_a_body_with_its_code() {
        let expected = [
            (
                Refusal::invalid("limit"),
                400,
                r#"{"error":"Missing or invalid limit","code":"INVALID_INPUT","field":"limit"}"#,
            ),
            (
                Refusal::unusable("role"),
                422,
                r#"{"error":"Missing or invalid role","code":"INVALID_INPUT","field":"role"}"#,
            ),
            (
                Refusal::malformed().worded("Body is not valid JSON"),
                400,
                r#"{"error":"Body is not valid JSON","code":"INVALID_INPUT"}"#,
            ),
            (
                Refusal::new(Why::NoToken),
                401,
                r#"{"error":"Access token required","code":"MISSING_TOKEN"}"#,
            ),
            (
                Refusal::new(Why::TokenExpired),
                403,
                r#"{"error":"Invalid or expired token","code":"EXPIRED_TOKEN"}"#,
            ),
            (
                Refusal::new(Why::NotAdmin),
                403,
                r#"{"error":"Not allowed","code":"NOT_AUTHORIZED"}"#,
            ),
            (
                StoreError::NotParticipant.into(),
                403,
                r#"{"error":"Not a participant of this conversation","code":"NOT_PARTICIPANT"}"#,
            ),
            (
                StoreError::NotFoundOrForbidden.into(),
                404,
                r#"{"error":"Message not found","code":"NOT_FOUND"}"#,
            ),
            (
                StoreError::NoConversation.into(),
                404,
                r#"{"error":"Conversation not found","code":"NOT_FOUND"}"#,
            ),
            (
                StoreError::ConversationExists.into(),
                409,
                r#"{"error":"Conversation already exists","code":"CONVERSATION_EXISTS"}"#,
            ),
            (
                StoreError::ConversationFull.into(),
                409,
                r#"{"error":"Conversation is full","code":"CONVERSATION_FULL"}"#,
            ),
            (
                StoreError::LastAdmin.into(),
                409,
                r#"{"error":"Conversation needs an admin","code":"LAST_ADMIN"}"#,
            ),
            (
                StoreError::Closed.into(),
                500,
                r#"{"error":"Internal server error","code":"OPERATION_FAILED"}"#,
            ),
        ];
        for (refusal, status, body) in expected {
            let (is_status, is_body, wait, code) = answered(refusal).await;
            assert_eq!((is_status, &*is_body, wait), (status, body, None));
            assert!(body.contains(code.expect("a record")));
        }
    }

    #[tokio::test]
    async fn what_may_succeed_later_says_when() {
        for (why, status, seconds) in [
            (Why::RateLimited, 429, "1"),
            (Why::Busy, 503, "5"),
            (Why::TooManyAttempts, 429, "60"),
        ] {
            let (is_status, _, wait, _) = answered(Refusal::new(why)).await;
            assert_eq!((is_status, wait.as_deref()), (status, Some(seconds)));
        }
    }

    #[tokio::test]
    async fn an_unknown_route_has_no_code_and_is_not_recorded() {
        let answer = answered(Refusal::new(Why::NoRoute)).await;
        let body = r#"{"error":"Endpoint not found"}"#.to_owned();
        assert_eq!(answer, (404, body, None, None));
    }
}
