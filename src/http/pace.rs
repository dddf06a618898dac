//! Answers refusals later that an address gets too often: who does not wait for answers is not served
//! faster. It must not know why a request was refused.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::limits::address::client_address;
use crate::transport::PeerLink;

pub(super) async fn delay_refusals(
    State(app): State<Arc<App>>,
    ConnectInfo(PeerLink(link)): ConnectInfo<PeerLink>,
    request: Request,
    next: Next,
) -> Response {
    let trusted = &app.config.now().trusted_proxies;
    let address = client_address(link.peer().ip(), request.headers(), trusted);
    let response = next.run(request).await;
    if response.status().is_client_error() {
        let delay = app.limits.refusals.delay(address);
        if !delay.is_zero() && !app.drain.has_begun() {
            tokio::time::sleep(delay).await;
        }
    }
    response
}
