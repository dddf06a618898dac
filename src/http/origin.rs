//! Which web pages may call: the check of `Origin`, the same for REST and for both transports, and
//! the CORS headers that go with it.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::ORIGIN;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use crate::config::AllowedOrigins;
use crate::connection::edge;

/// Puts the check in front of all routes.
pub(super) fn guard(allowed: &AllowedOrigins, routes: Router) -> Router {
    routes
        .layer(cors(allowed))
        .layer(from_fn_with_state(allowed.clone(), check))
}

/// A request without an origin comes from no web page and is allowed.
async fn check(State(allowed): State<AllowedOrigins>, request: Request, next: Next) -> Response {
    match request.headers().get(ORIGIN) {
        Some(origin) if !is_allowed(&allowed, origin) => edge::refusal(
            StatusCode::FORBIDDEN,
            "Origin not allowed",
            "ORIGIN_NOT_ALLOWED",
        ),
        _ => next.run(request).await,
    }
}

fn is_allowed(allowed: &AllowedOrigins, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| allowed.allows(origin))
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
        .allow_headers(AllowHeaders::mirror_request());
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
