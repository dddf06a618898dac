//! The headers that every answer has: the id of its request, that its type is not to be guessed, and, unless it says
//! otherwise itself, that nobody on the way keeps it: it is for one user, or true only now.

use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use uuid::{Builder, Uuid};

/// By which a request is found in the log.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Names a request that has no name which can stand in a log.
pub(super) fn name(request: &mut Request) -> HeaderValue {
    let id = match given_id(request.headers()) {
        Some(id) => id.clone(),
        None => new_id(),
    };
    request.headers_mut().insert(REQUEST_ID, id.clone());
    id
}

/// Sets the headers of the answer to the request of this name.
pub(super) fn set(response: &mut Response, id: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let kept = headers.entry(CACHE_CONTROL);
    kept.or_insert(HeaderValue::from_static("no-store"));
}

/// The id of a request, which its answer has.
pub(super) fn request_id(headers: &HeaderMap) -> &str {
    let id = headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    id.unwrap_or("-")
}

/// The id that the client gave, if it is one: 1 to 128 of `[A-Za-z0-9._-]`.
fn given_id(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut given = headers.get_all(REQUEST_ID).iter();
    let id = given.next().filter(|_| given.next().is_none())?;
    let fits = (1..=MAX_REQUEST_ID_BYTES).contains(&id.len());
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    (fits && id.as_bytes().iter().all(is_plain)).then_some(id)
}

fn new_id() -> HeaderValue {
    // The random bytes of a thread take no system call.
    let now = jiff::Timestamp::now().as_millisecond().unsigned_abs();
    let id = Builder::from_unix_timestamp_millis(now, &rand::random()).into_uuid();
    let mut text = Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text))
        .unwrap_or(HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_when_it_is_short_and_plain() {
        let kept = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            }
            given_id(&headers).is_some()
        };
        for good in ["a", "A-z_0.9", &"x".repeat(128)] {
            assert!(kept(&[good.as_bytes()]), "{good}");
        }
        for bad in [
            "",
            " ",
            "a b",
            "a\tb",
            "a/b",
            "a\"b",
            "{}",
            "a,b",
            &"x".repeat(129),
        ] {
            assert!(!kept(&[bad.as_bytes()]), "{bad}");
        }
        assert!(!kept(&[]) && !kept(&[b"a", b"b"]) && !kept(&[b"\xc3\xa9"]));
    }
}
