//! Every Socket.IO request, before the library sees it: only what the library and the admission
//! need is passed on, in memory of its own, because the library keeps the first request of a
//! connection for all its life. Polling has its flow control here.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_KEY, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use serde::Serialize;
use socketioxide::service::SocketIoService;
use socketioxide::socket::Sid;
use tower::ServiceExt;

use super::node_sid;
use crate::app::App;
use crate::audit::AuditText;
use crate::config::Config;
use crate::connection::Connection;
use crate::limits::address;
use crate::transport::{Carrier as _, Link, PeerLink, TransportCloser, is_relayed_packet};

/// What was told in the request that opened a connection.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The client's address, as far as trusted proxies tell.
    pub address: IpAddr,
    /// The client's program.
    pub user_agent: Option<AuditText<256>>,
    /// `Authorization`, as it came.
    pub authorization: Option<Arc<str>>,
    /// `token` in the query.
    pub token: Option<Arc<str>>,
    /// `dialect` in the query.
    pub dialect: Option<Arc<str>>,
    /// The TCP connection it came on, when that becomes its WebSocket. One on which a polling client's
    /// request came may be a proxy's, and carry others' requests next, or another's WebSocket.
    pub link: Option<Arc<Link>>,
}

/// The library as a service.
pub type Library = SocketIoService<Fallback>;

/// What the library serves beside its own path.
pub type Fallback = tower::util::BoxCloneSyncService<Request, Response, Infallible>;

/// The library, and what stands in front of it.
#[derive(Clone)]
pub struct SocketIoEdge {
    app: Arc<App>,
    library: Library,
}

impl SocketIoEdge {
    /// Stands in front of the library.
    pub fn new(app: Arc<App>, library: Library) -> Self {
        Self { app, library }
    }
}

/// Ends polling sessions by the request with which their clients would.
pub fn polling_closer(library: Library) -> TransportCloser {
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

/// Lets the link know of requests, so that it can tell idle from busy. A proxy that keeps connections
/// for its next requests is told not to when the server is about to stop.
pub(crate) async fn note_request(
    State(app): State<Arc<App>>,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    request: Request,
    next: Next,
) -> Response {
    link.request_began();
    let mut response = next.run(request).await;
    link.request_ended();
    if app.is_draining() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
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

/// A response that says why a request is not served: `{error, code}`, and never more than that.
pub(crate) fn refusal(status: StatusCode, error: &'static str, code: &'static str) -> Response {
    (status, Json(RefusalBody { error, code })).into_response()
}

/// A Socket.IO request of any kind.
pub(crate) async fn request(
    State(edge): State<SocketIoEdge>,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    request: Request,
) -> Response {
    let app = &edge.app;
    let (mut parts, body) = request.into_parts();
    let query = Query::of(&parts.uri);
    if query.revision == Some("3") && !app.config.allow_eio3 {
        return refusal(StatusCode::BAD_REQUEST, "Unsupported protocol version", "5");
    }
    if query.sid.is_none() && app.is_draining() {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "Server is shutting down",
            "DRAINING",
        );
    }
    let sid = query.sid.and_then(|sid| sid.parse::<Sid>().ok());
    let session = || sid.and_then(|sid| app.connections.get(sid));
    let polls = parts.method == Method::GET && query.transport == Some("polling");
    let old_payload = query.revision == Some("3");
    // Only the request that opens a session is kept, and asked who the client is.
    let opening = query.sid.is_none();
    let handshake = opening.then(|| handshake(&parts, &query, &link, &app.config));
    let passed_on = query.passed_on;
    let body = match parts.method {
        Method::POST => bounded(session().as_deref(), &app.config, &link, body).await,
        _ => body,
    };
    let Some(slim) = slim(&mut parts, &passed_on, handshake, body) else {
        return refusal(StatusCode::BAD_REQUEST, "Bad request", "3");
    };
    let Ok(response) = edge.library.oneshot(slim).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        link.upgrade();
        if let Some(sid) = sid {
            app.connections.upgrade(sid, &link);
        }
    }
    // Looked up anew: the connection may have been admitted while this request waited.
    match session() {
        _ if opening && polls => node_sid::name(response.map(Body::new), &app.node).await,
        // Not taken apart: what waits is in this response, or in the next one soon.
        Some(connection) if polls && old_payload => {
            connection.flow().taken(usize::MAX);
            response.map(Body::new)
        }
        Some(connection) if polls => count_taken(&connection, response.map(Body::new)).await,
        _ => response.map(Body::new),
    }
}

/// A client over its budget waits before its next packets are read; one that is not yet
/// authenticated may not send much, nor take long.
async fn bounded(session: Option<&Connection>, config: &Config, link: &Link, body: Body) -> Body {
    match session {
        Some(connection) => {
            connection.flow().readable().await;
            match connection.is_guest() {
                false => body,
                true => Body::new(Limited::new(body, config.guest_max_bytes as usize)),
            }
        }
        None => {
            link.close_within(config.connect_timeout);
            Body::new(Limited::new(body, config.handshake_max_bytes as usize))
        }
    }
}

/// Notes what a polling client takes with this response.
async fn count_taken(connection: &Connection, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    // The library makes the whole body at once, so there is no error and nothing to wait for.
    let Ok(body) = body.collect().await.map(|body| body.to_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    connection.flow().taken(relayed_packets(&body));
    (parts, Body::from(body)).into_response()
}

/// How many packets in a polling payload are events, acknowledgements or attachments.
fn relayed_packets(payload: &Bytes) -> usize {
    const SEPARATOR: u8 = 0x1e;
    payload
        .split(|&byte| byte == SEPARATOR)
        .filter(|packet| is_relayed_packet(packet))
        .count()
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

fn handshake(
    parts: &request::Parts,
    query: &Query<'_>,
    link: &Arc<Link>,
    config: &Config,
) -> Handshake {
    let authorization = parts.headers.get(AUTHORIZATION);
    Handshake {
        address: address::client_address(link.peer().ip(), &parts.headers, &config.trusted_proxies),
        user_agent: user_agent(&parts.headers),
        authorization: authorization.and_then(|value| value.to_str().ok().map(Into::into)),
        token: query.token.map(decoded),
        dialect: query.dialect.map(decoded),
        link: (query.transport == Some("websocket")).then(|| link.clone()),
    }
}

/// The client's program, as records name it.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<AuditText<256>> {
    let agent = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(AuditText::new(agent))
}

fn decoded(text: &str) -> Arc<str> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into()
}

/// The parts of the query that mean something.
#[derive(Debug, Default)]
struct Query<'a> {
    revision: Option<&'a str>,
    transport: Option<&'a str>,
    sid: Option<&'a str>,
    token: Option<&'a str>,
    dialect: Option<&'a str>,
    /// What the library reads, as it was written.
    passed_on: String,
}

impl<'a> Query<'a> {
    fn of(uri: &'a Uri) -> Self {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (part, passed_on) = match name {
                "EIO" => (&mut query.revision, true),
                "transport" => (&mut query.transport, true),
                // Without a `=` the library does not see it, either.
                "sid" if pair.contains('=') => (&mut query.sid, true),
                "token" => (&mut query.token, false),
                "dialect" => (&mut query.dialect, false),
                "b64" => (&mut None, true),
                _ => continue,
            };
            if part.is_none() {
                let is_sid = name == "sid";
                let value = match is_sid {
                    true => node_sid::without_name(value),
                    false => value,
                };
                *part = Some(value);
                if passed_on {
                    query.passed_on.extend(match is_sid {
                        true => ["sid=", value, "&"],
                        false => ["", pair, "&"],
                    });
                }
            }
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_passed_on_and_the_first_of_a_name_counts() {
        let uri: Uri = "/socket.io/?EIO=4&token=abc%2Bd&sid=x&sid=y&transport=websocket&t=1"
            .parse()
            .expect("a uri");
        let query = Query::of(&uri);
        assert_eq!((query.revision, query.sid), (Some("4"), Some("x")));
        assert_eq!(query.passed_on, "EIO=4&sid=x&transport=websocket&");
        assert_eq!(query.token.map(decoded).as_deref(), Some("abc+d"));
    }

    #[test]
    fn the_name_of_the_node_is_not_passed_on() {
        let uri: Uri = "/socket.io/?EIO=4&transport=polling&sid=relay-1.x&t=1"
            .parse()
            .expect("a uri");
        let query = Query::of(&uri);
        assert_eq!(query.sid, Some("x"));
        assert_eq!(query.passed_on, "EIO=4&transport=polling&sid=x&");
    }

    #[test]
    fn only_relayed_packets_are_counted() {
        let payload =
            Bytes::from_static(b"2\x1e42[\"a\"]\x1e40{}\x1e451-[\"b\",{}]\x1ebAQI=\x1e431[]\x1e6");
        assert_eq!(relayed_packets(&payload), 4);
    }
}
