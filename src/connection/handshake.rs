//! The query and the headers of a Socket.IO request, as far as they have a meaning here. It must
//! not decide anything.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, Uri, request};

use super::node_sid;
use super::places::Place;
use crate::audit::AuditText;
use crate::limits::Account;
use crate::transport::Link;

/// What is known of a client from the request that opened its connection.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    /// The client's address, as reported by trusted proxies.
    pub(crate) address: IpAddr,
    /// The client's program.
    pub(crate) user_agent: Option<AuditText<256>>,
    /// `Authorization`, as it came.
    pub(crate) authorization: Option<Arc<str>>,
    /// The token in a cookie, where that counts.
    pub(crate) cookie: Option<CookieToken>,
    /// `token` in the query.
    pub(crate) token: Option<Arc<str>>,
    /// `dialect` in the query.
    pub(crate) dialect: Option<Arc<str>>,
    /// Its place, which the library must not keep.
    pub(crate) place: Weak<Place>,
    /// What its address holds of the server's memory.
    pub(crate) account: Arc<Account>,
    /// The TCP connection it came on, when that becomes its WebSocket. One on which a polling client's
    /// request came may be a proxy's, and carry others' requests next, or another's WebSocket.
    pub(crate) link: Option<Arc<Link>>,
}

/// A token from a cookie of a request whose cookies count.
#[derive(Clone)]
pub(crate) struct CookieToken(Arc<str>);

impl CookieToken {
    pub(crate) fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// It.
    pub(crate) fn token(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Debug for CookieToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieToken")
    }
}

impl Handshake {
    /// Reads the request that opens a connection, and came on this link.
    pub(super) fn of(
        parts: &request::Parts,
        query: &Query<'_>,
        link: &Arc<Link>,
        (address, place): (IpAddr, &Arc<Place>),
    ) -> Self {
        let authorization = parts.headers.get(AUTHORIZATION);
        Self {
            address,
            place: Arc::downgrade(place),
            account: place.account().clone(),
            user_agent: user_agent(&parts.headers),
            authorization: authorization.and_then(|value| value.to_str().ok().map(Into::into)),
            cookie: parts.extensions.get().cloned(),
            token: query.token.map(decoded),
            dialect: query.dialect.map(decoded),
            link: (query.transport == Some("websocket")).then(|| link.clone()),
        }
    }
}

/// The client's program, as records name it.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<AuditText<256>> {
    let agent = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(AuditText::new(agent))
}

fn decoded(text: &str) -> Arc<str> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into()
}

/// The parts of the query that mean something.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) revision: Option<&'a str>,
    pub(super) transport: Option<&'a str>,
    pub(super) sid: Option<&'a str>,
    pub(super) token: Option<&'a str>,
    pub(super) dialect: Option<&'a str>,
    /// What the library reads, as it was written.
    pub(super) passed_on: String,
}

impl<'a> Query<'a> {
    pub(super) fn of(uri: &'a Uri) -> Self {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (part, passed_on) = match name {
                "EIO" => (&mut query.revision, true),
                "transport" => (&mut query.transport, true),
                // Without a `=` the library does not see it, either.
                "sid" if pair.contains('=') => (&mut query.sid, true),
                "token" => (&mut query.token, false),
                "dialect" => (&mut query.dialect, false),
                "b64" => (&mut None, true),
                _ => continue,
            };
            if part.is_none() {
                let is_sid = name == "sid";
                let value = match is_sid {
                    true => node_sid::without_name(value),
                    false => value,
                };
                *part = Some(value);
                if passed_on {
                    query.passed_on.extend(match is_sid {
                        true => ["sid=", value, "&"],
                        false => ["", pair, "&"],
                    });
                }
            }
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_passed_on_and_the_first_of_a_name_counts() {
        let uri: Uri = "/socket.io/?EIO=4&token=abc%2Bd&sid=x&sid=y&transport=websocket&t=1"
            .parse()
            .expect("a uri");
        let query = Query::of(&uri);
        assert_eq!((query.revision, query.sid), (Some("4"), Some("x")));
        assert_eq!(query.passed_on, "EIO=4&sid=x&transport=websocket&");
        assert_eq!(query.token.map(decoded).as_deref(), Some("abc+d"));
    }

    #[test]
    fn the_name_of_the_node_is_not_passed_on() {
        let uri: Uri = "/socket.io/?EIO=4&transport=polling&sid=relay-1.x&t=1"
            .parse()
            .expect("a uri");
        let query = Query::of(&uri);
        assert_eq!(query.sid, Some("x"));
        assert_eq!(query.passed_on, "EIO=4&transport=polling&sid=x&");
    }
}
