//! Where a connection or a request comes from, and how audit records name that.

use std::net::IpAddr;
use std::sync::Arc;

use super::ConnectionId;
use crate::audit::{AuditText, Encoded, Source};
use crate::model::{Dialect, Identity};

/// Where a connection, or a request, comes from.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The client's own address, as reported by trusted proxies.
    pub(crate) address: IpAddr,
    /// Its `User-Agent`.
    pub(crate) user_agent: Option<AuditText<256>>,
    /// The dialect it declared, or the only one there is.
    pub(crate) declared: Option<Dialect>,
    /// How its first request came.
    pub(crate) came: Came,
    /// The name of this server.
    pub(crate) node: Arc<str>,
}

/// How the request came by which a client opened its connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Came {
    /// From a web page, which names its origin.
    pub(crate) from_page: bool,
    /// By TLS, to this server or to a trusted proxy in front of it.
    pub(crate) by_tls: bool,
}

impl Client {
    /// How records name it where an administrator speaks, by the name of their token.
    pub(crate) fn admin_source(&self, token: &Arc<str>) -> Arc<Source> {
        let source = Source::clone(&self.source(None, None));
        Arc::new(Source {
            username: Some(token.clone()),
            ..source
        })
    }

    /// How records name this client, on this connection and for the user it speaks for.
    pub(crate) fn source(
        &self,
        connection: Option<ConnectionId>,
        identity: Option<&Identity>,
    ) -> Arc<Source> {
        Arc::new(Source {
            user: identity.map(|identity| identity.user.shared().clone()),
            username: identity.map(|identity| identity.name.clone()),
            session_id: connection.map(ConnectionId::uuid),
            ip: Some(self.address),
            user_agent: self.user_agent.clone(),
            node: self.node.clone(),
            encoded: Encoded::default(),
        })
    }
}
