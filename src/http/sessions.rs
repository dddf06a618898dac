//! `POST /api/reserve-session` and `GET /sessions`: what the `session` dialect has over HTTP.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Query, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::administrator::Admin;
use super::caller::Sender as _;
use super::query::Parameters;
use super::refuse::refused;
use super::{error, paging};
use crate::app::App;
use crate::audit::{Event as Audited, Record};
use crate::connection::{self, Came, Client, edge};
use crate::limits::GUESS_DELAY;
use crate::limits::address::{self, block_of};
use crate::metrics::refusals;
use crate::model::session::{AuthKey, ChatMode, Maker, ReserveError, SessionId, Summary};
use crate::model::{Dialect, ErrorCode, Refusal, Scope, Why};
use crate::transport::{PeerLink, TooSlow};

/// The largest body, in bytes, not counting the key.
const MAX_BODY: usize = 4096;

const SESSION_ID: &str = "sessionId";
const AUTH_KEY: &str = "authKey";
const CHAT_MODE: &str = "chatMode";

/// The routes.
pub(super) fn routes(app: &App) -> Router<Arc<App>> {
    let limit = DefaultBodyLimit::max(MAX_BODY + app.config.now().max_key_bytes);
    Router::new()
        .route("/api/reserve-session", post(reserve).layer(limit))
        .route("/sessions", get(list))
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reserved<'a> {
    success: bool,
    session_id: &'a str,
    chat_mode: &'static str,
    message: &'static str,
}

/// The answer to a refusal: for some, deployed clients know a body without a code.
fn refuse(refusal: &Refusal) -> Response {
    refusals::of_rest(code(refusal));
    let code = code(refusal).as_str();
    match refusal.why() {
        Why::SessionExists => error::bare(StatusCode::CONFLICT, "Session already exists"),
        Why::Unusable => error::bare(StatusCode::BAD_REQUEST, "Invalid chatMode"),
        Why::BodyTooLarge => {
            edge::refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request too large", code)
        }
        Why::BodyTooSlow => edge::refusal(StatusCode::REQUEST_TIMEOUT, "Request too slow", code),
        Why::Busy => {
            let error = "Too many active sessions. Please try again later.";
            edge::refusal(StatusCode::SERVICE_UNAVAILABLE, error, code)
        }
        Why::RateLimited => {
            let status = StatusCode::TOO_MANY_REQUESTS;
            let response = edge::refusal(status, "Rate limit exceeded", code);
            ([(RETRY_AFTER, "1")], response).into_response()
        }
        _ => error::bare(StatusCode::BAD_REQUEST, "Missing sessionId or authKey"),
    }
}

fn code(refusal: &Refusal) -> ErrorCode {
    match refusal.why() {
        Why::Missing | Why::Unusable | Why::BodyTooLarge => ErrorCode::InvalidRequest,
        _ => refusal.code,
    }
}

async fn reserve(
    State(app): State<Arc<App>>,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let peer = link.peer().ip();
    let address = address::client_address(peer, &headers, &app.config.now().trusted_proxies);
    let client = Client {
        came: Came::default(),
        address,
        user_agent: connection::user_agent(&headers),
        declared: Some(Dialect::Session),
        node: app.node.clone(),
    };
    let source = client.source(None, None);
    let record = |event| {
        let record = Record::new(&source, client.declared, event);
        app.audit.record(record);
    };
    let reserved = match app.limits.allows_join(address) {
        true => try_reserve(&app, address, body).await,
        false => Err(Refusal::rate_limited()),
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
            record(refused(code(&refusal)));
            refuse(&refusal)
        }
    }
}

async fn try_reserve(
    app: &App,
    address: IpAddr,
    body: Result<Bytes, BytesRejection>,
) -> Result<(SessionId, ChatMode), Refusal> {
    let body = body.map_err(|error| match TooSlow::is_cause_of(&error) {
        true => Refusal::new(Why::BodyTooSlow),
        false => Refusal::new(Why::BodyTooLarge),
    })?;
    // What is no object has no fields.
    let given: Map<String, Value> = serde_json::from_slice(&body).unwrap_or_default();
    let max = app.config.now().max_key_bytes;
    let text = |name| match given.get(name) {
        Some(Value::String(text)) if text.len() <= max => Ok(text.clone()),
        Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string()),
        _ => Err(Refusal::invalid(name)),
    };
    let id = text(SESSION_ID)?;
    let (id, _) = SessionId::parse(&id).ok_or_else(|| Refusal::invalid(SESSION_ID))?;
    let key = text(AUTH_KEY)?;
    let key = AuthKey::new(&key).ok_or_else(|| Refusal::invalid(AUTH_KEY))?;
    let mode = chat_mode(given.get(CHAT_MODE))?;
    let may_make = || app.limits.allows_session(address);
    let maker = Maker {
        address: block_of(address),
        may_make: &may_make,
    };
    match app.sessions.reserve(&id, key, mode, maker).await {
        // Who knows the key is told so: wrong ones are counted as those of joins are.
        Err(ReserveError::Exists) => {
            if app.limits.session_keys.exceeded_at(id.as_str(), address) {
                tokio::time::sleep(GUESS_DELAY).await;
            }
            Err(ReserveError::Exists.into())
        }
        reserved => Ok(reserved.map(|()| (id, mode))?),
    }
}

fn chat_mode(given: Option<&Value>) -> Result<ChatMode, Refusal> {
    let name = match given {
        None | Some(Value::Null) => "",
        Some(Value::String(name)) => name,
        Some(_) => return Err(Refusal::unusable(CHAT_MODE)),
    };
    match name {
        "" => Ok(ChatMode::Group),
        name => name.parse().map_err(|_| Refusal::unusable(CHAT_MODE)),
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
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

/// A part of the list, by the sessions' ids.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListPart {
    sessions: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl ListPart {
    /// Of all, in their order.
    fn of(mut all: Vec<Listed>, query: &Parameters) -> Result<Self, Refusal> {
        let limit = paging::limit(query)?;
        let after = paging::cursor(query, |text| Some(text.to_owned()))?;
        all.retain(|one| after.as_ref().is_none_or(|after| one.session_id > *after));
        let is_more = all.len() > limit;
        all.truncate(limit);
        let last = all.last().filter(|_| is_more);
        let next_cursor = last.map(|last| last.session_id.clone());
        Ok(Self {
            sessions: all,
            next_cursor,
        })
    }
}

/// Counts of all sessions, in the order of their ids, for debugging: with `DEBUG=true`, or with the admin token. In parts, if that is asked for.
/// A wrong token is counted and recorded like one on the routes of administrators.
async fn list(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if !app.config.now().debug {
        let admin = Admin::authenticate(&app, &parts, Scope::Connections);
        if admin.await.is_err() {
            return error::unknown_route();
        }
    }
    let summaries = app.sessions.summaries().await;
    let mut listed: Vec<Listed> = summaries.into_iter().map(Listed::from).collect();
    listed.sort_unstable_by(|one, other| one.session_id.cmp(&other.session_id));
    let query = Query::<Parameters>::try_from_uri(&parts.uri);
    match query {
        Ok(Query(query)) if paging::is_wanted(&query) => match ListPart::of(listed, &query) {
            Ok(part) => Json(part).into_response(),
            Err(refusal) => refusal.into_response(),
        },
        _ => Json(listed).into_response(),
    }
}
