//! Serves HTTP/1.1 on the connections of a listener, with bounds on what a request may be and take. It must
//! not know a route.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tower::ServiceExt;

use super::body::{Pace, PacedBody};
use super::link::Link;
use super::listener::GuardedListener;
use crate::config::Live;

/// The link of the connection that a request arrived on, for its handler.
#[derive(Debug, Clone)]
pub(crate) struct PeerLink(pub(crate) Arc<Link>);

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
/// served by the routes there are when it comes.
pub(crate) async fn serve(
    mut listener: GuardedListener,
    routes: Live<Router>,
    limits: Live<RequestLimits>,
) {
    let memory = listener.memory().clone();
    let mut http = http1::Builder::new();
    loop {
        let accepted = listener.accept().await;
        http.max_buf_size(limits.now().max_head);
        let (http, link) = (http.clone(), accepted.link.clone());
        let (routes, limits, memory) = (routes.clone(), limits.clone(), memory.clone());
        let service = service_fn(move |request| {
            let held = memory.hold(REQUEST_BYTES);
            let answered = answer(
                routes.now().clone(),
                link.clone(),
                limits.now().pace,
                request,
            );
            async move {
                let _held = held;
                answered.await
            }
        });
        tokio::spawn(async move {
            match accepted.open().await {
                Ok(stream) => {
                    let connection = http.serve_connection(TokioIo::new(stream), service);
                    connection.with_upgrades().await
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection has ended before a request");
                    Ok(())
                }
            }
        });
    }
}

async fn answer(
    router: Router,
    link: Arc<Link>,
    pace: Pace,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let mut request = request.map(|body| Body::new(PacedBody::new(body, pace)));
    request.extensions_mut().insert(ConnectInfo(PeerLink(link)));
    router.oneshot(request).await
}
