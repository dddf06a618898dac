//! The path of a request, and the parameters in it.

use axum::extract::{FromRequestParts, Path, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::routes::SOCKET_IO;
use crate::app::App;
use crate::model::{Refusal, Why};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Sockets, whose requests differ in the query alone.
    Sockets,
    /// One of the routes, or none.
    Route,
}

/// Has a route know its request by the path without the base path, and without a slash at its end, which clients write or
/// leave out.
pub(super) fn plain(app: &App, request: &mut Request) -> Target {
    let uri = request.uri();
    let config = app.config.now();
    let below = config.base_path.strip(uri.path());
    if is_of_sockets(below.unwrap_or(uri.path())) {
        return Target::Sockets;
    }
    let below = below.and_then(|path| with_path(uri, path));
    let short = shortened(below.as_ref().unwrap_or(uri)).or(below);
    if let Some(uri) = short {
        *request.uri_mut() = uri;
    }
    Target::Route
}

/// One slash more is left out, as it is of each path.
fn is_of_sockets(path: &str) -> bool {
    path.strip_prefix(SOCKET_IO)
        .is_some_and(|rest| matches!(rest, "" | "/" | "//"))
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
    fn sockets_are_known_by_their_path_alone() {
        for path in ["/socket.io", "/socket.io/", "/socket.io//"] {
            assert!(is_of_sockets(path), "{path}");
        }
        for path in [
            "/",
            "/socket.io/x",
            "/socket.iox",
            "/socket.io///",
            "/x/socket.io",
        ] {
            assert!(!is_of_sockets(path), "{path}");
        }
    }

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
