//! What is served on an address, and what every request there passes through on its way in and out. It must not know a
//! route.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use futures_util::FutureExt as _;
use tower::ServiceExt as _;

use super::observe::Observed;
use super::origin::Pages;
use super::path::{self, Target};
use super::sockets::Sockets;
use super::{error, headers, host, pace, proxies};
use crate::app::App;
use crate::connection::edge;
use crate::transport::{Answers, Link, PeerLink};

/// Sockets and routes of an address. Clones share them.
#[derive(Clone)]
pub(crate) struct Served(Arc<Address>);

struct Address {
    app: Arc<App>,
    routes: Router,
    sockets: Option<Sockets>,
    /// Which web pages may call, where any may.
    pages: Option<Pages>,
}

impl Served {
    pub(super) fn new(
        app: &Arc<App>,
        routes: Router,
        sockets: Option<Sockets>,
        pages: Option<Pages>,
    ) -> Self {
        Self(Arc::new(Address {
            app: app.clone(),
            routes,
            sockets,
            pages,
        }))
    }
}

impl Answers for Served {
    async fn answer(self, link: Arc<Link>, mut request: Request) -> Response {
        let app = &self.0.app;
        let target = path::plain(app, &mut request);
        let (observed, mut request) = Observed::begin(app, &link, target, request);
        let id = headers::name(&mut request);
        link.request_began();
        let address = pace::address(app, &link, &request);
        // A panic ends the request, and not its connection.
        let handled = AssertUnwindSafe(self.0.handle(&link, target, request)).catch_unwind();
        let handled = observed.around(pin!(handled)).await;
        let mut response = handled.unwrap_or_else(error::panicked);
        pace::delay_refusal(app, address, response.status()).await;
        edge::request_ended(&app.drain, &link, &mut response);
        headers::set(&mut response, id);
        observed.end(&response);
        response
    }
}

impl Address {
    async fn handle(&self, link: &Arc<Link>, target: Target, mut request: Request) -> Response {
        proxies::notice(&self.app, link, &request);
        if let Some(refusal) = host::refused(&request) {
            return refusal;
        }
        if let Some(pages) = &self.pages
            && let Err(refusal) = pages.admit(link, &mut request)
        {
            return *refusal;
        }
        let peer = ConnectInfo(PeerLink(link.clone()));
        request.extensions_mut().insert(peer);
        match (&self.sockets, target) {
            (Some(sockets), Target::Sockets) => sockets.answer(request).await,
            _ => {
                // In a box: what it takes to open a socket is small beside it.
                let Ok(response) = Box::pin(self.routes.clone().oneshot(request)).await;
                response
            }
        }
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Served")
    }
}
