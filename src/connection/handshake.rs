//! The query and the headers of a Socket.IO request, as far as they have a meaning here. It must
//! not decide anything.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, Uri, request};

use super::places::Place;
use super::{Came, Client};
use crate::audit::AuditText;
use crate::limits::Account;
use crate::metrics::connections::HandshakeOutcome;
use crate::traces::SpanContext;
use crate::transport::Attach;

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
    /// How the request came.
    pub(crate) came: Came,
    /// What it is a part of, as a proxy of the operator says.
    pub(crate) trace: Option<Box<SpanContext>>,
    /// It came to the address of operators.
    pub(crate) is_internal: bool,
    /// Its place, which the library must not keep.
    pub(crate) place: Weak<Place>,
    /// What its address holds of the server's memory.
    pub(crate) account: Arc<Account>,
    /// What carries it from the beginning.
    pub(crate) carrier: Option<Arc<dyn Attach>>,
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
    /// Reads the request that opens a connection.
    pub(super) fn of(
        parts: &request::Parts,
        query: &Query<'_>,
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
            came: Came::default(),
            trace: None,
            is_internal: false,
            carrier: None,
        }
    }

    /// Its client, on a node of this name, which has declared no dialect so far.
    pub(crate) fn client(&self, node: &Arc<str>) -> Client {
        Client {
            address: self.address,
            user_agent: self.user_agent.clone(),
            declared: None,
            came: self.came,
            node: node.clone(),
        }
    }

    /// Its client is an administrator, who needs no connection beside: what carries it, if that is there.
    pub(crate) fn admit_admin(&self) -> Option<Arc<dyn Attach>> {
        let (carrier, place) = (self.carrier.clone()?, self.place.upgrade()?);
        carrier.carry_admin();
        place.admitted();
        place.handshake_ended(HandshakeOutcome::Admitted);
        Some(carrier)
    }

    /// It has ended so.
    pub(crate) fn ended(&self, outcome: HandshakeOutcome) {
        if let Some(place) = self.place.upgrade() {
            place.handshake_ended(outcome);
        }
    }

    /// It came so, to the address of operators or to that of clients.
    pub(super) fn that_came(self, came: Came, is_internal: bool) -> Self {
        Self {
            came,
            is_internal,
            ..self
        }
    }

    /// It is a part of this.
    pub(super) fn part_of(self, trace: Option<SpanContext>) -> Self {
        Self {
            trace: trace.map(Box::new),
            ..self
        }
    }

    /// This carries it.
    pub(super) fn carried_by(self, carrier: Arc<dyn Attach>) -> Self {
        Self {
            carrier: Some(carrier),
            ..self
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
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Query<'a> {
    pub(super) revision: Option<&'a str>,
    pub(super) transport: Option<&'a str>,
    pub(super) sid: Option<&'a str>,
    pub(super) token: Option<&'a str>,
    pub(super) dialect: Option<&'a str>,
    /// The client takes no bytes.
    pub(super) as_text: bool,
}

impl<'a> Query<'a> {
    pub(super) fn of(uri: &'a Uri) -> Self {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let part = match name {
                "EIO" => &mut query.revision,
                "transport" => &mut query.transport,
                "sid" => &mut query.sid,
                "token" => &mut query.token,
                "dialect" => &mut query.dialect,
                "b64" => {
                    query.as_text = true;
                    continue;
                }
                _ => continue,
            };
            part.get_or_insert(value);
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_counts() {
        let uri: Uri =
            "/socket.io/?EIO=4&token=abc%2Bd&sid&sid=x&sid=y&transport=websocket&t=1&b64=1"
                .parse()
                .expect("a uri");
        let query = Query::of(&uri);
        let expected = Query {
            revision: Some("4"),
            transport: Some("websocket"),
            sid: Some("x"),
            token: Some("abc%2Bd"),
            dialect: None,
            as_text: true,
        };
        assert_eq!(query, expected);
        assert_eq!(query.token.map(decoded).as_deref(), Some("abc+d"));
    }
}
