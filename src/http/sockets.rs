//! Sockets as HTTP has them: the requests of the Socket.IO edge, with the headers that web pages need. It must not look into
//! a request.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::http::header::UPGRADE;
use axum::response::Response;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tower::{Layer as _, Service, ServiceExt as _};
use tower_http::cors::Cors;

use super::origin::Pages;
use crate::connection::SocketIoEdge;

/// The sockets of an address.
#[derive(Clone)]
pub(super) struct Sockets {
    edge: Edge,
    /// The same with the headers for web pages, where they may call. Of WebSockets browsers read no header (Fetch, section
    /// "WebSocket protocol alterations").
    polled_by_pages: Option<Box<Cors<Edge>>>,
}

impl Sockets {
    pub(super) fn new(edge: SocketIoEdge, pages: Option<&Pages>) -> Self {
        let edge = Edge(Arc::new(edge));
        let polled_by_pages = pages.map(|pages| Box::new(pages.cors().layer(edge.clone())));
        Self {
            edge,
            polled_by_pages,
        }
    }

    /// The answer to a request.
    pub(super) async fn answer(&self, request: Request) -> Response {
        match &self.polled_by_pages {
            Some(edge) if !request.headers().contains_key(UPGRADE) => {
                // In a box: a WebSocket does without.
                let Ok(response) = Box::pin(Cors::clone(edge).oneshot(request)).await;
                response
            }
            _ => self.edge.0.answer(request).await,
        }
    }
}

/// The edge in front of the Socket.IO library.
#[derive(Clone)]
pub(super) struct Edge(Arc<SocketIoEdge>);

impl Service<Request> for Edge {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let edge = self.0.clone();
        async move { Ok(edge.answer(request).await) }.boxed()
    }
}
