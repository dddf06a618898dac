//! What a trusted proxy says of the request that it received: `X-Forwarded-Host`, `X-Forwarded-Proto`, and `Forwarded`
//! (RFC 7239). Of several values the last is the proxy's own. Whether it is trusted is decided elsewhere.

use axum::http::HeaderMap;

use super::forwarded::parameter as parameter_of;

const FORWARDED: &str = "forwarded";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The hosts that the request was sent to.
pub(crate) fn hosts(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let own = last(headers, FORWARDED_HOST);
    own.into_iter().chain(parameter(headers, "host"))
}

/// The scheme that it was sent by, as origins have it.
pub(crate) fn scheme(headers: &HeaderMap) -> Option<&'static str> {
    let named = last(headers, FORWARDED_PROTO).or_else(|| parameter(headers, "proto"))?;
    match named.to_ascii_lowercase().as_str() {
        "http" | "ws" => Some("http"),
        "https" | "wss" => Some("https"),
        _ => None,
    }
}

fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim)
}

/// A parameter of the last element of `Forwarded`.
fn parameter<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = parameter_of(last(headers, FORWARDED)?, name)?;
    Some(value.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> (Vec<String>, Option<&'static str>) {
        let pairs = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, value);
        }
        (hosts(&map).map(str::to_owned).collect(), scheme(&map))
    }

    #[test]
    fn the_last_value_is_the_one_that_counts() {
        let host = FORWARDED_HOST;
        assert_eq!(
            of(&[(host, "evil.example, chat.example")]).0,
            ["chat.example"]
        );
        assert_eq!(
            of(&[(host, "evil.example"), (host, "chat.example:8443")]).0,
            ["chat.example:8443"]
        );
        let forwarded =
            "for=1.1.1.1;host=evil.example, for=\"[::1]:9\";Host=\"chat.example\";proto=HTTPS";
        assert_eq!(
            of(&[(FORWARDED, forwarded)]),
            (vec!["chat.example".to_owned()], Some("https"))
        );
        assert_eq!(
            of(&[(FORWARDED_PROTO, "https, wss")]),
            (vec![], Some("https"))
        );
        assert_eq!(of(&[(FORWARDED_PROTO, "gopher")]), (vec![], None));
        assert_eq!(of(&[]), (vec![], None));
    }
}
