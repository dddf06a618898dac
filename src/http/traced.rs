//! The span of a request. It must not say anything that a client wrote, but the id of the request, and follows the context
//! of others only where they are known: from a proxy of the operator, or with the token of an administrator.

use axum::http::HeaderMap;
use axum::response::Response;

use super::administrator::Admin;
use super::headers::request_id;
use super::routes::{Matched, OTHER, UNMATCHED};
use crate::config::Config;
use crate::limits::address::is_trusted;
use crate::traces::{self, Attribute, Name, Parent, Span};
use crate::transport::Link;

/// The span of a request, if spans are recorded. Its route is not known yet.
pub(super) fn request(config: &Config, link: &Link, headers: &HeaderMap) -> Option<Span> {
    if !traces::is_on() {
        return None;
    }
    let parent = match traces::sent(headers) {
        Some(context) if is_believed(config, link, headers) => Parent::Remote(context),
        _ => Parent::Nothing,
    };
    let name = Name::Http {
        method: OTHER,
        route: UNMATCHED,
    };
    Span::begin(name, parent)
}

fn is_believed(config: &Config, link: &Link, headers: &HeaderMap) -> bool {
    let peer = link.peer().ip().to_canonical();
    is_trusted(peer, &config.trusted_proxies) || Admin::sent(config, headers)
}

/// It is answered.
pub(super) fn answered(span: &Span, matched: Matched, response: &Response) {
    let (method, route) = (matched.method(), matched.template());
    let status = response.status();
    span.rename(Name::Http { method, route });
    span.note(Attribute::Method(method));
    span.note(Attribute::Route(route));
    span.note(Attribute::Status(status.as_u16()));
    span.note(Attribute::RequestId(request_id(response.headers())));
    span.answered();
}
