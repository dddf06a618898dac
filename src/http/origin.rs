//! Which web pages may call: the check of `Origin`, the same for REST and for both transports, and
//! the CORS headers that go with it.
//!
//! A page may also call the server that it came from. Who only names its host is not believed: the page of a
//! stranger can make its own name lead here (DNS rebinding), so the host must be a known one, or come from a
//! trusted proxy.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, HOST, ORIGIN, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use super::caller::client_of;
use super::cookies;
use super::headers::REQUEST_ID;
use super::refused_origins::{Page, RefusedOrigins};
use crate::app::App;
use crate::audit::{AuditText, Event, Record};
use crate::config::{AllowedOrigins, Config, Origin};
use crate::connection::edge;
use crate::limits::address::is_trusted;
use crate::limits::proxied;
use crate::metrics::refusals;
use crate::model::ErrorCode;
use crate::transport::Link;

/// The headers of an answer that a page may read, beside those that it always may.
const EXPOSED: [HeaderName; 2] = [REQUEST_ID, RETRY_AFTER];

/// How long a browser may remember that a request is allowed. None remembers it for longer than a day, and some for two
/// hours; whether the origin is allowed is asked with each request all the same.
const MAX_AGE: Duration = Duration::from_secs(2 * 3600);

/// Which web pages may call, and what their browsers are told of it.
pub(super) struct Pages {
    app: Arc<App>,
    cors: CorsLayer,
    refused: RefusedOrigins,
}

impl Pages {
    /// By the settings that are in effect.
    pub(super) fn of(app: &Arc<App>) -> Self {
        Self {
            app: app.clone(),
            cors: cors(&app.config.now().allowed_origins),
            refused: RefusedOrigins::default(),
        }
    }

    /// The headers for browsers, which answers have that are within this.
    pub(super) fn cors(&self) -> CorsLayer {
        self.cors.clone()
    }

    /// A request without an origin comes from no web page that may not read it, and is allowed.
    ///
    /// # Errors
    /// The refusal of another, which its page may read.
    pub(super) fn admit(&self, link: &Link, request: &mut Request) -> Result<(), Box<Response>> {
        let headers = request.headers();
        let config = &self.app.config.now();
        let cookies_count = match headers.get(ORIGIN) {
            Some(origin) => {
                let page = || page_of(config, link, headers, origin);
                match &config.allowed_origins {
                    // Anybody's page must not act for whoever looks at it.
                    AllowedOrigins::Any => page() == Page::Own,
                    listed if is_allowed(listed, origin) => true,
                    _ => match page() {
                        Page::Own => true,
                        other => return Err(Box::new(self.refuse(link, headers, origin, other))),
                    },
                }
            }
            None => cookies::count_without_origin(request),
        };
        if cookies_count {
            cookies::note_token(&config.auth_cookie, request);
        }
        Ok(())
    }

    fn refuse(
        &self,
        link: &Link,
        headers: &HeaderMap,
        origin: &HeaderValue,
        page: Page,
    ) -> Response {
        let name = AuditText::new(&String::from_utf8_lossy(origin.as_bytes()));
        self.refused.log(name.as_str(), page);
        let client = client_of(&self.app, link, headers);
        let event = Event::OriginRefused { origin: name };
        let record = Record::new(&client.source(None, None), None, event);
        self.app.audit.record(record);
        refusals::of_rest(ErrorCode::OriginNotAllowed);
        let code = ErrorCode::OriginNotAllowed.as_str();
        let mut response = edge::refusal(StatusCode::FORBIDDEN, "Origin not allowed", code);
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(VARY, HeaderValue::from_static("origin"));
        let exposed = EXPOSED.map(|name| name.as_str().to_owned()).join(",");
        if let Ok(exposed) = HeaderValue::from_str(&exposed) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        response
    }
}

fn is_allowed(allowed: &AllowedOrigins, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| allowed.allows(origin))
}

/// Where a page is from that is not of an allowed origin.
fn page_of(config: &Config, link: &Link, headers: &HeaderMap, origin: &HeaderValue) -> Page {
    let Some(origin) = origin.to_str().ok().and_then(Origin::parse) else {
        return Page::Foreign;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_host = host.is_some_and(|host| origin.is_served_by(host));
    let is_forwarded = proxied::hosts(headers).any(|host| origin.is_served_by(host));
    let has_scheme = proxied::scheme(headers).is_none_or(|scheme| origin.scheme() == scheme);
    let is_known = |host| config.public_hosts.contain(host) || config.allowed_origins.name(host);
    let peer = link.peer().ip().to_canonical();
    match is_host || is_forwarded {
        true if has_scheme && is_trusted(peer, &config.trusted_proxies) => Page::Own,
        true if is_host && is_known(origin.host()) => Page::Own,
        true => Page::Unknown,
        false => Page::Foreign,
    }
}

fn cors(allowed: &AllowedOrigins) -> CorsLayer {
    let cors = CorsLayer::new()
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        // A plain `*` would not allow `Authorization`.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE);
    match allowed {
        AllowedOrigins::Any => cors.allow_origin(Any),
        AllowedOrigins::List(_) => {
            let allowed = allowed.clone();
            cors.allow_origin(AllowOrigin::predicate(move |origin, _| {
                is_allowed(&allowed, origin)
            }))
            .allow_credentials(true)
        }
    }
}
