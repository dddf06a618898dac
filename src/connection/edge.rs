//! Every Socket.IO request on its way to the library. Only what the library and the admission need
//! is passed on, as a copy, because the library holds the first request of a connection until the
//! connection ends. The flow control of polling clients is here.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_KEY};
use axum::http::{HeaderValue, Method, StatusCode, Uri, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use serde::Serialize;
use socketioxide::service::SocketIoService;
use socketioxide::socket::Sid;
use tower::ServiceExt;

use super::handshake::{Handshake, Query};
use super::{Connection, Drain, OpenConnections, node_sid};
use crate::config::Config;
use crate::transport::{Carrier as _, Link, PeerLink, TransportCloser, is_relayed_packet};

/// The library as a service.
pub(crate) type Library = SocketIoService<Fallback>;

/// What the library serves beside its own path.
pub(crate) type Fallback = tower::util::BoxCloneSyncService<Request, Response, Infallible>;

/// The library, and what stands in front of it.
#[derive(Clone)]
pub(crate) struct SocketIoEdge {
    library: Library,
    open: Arc<OpenConnections>,
    config: Arc<Config>,
    drain: Drain,
    node: Arc<str>,
}

impl SocketIoEdge {
    /// Stands in front of the library, which serves these connections on this node.
    pub(crate) fn new(
        library: Library,
        open: Arc<OpenConnections>,
        config: Arc<Config>,
        drain: Drain,
        node: Arc<str>,
    ) -> Self {
        Self {
            library,
            open,
            config,
            drain,
            node,
        }
    }

    /// Why a request is not served, if it is not.
    fn refuse(&self, query: &Query<'_>) -> Option<Response> {
        if query.revision == Some("3") && !self.config.allow_eio3 {
            let (error, code) = ("Unsupported protocol version", "5");
            return Some(refusal(StatusCode::BAD_REQUEST, error, code));
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
        config,
        node,
        ..
    } = edge;
    let sid = query.sid.and_then(|sid| sid.parse::<Sid>().ok());
    let session = || sid.and_then(|sid| open.get(sid));
    let polls = parts.method == Method::GET && query.transport == Some("polling");
    let old_payload = query.revision == Some("3");
    // Only the request that opens a session carries what is known of the client.
    let opening = query.sid.is_none();
    let handshake = opening.then(|| Handshake::of(&parts, &query, &link, &config));
    let passed_on = query.passed_on;
    let body = match parts.method {
        Method::POST => bounded(session().as_deref(), &config, &link, body).await,
        _ => body,
    };
    let Some(slim) = slim(&mut parts, &passed_on, handshake, body) else {
        return refusal(StatusCode::BAD_REQUEST, "Bad request", "3");
    };
    let Ok(response) = library.oneshot(slim).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        link.upgrade();
        if let Some(sid) = sid {
            open.upgrade(sid, &link);
        }
    }
    let response = response.map(Body::new);
    // Looked up again: the connection may have been admitted while this request waited.
    match session() {
        _ if opening && polls => node_sid::name(response, &node).await,
        Some(connection) if polls => count_taken(&connection, old_payload, response).await,
        _ => response,
    }
}

/// A client over its budget waits before its next packets are read; one that is not yet
/// authenticated may not send much, nor take long.
async fn bounded(session: Option<&Connection>, config: &Config, link: &Link, body: Body) -> Body {
    match session {
        Some(connection) => {
            connection.flow().readable().await;
            match connection.has_guest_bounds() {
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
async fn count_taken(connection: &Connection, old_payload: bool, response: Response) -> Response {
    if old_payload {
        // Not taken apart: what waits is in this response, or in the next one soon.
        connection.flow().taken(usize::MAX);
        return response;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relayed_packets_are_counted() {
        let payload =
            Bytes::from_static(b"2\x1e42[\"a\"]\x1e40{}\x1e451-[\"b\",{}]\x1ebAQI=\x1e431[]\x1e6");
        assert_eq!(relayed_packets(&payload), 4);
    }
}
