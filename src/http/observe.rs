//! What is noted of every request when it is answered: which route, how, and how long it took. It must not note a path, a
//! query or a header but `User-Agent`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;

use super::caller::{AnsweredUser, client_of};
use super::headers::request_id;
use super::routes::{Matched, SOCKET_IO};
use super::traced;
use crate::access_log;
use crate::app::App;
use crate::audit::AuditText;
use crate::connection::Client;
use crate::transport::PeerLink;

/// Says what a request matched. Stands between the routes and those who refuse requests before.
pub(super) async fn note_route(request: Request, next: Next) -> Response {
    let template = request.extensions().get::<MatchedPath>().cloned();
    let template = template.as_ref().map(MatchedPath::as_str);
    let matched = Matched::of(template, request.method());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(matched);
    response
}

/// Counts an answer, and writes the line of its request.
pub(super) async fn answered(
    State(app): State<Arc<App>>,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let is_of_socket = is_of_socket(request.uri().path());
    let method = request.method().clone();
    let (request, logged) = match access_log::is_on() {
        true => {
            let client = client_of(&app, &link, request.headers());
            let (request, bytes_in) = counting(request);
            (request, Some((client, bytes_in)))
        }
        false => (request, None),
    };
    let span = match is_of_socket {
        true => None,
        false => traced::request(&app.config.now(), &link, request.headers()),
    };
    let response = match &span {
        Some(span) => span.around(Box::pin(next.run(request))).await,
        None => next.run(request).await,
    };
    let matched = response.extensions().get::<Matched>().copied();
    let matched = matched.unwrap_or_else(|| match is_of_socket {
        true => Matched::of(Some(SOCKET_IO), &method),
        false => Matched::of(None, &method),
    });
    if !is_of_socket {
        matched.answered(response.status(), begun.elapsed());
    }
    if let Some(span) = span {
        traced::answered(&span, matched, &response);
    }
    if let Some((client, bytes_in)) = logged {
        let bytes_in = bytes_in.load(Ordering::Relaxed);
        log(&client, matched, &response, (bytes_in, begun.elapsed()));
    }
    response
}

fn is_of_socket(path: &str) -> bool {
    path.strip_prefix(SOCKET_IO)
        .is_some_and(|rest| matches!(rest, "" | "/"))
}

/// The request, and the bytes that were read of its body.
fn counting(request: Request) -> (Request, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let count = read.clone();
    let request = request.map(|body| match body.is_end_stream() {
        true => body,
        false => Body::new(body.map_frame(move |frame| {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            count.fetch_add(bytes, Ordering::Relaxed);
            frame
        })),
    });
    (request, read)
}

fn log(client: &Client, matched: Matched, response: &Response, of: (u64, Duration)) {
    let user = response.extensions().get::<AnsweredUser>();
    let request = access_log::Request {
        id: request_id(response.headers()),
        method: matched.method(),
        route: matched.template(),
        status: response.status().as_u16(),
    };
    let client = access_log::Client {
        node: &client.node,
        address: client.address,
        user_agent: client.user_agent.as_ref().map(AuditText::as_str),
        user: user.map(|AnsweredUser(id)| id.as_str()),
        bytes_in: of.0,
        bytes_out: response.body().size_hint().lower(),
        duration: of.1,
    };
    access_log::answered(&request, &client);
}
