//! What is noted of every request when it is answered: which route, how, and how long it took. It must not note a path, a
//! query or a header but `User-Agent`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt as _;

use super::caller::{AnsweredUser, client_of};
use super::headers::request_id;
use super::path::Target;
use super::routes::{Matched, SOCKET_IO};
use super::traced;
use crate::access_log;
use crate::app::App;
use crate::audit::AuditText;
use crate::connection::Client;
use crate::traces::Span;
use crate::transport::Link;

/// Says what a request matched. Stands between the routes and those who refuse requests before.
pub(super) async fn note_route(request: Request, next: Next) -> Response {
    let template = request.extensions().get::<MatchedPath>().cloned();
    let template = template.as_ref().map(MatchedPath::as_str);
    let matched = Matched::of(template, request.method());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(matched);
    response
}

/// A request that is being answered.
pub(super) struct Observed {
    begun: Instant,
    target: Target,
    method: Method,
    /// What its line in the log says of it, with the bytes that were read of its body.
    logged: Option<(Client, Arc<AtomicU64>)>,
    span: Option<Span>,
}

impl Observed {
    /// The answer to this request is counted, and the line of it written, when that [ends](Self::end).
    pub(super) fn begin(
        app: &App,
        link: &Link,
        target: Target,
        request: Request,
    ) -> (Self, Request) {
        let (begun, method) = (Instant::now(), request.method().clone());
        let (request, logged) = match access_log::is_on() {
            true => {
                let client = client_of(app, link, request.headers());
                let (request, bytes_in) = counting(request);
                (request, Some((client, bytes_in)))
            }
            false => (request, None),
        };
        let span = match target {
            Target::Sockets => None,
            Target::Route => traced::request(&app.config.now(), link, request.headers()),
        };
        let observed = Self {
            begun,
            target,
            method,
            logged,
            span,
        };
        (observed, request)
    }

    /// Answers it within its span.
    pub(super) async fn around<F: Future + Unpin>(&self, answering: F) -> F::Output {
        match &self.span {
            Some(span) => span.around(answering).await,
            None => answering.await,
        }
    }

    /// This is the answer.
    pub(super) fn end(self, response: &Response) {
        let matched = response.extensions().get::<Matched>().copied();
        let matched = matched.unwrap_or_else(|| match self.target {
            Target::Sockets => Matched::of(Some(SOCKET_IO), &self.method),
            Target::Route => Matched::of(None, &self.method),
        });
        if self.target == Target::Route {
            matched.answered(response.status(), self.begun.elapsed());
        }
        if let Some(span) = self.span {
            traced::answered(&span, matched, response);
        }
        if let Some((client, bytes_in)) = self.logged {
            let bytes_in = bytes_in.load(Ordering::Relaxed);
            log(&client, matched, response, (bytes_in, self.begun.elapsed()));
        }
    }
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
