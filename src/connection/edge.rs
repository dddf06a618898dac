//! Every Socket.IO request on its way to the library. Only what the library and the admission need
//! is passed on, as a copy, because the library holds the first request of a connection until the
//! connection ends. The flow control of polling clients is in `polling`.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_KEY};
use axum::http::{HeaderValue, Method, StatusCode, Uri, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use socketioxide::service::SocketIoService;
use socketioxide::socket::Sid;
use tower::ServiceExt;

use super::handshake::{Handshake, Query};
use super::places::NoPlace;
use super::polling::{answered, bounded, count_taken};
use super::{Drain, OpenConnections, Places, node_sid};
use crate::config::Config;
use crate::limits::address;
use crate::model::{DisconnectReason, ErrorCode};
use crate::transport::{Carrier as _, Link, PeerLink, TransportCloser};

/// The library as a service.
pub(crate) type Library = SocketIoService<Fallback>;

/// What the library serves beside its own path.
pub(crate) type Fallback = tower::util::BoxCloneSyncService<Request, Response, Infallible>;

/// The library, and what stands in front of it.
#[derive(Clone)]
pub(crate) struct SocketIoEdge {
    library: Library,
    open: Arc<OpenConnections>,
    places: Arc<Places>,
    closer: TransportCloser,
    config: Arc<Config>,
    drain: Drain,
    node: Arc<str>,
}

impl SocketIoEdge {
    /// Stands in front of the library, which serves these connections on this node.
    pub(crate) fn new(
        library: Library,
        open: Arc<OpenConnections>,
        places: Arc<Places>,
        config: Arc<Config>,
        drain: Drain,
        node: Arc<str>,
    ) -> Self {
        Self {
            closer: polling_closer(library.clone()),
            library,
            open,
            places,
            config,
            drain,
            node,
        }
    }

    /// Why a request is not served, if it is not.
    fn refuse(&self, query: &Query<'_>) -> Option<Response> {
        if query.revision == Some("3") && !self.config.allow_eio3 {
            return Some(engine_error(5, "Unsupported protocol version".into()));
        }
        let is_refused = query.sid.is_none() && self.drain.has_begun();
        is_refused.then(|| {
            let (error, code) = ("Server is shutting down", "DRAINING");
            refusal(StatusCode::SERVICE_UNAVAILABLE, error, code)
        })
    }
}

/// Ends polling sessions by the request with which their clients would.
pub(crate) fn polling_closer(library: Library) -> TransportCloser {
    TransportCloser::new(move |sid| {
        let library = library.clone();
        let uri = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
        Box::pin(async move {
            let request = Request::post(uri).body(Body::from("1"));
            // A session that is gone, or that is not polling, answers with an error: all the same.
            if let Ok(request) = request {
                let _ = library.oneshot(request).await;
            }
        })
    })
}

impl std::fmt::Debug for SocketIoEdge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SocketIoEdge")
    }
}

/// Counts the requests in progress on the link. During a shutdown, a proxy that reuses its
/// connections is asked to close them (`Connection: close`).
pub(crate) async fn note_request(
    State(drain): State<Drain>,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    request: Request,
    next: Next,
) -> Response {
    link.request_began();
    let mut response = next.run(request).await;
    link.request_ended();
    if drain.has_begun() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

#[derive(Serialize)]
struct RefusalBody {
    error: &'static str,
    code: &'static str,
}

/// The response to a request that is not served: `{error, code}`, and never more.
pub(crate) fn refusal(status: StatusCode, error: &'static str, code: &'static str) -> Response {
    (status, Json(RefusalBody { error, code })).into_response()
}

/// An error of Engine.IO as its own server words it.
#[derive(Serialize)]
struct EngineError {
    code: u8,
    message: Cow<'static, str>,
}

fn engine_error(code: u8, message: Cow<'static, str>) -> Response {
    let body = Json(EngineError { code, message });
    (StatusCode::BAD_REQUEST, body).into_response()
}

/// The same of the library, which writes the code as a text, or nothing at all.
async fn as_engine_error(response: Response) -> Response {
    #[derive(Deserialize)]
    struct Written {
        code: String,
        message: String,
    }
    const MAX_BYTES: usize = 1024;
    let body = to_bytes(response.into_body(), MAX_BYTES).await;
    let written = serde_json::from_slice::<Written>(&body.unwrap_or_default()).ok();
    let error = written.and_then(|it| Some((it.code.parse().ok()?, it.message)));
    let (code, message) = error.unwrap_or_else(|| (3, "Bad request".to_owned()));
    engine_error(code, message.into())
}

/// A Socket.IO request of any kind.
pub(crate) async fn request(
    State(edge): State<SocketIoEdge>,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let query = Query::of(&parts.uri);
    if let Some(refused) = edge.refuse(&query) {
        return refused;
    }
    let SocketIoEdge {
        library,
        open,
        places,
        closer,
        config,
        node,
        ..
    } = edge;
    let sid = query.sid.and_then(|sid| sid.parse::<Sid>().ok());
    let session = || sid.and_then(|sid| open.get(sid));
    if let Some(connection) = session() {
        connection.flow().heard();
    }
    let polls = parts.method == Method::GET && query.transport == Some("polling");
    let old_payload = query.revision == Some("3");
    // Only the request that opens a session carries what is known of the client.
    let opening = query.sid.is_none();
    let mut place = None;
    let mut handshake = None;
    if opening {
        let proxies = &config.trusted_proxies;
        let address = address::client_address(link.peer().ip(), &parts.headers, proxies);
        let taken = match places.take(address) {
            Ok(taken) => taken,
            Err(why) => return no_place(why),
        };
        handshake = Some(Handshake::of(&parts, &query, &link, (address, &taken)));
        place = Some(taken);
    }
    let passed_on = query.passed_on;
    let is_post = parts.method == Method::POST;
    let body = match is_post {
        true => bounded(session(), &config, &link, old_payload, body).await,
        false => body,
    };
    let Some(slim) = slim(&mut parts, &passed_on, handshake, body) else {
        return engine_error(3, "Bad request".into());
    };
    let posting = session().filter(|_| is_post);
    let polling = session().filter(|_| polls);
    let response = answered(polling, old_payload, library.oneshot(slim)).await;
    if posting.is_some_and(|one| one.close_reason() == Some(DisconnectReason::ProtocolError)) {
        // What it has posted is too large.
        return engine_error(3, "Bad request".into());
    }
    if response.status() == StatusCode::BAD_REQUEST {
        return as_engine_error(response).await;
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        link.upgrade();
        if let Some(place) = &place {
            let weak = Arc::downgrade(&link);
            place.ends_by(move || close_link(&weak));
            link.keep(place.clone());
        }
        if let Some(sid) = sid {
            open.upgrade(sid, &link);
        }
    }
    // Looked up again: the connection may have been admitted while this request waited.
    match session() {
        _ if opening && polls => {
            let (response, sid) = node_sid::name(response, &node, config.max_event_bytes).await;
            if let (Some(place), Some(sid)) = (place, sid) {
                place.ends_by(move || closer.close_after(sid, Duration::ZERO));
                place.keep();
            }
            response
        }
        Some(connection) if polls => count_taken(&connection, old_payload, response).await,
        _ => response,
    }
}

/// Closes the WebSocket of a session that was not admitted.
fn close_link(link: &Weak<Link>) {
    if let Some(link) = link.upgrade() {
        link.close(DisconnectReason::GuestTimeout);
    }
}

/// The response to a request that would make a session where its address has no place.
fn no_place(why: NoPlace) -> Response {
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
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

/// The request with only what is needed.
fn slim(
    parts: &mut request::Parts,
    query: &str,
    handshake: Option<Handshake>,
    body: Body,
) -> Option<Request> {
    let mut slim = Request::new(body);
    *slim.uri_mut() = format!("/socket.io/?{query}").parse::<Uri>().ok()?;
    *slim.method_mut() = parts.method.clone();
    for name in [SEC_WEBSOCKET_KEY, CONTENT_TYPE] {
        if let Some(value) = parts.headers.get(&name) {
            let copy = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            slim.headers_mut().insert(name, copy);
        }
    }
    if let Some(upgrade) = parts.extensions.remove::<hyper::upgrade::OnUpgrade>() {
        slim.extensions_mut().insert(upgrade);
    }
    if let Some(handshake) = handshake {
        slim.extensions_mut().insert(handshake);
    }
    Some(slim)
}
