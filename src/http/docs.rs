//! `/docs`, `/openapi.json` and `/asyncapi.json`: what the relay takes and answers, for programs and as a page that
//! asks no other host. It must not know what is described.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::openapi;
use crate::app::App;
use crate::dialects::asyncapi;
use crate::model::Dialect;

/// Nothing from elsewhere, and nothing that is written in the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static OPENAPI: LazyLock<String> = LazyLock::new(|| openapi::document().to_string());

/// The document of all routes, for people to read.
pub(crate) fn openapi_text() -> String {
    format!("{:#}", openapi::document())
}

/// The document of the events of these dialects, for people to read.
pub(crate) fn asyncapi_text(dialects: &[Dialect]) -> String {
    format!("{:#}", asyncapi::document(dialects))
}

/// The routes.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/openapi.json", get(openapi_json))
        .route("/asyncapi.json", get(asyncapi_json))
        .route("/docs", get(page))
        .route("/docs/page.js", get(program))
        .route("/docs/page.css", get(style))
}

async fn openapi_json() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI.as_str()).into_response()
}

async fn asyncapi_json(State(app): State<Arc<App>>) -> Response {
    let document = asyncapi::document(&app.config.now().dialects).to_string();
    ([(CONTENT_TYPE, "application/json")], document).into_response()
}

async fn page() -> Response {
    of_page("text/html; charset=utf-8", include_str!("docs/page.html"))
}

async fn program() -> Response {
    of_page(
        "text/javascript; charset=utf-8",
        include_str!("docs/page.js"),
    )
}

async fn style() -> Response {
    of_page("text/css; charset=utf-8", include_str!("docs/page.css"))
}

fn of_page(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text).into_response()
}
