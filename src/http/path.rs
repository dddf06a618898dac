//! The path of a request, and the parameters in it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::model::{Refusal, Why};

/// The request as the routes know it: without the base path, and without a slash at the end of its path, which clients
/// write or leave out.
pub(super) async fn plain(State(app): State<Arc<App>>, mut request: Request) -> Request {
    let uri = request.uri();
    let below = app.config.now().base_path.strip(uri.path());
    let below = below.and_then(|path| with_path(uri, path));
    let short = shortened(below.as_ref().unwrap_or(uri)).or(below);
    if let Some(uri) = short {
        *request.uri_mut() = uri;
    }
    request
}

fn shortened(uri: &Uri) -> Option<Uri> {
    let path = uri
        .path()
        .strip_suffix('/')
        .filter(|path| !path.is_empty())?;
    with_path(uri, path)
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(text.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The parameters of a path. One that is not UTF-8 matches no endpoint.
#[derive(Debug)]
pub(super) struct PathParameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParameters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(parameters)| Self(parameters))
            .map_err(|_| Refusal::new(Why::NoRoute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_at_the_end_is_left_out() {
        for (path, shorter) in [
            ("/health/", Some("/health")),
            (
                "/api/messages/?limit=1&x=/",
                Some("/api/messages?limit=1&x=/"),
            ),
            ("/api//", Some("/api/")),
            ("/socket.io/?EIO=4", Some("/socket.io?EIO=4")),
            ("http://a.example/health/", Some("http://a.example/health")),
            ("/health", None),
            ("/health?x=/", None),
            ("/", None),
            ("*", None),
        ] {
            let uri = path.parse().expect("a uri");
            let found = shortened(&uri).map(|uri| uri.to_string());
            assert_eq!(found.as_deref(), shorter, "{path}");
        }
    }
}
