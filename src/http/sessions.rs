//! `POST /api/reserve-session` and `GET /sessions`: what the `session` dialect has over HTTP.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{caller, error};
use crate::app::App;
use crate::audit::{Event as Audited, Record};
use crate::connection::{Client, edge};
use crate::limits::address;
use crate::model::session::{AuthKey, ChatMode, ReserveError, SessionId, Summary};
use crate::model::{Dialect, ErrorCode};
use crate::transport::PeerLink;

/// The longest body, in bytes, beside the key.
const MAX_BODY: usize = 4096;

/// The routes.
pub(super) fn routes(app: &App) -> Router<Arc<App>> {
    let limit = DefaultBodyLimit::max(MAX_BODY + app.config.max_key_bytes);
    Router::new()
        .route("/api/reserve-session", post(reserve).layer(limit))
        .route("/sessions", get(list))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reserved<'a> {
    success: bool,
    session_id: &'a str,
    chat_mode: &'static str,
    message: &'static str,
}

/// Why a session is not reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    RateLimit,
    TooLarge,
    Missing,
    UnknownMode,
    Exists,
    Busy,
}

impl Refusal {
    fn code(self) -> ErrorCode {
        match self {
            Self::RateLimit => ErrorCode::RateLimit,
            Self::TooLarge | Self::Missing | Self::UnknownMode => ErrorCode::InvalidRequest,
            Self::Exists => ErrorCode::SessionExists,
            Self::Busy => ErrorCode::ServerBusy,
        }
    }

    fn audited(self) -> Audited {
        match self {
            Self::RateLimit => Audited::RateLimited { count: 1 },
            _ => Audited::Refused {
                code: self.code(),
                recipient: None,
                message_id: None,
                conversation_id: None,
            },
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = self.code().as_str();
        match self {
            Self::Missing => error::bare(StatusCode::BAD_REQUEST, "Missing sessionId or authKey"),
            Self::UnknownMode => error::bare(StatusCode::BAD_REQUEST, "Invalid chatMode"),
            Self::Exists => error::bare(StatusCode::CONFLICT, "Session already exists"),
            Self::TooLarge => {
                error::refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request too large", code)
            }
            Self::Busy => {
                let error = "Too many active sessions. Please try again later.";
                error::refusal(StatusCode::SERVICE_UNAVAILABLE, error, code)
            }
            Self::RateLimit => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let response = error::refusal(status, "Rate limit exceeded", code);
                ([(RETRY_AFTER, "1")], response).into_response()
            }
        }
    }
}

async fn reserve(
    State(app): State<Arc<App>>,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let peer = link.peer().ip();
    let address = address::client_address(peer, &headers, &app.config.trusted_proxies);
    let client = Client {
        address,
        user_agent: edge::user_agent(&headers),
        declared: Some(Dialect::Session),
        node: app.node.clone(),
    };
    let source = client.source(None, None);
    let record = |event| {
        let record = Record::new(&source, client.declared, event);
        app.audit.record(record);
    };
    let reserved = match app.limits.allows_join(address) {
        true => try_reserve(&app, body).await,
        false => Err(Refusal::RateLimit),
    };
    match reserved {
        Ok((id, mode)) => {
            let room_name = id.shared().into();
            record(Audited::SessionReserved { room_name });
            Json(Reserved {
                success: true,
                session_id: id.as_str(),
                chat_mode: mode.as_str(),
                message: "Session reserved successfully",
            })
            .into_response()
        }
        Err(refusal) => {
            record(refusal.audited());
            refusal.into_response()
        }
    }
}

async fn try_reserve(
    app: &App,
    body: Result<Bytes, BytesRejection>,
) -> Result<(SessionId, ChatMode), Refusal> {
    let body = body.map_err(|_| Refusal::TooLarge)?;
    // What is no object has no fields.
    let wanted: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let most = app.config.max_key_bytes;
    let text = |name| match wanted.get(name) {
        Some(Value::String(text)) if text.len() <= most => Some(text.clone()),
        Some(Value::Number(number)) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    };
    let id = text("sessionId").ok_or(Refusal::Missing)?;
    let (id, _) = SessionId::parse(&id).ok_or(Refusal::Missing)?;
    let key = text("authKey").ok_or(Refusal::Missing)?;
    let key = AuthKey::new(&key).ok_or(Refusal::Missing)?;
    let mode = match wanted.get("chatMode") {
        None | Some(Value::Null) => ChatMode::Group,
        Some(Value::String(name)) if name.is_empty() => ChatMode::Group,
        Some(Value::String(name)) => name.parse().map_err(|_| Refusal::UnknownMode)?,
        _ => return Err(Refusal::UnknownMode),
    };
    match app.sessions.reserve(&id, key, mode).await {
        Ok(()) => Ok((id, mode)),
        Err(ReserveError::Exists) => Err(Refusal::Exists),
        Err(ReserveError::Busy) => Err(Refusal::Busy),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    session_id: String,
    members: usize,
    messages: usize,
    public_keys: usize,
}

impl From<Summary> for Listed {
    fn from(summary: Summary) -> Self {
        Self {
            session_id: summary.id.to_string(),
            members: summary.members,
            messages: summary.messages,
            public_keys: summary.public_keys,
        }
    }
}

/// For those who look for a fault: with `DEBUG=true`, or with the admin token.
async fn list(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    if !app.config.debug && !caller::is_admin(&app, &headers) {
        return error::unknown_route().await;
    }
    let summaries = app.sessions.summaries().await;
    let listed: Vec<Listed> = summaries.into_iter().map(Listed::from).collect();
    Json(listed).into_response()
}
