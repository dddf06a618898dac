//! Tokens in cookies, where the settings name some: which requests they count for, and where those keep them.
//!
//! A browser sends cookies with whatever any page makes it request, so a cookie alone proves nothing: it counts for
//! pages of this server's own and of listed origins. Whether an origin is one of these is for `origin`.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;

use crate::config::CookieNames;
use crate::connection::CookieToken;

const FETCH_SITE: &str = "sec-fetch-site";

/// Whether the cookies of a request without an `Origin` count. Browsers name the origin of whatever is not only read,
/// and new ones say who reads.
pub(super) fn count_without_origin(request: &Request) -> bool {
    let from = request.headers().get(FETCH_SITE);
    match from.map(|from| from.as_bytes()) {
        Some(b"same-origin") => true,
        Some(b"none") | None => request.method().is_safe(),
        Some(_) => false,
    }
}

/// Keeps the token that is in one of these cookies, as one that counts.
pub(super) fn note_token(names: &CookieNames, request: &mut Request) {
    if names.is_empty() {
        return;
    }
    if let Some(token) = token(names, request.headers()) {
        request.extensions_mut().insert(token);
    }
}

fn token(names: &CookieNames, headers: &HeaderMap) -> Option<CookieToken> {
    let cookies = headers.get_all(COOKIE).iter();
    let cookies: Vec<_> = cookies.filter_map(|value| value.to_str().ok()).collect();
    names.find(&cookies).map(CookieToken::new)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn without_an_origin_cookies_count_for_own_pages_and_for_what_is_only_read() {
        let count = |method: &str, site: Option<&str>| {
            let request = Request::builder().method(method).uri("/");
            let request = match site {
                Some(site) => request.header(FETCH_SITE, site),
                None => request,
            };
            count_without_origin(&request.body(Body::empty()).expect("a request"))
        };
        for (site, get, post) in [
            (None, true, false),
            (Some("none"), true, false),
            (Some("same-origin"), true, true),
            (Some("same-site"), false, false),
            (Some("cross-site"), false, false),
        ] {
            assert_eq!(
                (count("GET", site), count("POST", site)),
                (get, post),
                "{site:?}"
            );
        }
    }
}
