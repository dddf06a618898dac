//! What is noted of every request when it is answered: which route, how, and how long it took. It must not note a path, a
//! query or a header.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

use super::routes::{Matched, SOCKET_IO};

/// Says what a request matched. Stands between the routes and those who refuse requests before.
pub(super) async fn note_route(request: Request, next: Next) -> Response {
    let template = request.extensions().get::<MatchedPath>().cloned();
    let template = template.as_ref().map(MatchedPath::as_str);
    let matched = Matched::of(template, request.method());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(matched);
    response
}

/// Counts an answer.
pub(super) async fn answered(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let is_of_socket = is_of_socket(request.uri().path());
    let method = request.method().clone();
    let response = next.run(request).await;
    if !is_of_socket {
        let matched = response.extensions().get::<Matched>().copied();
        let matched = matched.unwrap_or_else(|| Matched::of(None, &method));
        matched.answered(response.status(), begun.elapsed());
    }
    response
}

fn is_of_socket(path: &str) -> bool {
    path.strip_prefix(SOCKET_IO).is_some_and(|rest| matches!(rest, "" | "/"))
}
