//! Answers refusals later that an address gets too often: who does not wait for answers is not served
//! faster. It must not know why a request was refused.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::StatusCode;

use crate::app::App;
use crate::limits::address::client_address;
use crate::transport::Link;

/// Whose request it is.
pub(super) fn address(app: &App, link: &Link, request: &Request) -> IpAddr {
    let trusted = &app.config.now().trusted_proxies;
    client_address(link.peer().ip(), request.headers(), trusted)
}

/// Waits with an answer of this status as long as this address has to, if it is a refusal.
pub(super) async fn delay_refusal(app: &App, address: IpAddr, status: StatusCode) {
    if status.is_client_error() {
        let delay = app.limits.refusals.delay(address);
        if !delay.is_zero() && !app.drain.has_begun() {
            tokio::time::sleep(delay).await;
        }
    }
}
