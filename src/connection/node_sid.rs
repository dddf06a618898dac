//! The ids of Engine.IO sessions as polling clients see them: the name of this node is in front, so a
//! load balancer knows from each request of an Engine.IO session which node has it. Neither the
//! client's address nor a cookie would do: many clients share the one, and many keep no cookies.
//!
//! A client that begins with a WebSocket stays on its connection, and its id is left as it is.

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use http_body_util::BodyExt as _;
use socketioxide::socket::Sid;

/// Between the name and the id. It is in neither, and clients send it back unescaped.
const SEPARATOR: char = '.';
/// What stands before the id in the first answer to a polling client.
const BEFORE_ID: &str = r#"{"sid":""#;

/// The library's own id.
pub(super) fn without_name(sid: &str) -> &str {
    sid.rsplit_once(SEPARATOR).map_or(sid, |(_, own)| own)
}

/// The first answer to a polling client, with the name in front of the id, and with the number of bytes up to which the
/// client is to put events together in one request; and the id.
pub(super) async fn name(
    response: Response,
    node: &str,
    max_payload: usize,
) -> (Response, Option<Sid>) {
    let (mut parts, body) = response.into_parts();
    // The library has made the whole body, so there is no error and nothing to wait for.
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.unwrap_or_default();
    let sid = sid_of(&body);
    let body = match with_name(&body, node, max_payload) {
        Some(named) => {
            parts.headers.remove(CONTENT_LENGTH);
            Body::from(named)
        }
        None => Body::from(body),
    };
    (Response::from_parts(parts, body), sid)
}

fn sid_of(body: &Bytes) -> Option<Sid> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once(BEFORE_ID)?;
    rest.split('"').next()?.parse().ok()
}

/// The handshake `0{"sid":"…` with the name; `None` when it is none. In protocol 3 its length
/// stands before it: `97:0{"sid":"…`.
fn with_name(body: &Bytes, node: &str, max_payload: usize) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let (kind, rest) = text.split_once(BEFORE_ID)?;
    let name = format!("{}{SEPARATOR}", written(node));
    let told = with_max_payload(rest, max_payload);
    let kind = match kind.split_once(':') {
        Some((length, kind)) => {
            let length = length.parse::<usize>().ok()? + name.len() + told.len();
            format!("{}:{kind}", length.checked_sub(rest.len())?)
        }
        None => kind.to_owned(),
    };
    Some([&kind, BEFORE_ID, &name, &told].concat())
}

/// The library tells what it accepts, which has room for an event in Base64. Clients reckon with somewhat less than that
/// takes, and would put too much into one request.
fn with_max_payload(handshake: &str, max_payload: usize) -> String {
    const FIELD: &str = "\"maxPayload\":";
    let Some((before, rest)) = handshake.split_once(FIELD) else {
        return handshake.to_owned();
    };
    let after = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    format!("{before}{FIELD}{max_payload}{after}")
}

/// The name of a node as it is in ids: two that are written alike are one for a balancer.
pub(crate) fn written(node: &str) -> String {
    node.chars().map(plain).collect()
}

/// What needs no escape in a query, nor in the configuration of a balancer.
fn plain(character: char) -> char {
    match character.is_ascii_alphanumeric() || character == '_' {
        true => character,
        false => '-',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &'static str, node: &str) -> Option<String> {
        with_name(&Bytes::from_static(text.as_bytes()), node, 100)
    }

    #[test]
    fn the_name_stands_before_the_id_and_is_taken_off_again() {
        let handshake = named(r#"0{"sid":"abc","upgrades":[]}"#, "relay-1").expect("a handshake");
        assert_eq!(handshake, r#"0{"sid":"relay-1.abc","upgrades":[]}"#);
        assert_eq!(without_name("relay-1.abc"), "abc");
        assert_eq!(without_name("abc"), "abc");
        assert_eq!(without_name("relay-1."), "");
    }

    #[test]
    fn the_length_in_protocol_3_counts_the_name() {
        let handshake = named(r#"13:0{"sid":"ab"}"#, "n").expect("a handshake");
        assert_eq!(handshake, r#"15:0{"sid":"n.ab"}"#);
        let text = r#"34:0{"sid":"ab","maxPayload":1000000}"#;
        let handshake = named(text, "n").expect("a handshake");
        assert_eq!(handshake, r#"32:0{"sid":"n.ab","maxPayload":100}"#);
    }

    #[test]
    fn a_name_is_written_in_characters_that_need_no_escape() {
        let handshake = named(r#"0{"sid":"x"}"#, "één.example/\"_1").expect("a handshake");
        assert_eq!(handshake, r#"0{"sid":"--n-example--_1.x"}"#);
    }

    #[test]
    fn what_is_no_handshake_is_left_alone() {
        assert_eq!(
            named(r#"{"code":"0","message":"Transport unknown"}"#, "n"),
            None
        );
    }
}
