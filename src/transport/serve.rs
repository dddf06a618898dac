//! Serves HTTP/1.1 on the connections of a listener, with bounds on what a request may be and take. It must
//! not know a route.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::body::{Pace, PacedBody};
use super::link::Link;
use super::listener::GuardedListener;
use crate::config::Live;

/// The link of the connection that a request arrived on, for its handler.
#[derive(Debug, Clone)]
pub(crate) struct PeerLink(pub(crate) Arc<Link>);

/// What answers requests, which its clones share.
pub(crate) trait Answers: Clone + Send + Sync + 'static {
    /// Answers a request that arrived on this link.
    fn answer(self, link: Arc<Link>, request: Request) -> impl Future<Output = Response> + Send;
}

/// Bounds of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestLimits {
    /// Bytes of its first line and headers.
    pub(crate) max_head: usize,
    pub(crate) pace: Pace,
}

/// What a request takes while it is answered, beside its body and its answer, in bytes: measured, and
/// rounded up.
const REQUEST_BYTES: usize = 40 * 1024;

/// Serves all connections until the task ends; never returns. Errors of single connections stay with them. A request is
/// served by what there is when it comes.
pub(crate) async fn serve(
    mut listener: GuardedListener,
    answers: Live<impl Answers>,
    limits: Live<RequestLimits>,
) {
    let memory = listener.memory().clone();
    let mut http = http1::Builder::new();
    loop {
        let accepted = listener.accept().await;
        http.max_buf_size(limits.now().max_head);
        let (http, link, upgrading) = (http.clone(), accepted.link.clone(), accepted.link.clone());
        let (answers, limits, memory) = (answers.clone(), limits.clone(), memory.clone());
        let service = service_fn(move |request| {
            let held = memory.hold(REQUEST_BYTES);
            let request = paced(request, limits.now().pace);
            let answered = answers.now().clone().answer(link.clone(), request);
            answered.map(move |answer| {
                drop(held);
                Ok::<_, Infallible>(answer)
            })
        });
        // In a box: it is large, and would be moved several times.
        tokio::spawn(Box::pin(async move {
            match accepted.open().await {
                Ok(stream) => {
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    if let Err(error) = connection.with_upgrades().await {
                        tracing::debug!(%error, "a connection has ended with a request");
                    }
                    if let Some(next) = upgrading.take_next() {
                        next.await;
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection has ended before a request");
                }
            }
        }));
    }
}

/// The request with a body that has to arrive in time.
fn paced(request: Request<Incoming>, pace: Pace) -> Request {
    request.map(|body| match body.is_end_stream() {
        true => Body::empty(),
        false => Body::new(PacedBody::new(body, pace)),
    })
}
