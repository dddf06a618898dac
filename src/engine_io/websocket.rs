//! The request that becomes a WebSocket: which is one, and its answer. It must not know what it carries.

use axum::body::Body;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, request};
use axum::response::Response;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::EngineError;

/// What a key is: 16 bytes in Base64.
const KEY_LENGTH: usize = 24;

/// The answer to a request that becomes a WebSocket. An error: it asks for none, as when a proxy took the headers off, or
/// can have none.
pub(crate) fn accept(request: &request::Parts) -> Result<Response, EngineError> {
    let headers = &request.headers;
    let asks = names(headers, &UPGRADE, "websocket") && names(headers, &CONNECTION, "upgrade");
    let can = request.method == Method::GET && request.version == Version::HTTP_11;
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key));
    let version = headers.get(SEC_WEBSOCKET_VERSION);
    let is_known = version.is_none_or(|it| it == "13" || it == "8");
    let (true, true, Some(key), true) = (asks, can, key, is_known) else {
        return Err(EngineError::BadRequest);
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    let accept = derive_accept_key(key.as_bytes());
    // Base64 is always a value.
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        answer.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(protocol) = first_protocol(headers) {
        answer.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok(response)
}

/// Whether a header has this among its values.
fn names(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter();
    let mut listed = values.filter_map(|value| value.to_str().ok());
    listed.any(|list| {
        list.split(',')
            .any(|value| value.trim().eq_ignore_ascii_case(wanted))
    })
}

fn is_key(key: &HeaderValue) -> bool {
    let key = key.as_bytes();
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == KEY_LENGTH && key.ends_with(b"==") && key[..KEY_LENGTH - 2].iter().all(is_base64)
}

/// Of the protocols that a client offers, the first is taken: none means anything here, and some clients leave without.
fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offered = headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let first = offered.split(',').next()?.trim();
    HeaderValue::from_str(first)
        .ok()
        .filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    const ASKED: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn parts(headers: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_that_asks_for_a_websocket_becomes_one() {
        let offered = ("sec-websocket-protocol", "a, b");
        let answer = accept(&parts(&[&ASKED[..], &[offered]].concat())).unwrap();
        assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
        let headers = answer.headers();
        assert_eq!(
            headers[SEC_WEBSOCKET_ACCEPT],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!(headers[SEC_WEBSOCKET_PROTOCOL], "a");
    }

    #[test]
    fn others_are_refused() {
        for left_out in [0, 1, 3] {
            let mut headers = ASKED.to_vec();
            headers.remove(left_out);
            assert_eq!(
                accept(&parts(&headers)).unwrap_err(),
                EngineError::BadRequest
            );
        }
        for (at, wrong) in [(2, "12"), (3, "short"), (3, "dGhlIHNhbXBsZSBub25jZQ=?")] {
            let mut headers = ASKED;
            headers[at].1 = wrong;
            assert_eq!(
                accept(&parts(&headers)).unwrap_err(),
                EngineError::BadRequest
            );
        }
        let mut old = parts(&ASKED);
        old.version = Version::HTTP_10;
        assert_eq!(accept(&old).unwrap_err(), EngineError::BadRequest);
        let mut posted = parts(&ASKED);
        posted.method = Method::POST;
        assert_eq!(accept(&posted).unwrap_err(), EngineError::BadRequest);
    }
}
