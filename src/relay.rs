//! What all parts of the relay share, and the ways an event reaches people. It must not know the
//! name of any event: dialects bring the names and the payloads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;

use crate::audit::{Audit, Event, Record};
use crate::auth::Verifier;
use crate::config::Config;
use crate::connection::{Connection, OpenConnections};
use crate::conversations::Conversations;
use crate::dialect::Dialect;
use crate::identity::UserId;
use crate::limits::AddressLimits;
use crate::places::Places;
use crate::presence::Presence;
use crate::sessions::Sessions;
use crate::transport::{FrameSizes, TransportCloser};
use crate::users::{Connections, Users};

/// The state of one relay.
pub struct Relay {
    /// The settings.
    pub config: Arc<Config>,
    /// Verifies tokens.
    pub verifier: Verifier,
    /// All users.
    pub users: Users,
    /// All open connections.
    pub connections: OpenConnections,
    /// Stored conversations.
    pub conversations: Conversations,
    /// Ad-hoc sessions.
    pub sessions: Sessions,
    /// Ends polling sessions.
    pub closer: TransportCloser,
    /// Rate limits per address.
    pub limits: AddressLimits,
    /// Connections per address.
    pub places: Places,
    /// Who is told that users come and go.
    pub presence: Presence,
    /// The audit.
    pub audit: Audit,
    /// The name of this server.
    pub node: Arc<str>,
    /// When it started.
    pub started: Instant,
    pub(crate) draining: AtomicBool,
}

/// The receivers of a relayed event, which have room for it.
#[derive(Debug)]
pub struct Receivers(Connections);

impl Receivers {
    /// Whether anybody is there to receive it.
    pub fn is_anyone(&self) -> bool {
        !self.0.is_empty()
    }

    /// Sends them an event that becomes frames of these sizes.
    pub fn emit<T: Serialize>(&self, event: &'static str, payload: &T, frames: &FrameSizes) {
        for connection in &self.0 {
            connection.emit(event, payload, frames);
        }
    }

    /// Sends them a small event of the relay's own.
    pub fn say<T: Serialize>(&self, event: &'static str, payload: &T) {
        for connection in &self.0 {
            connection.say(event, payload);
        }
    }
}

impl Relay {
    /// All connections of one user. Waits until each has room for an event or is closed: this is
    /// what slows a sender down to the pace of its slowest receiver.
    pub async fn to_user(&self, user: &UserId) -> Receivers {
        let connections = self.users.connections(user.as_str());
        for connection in &connections {
            connection.flow().room().await;
        }
        Receivers(connections)
    }

    /// From now on no new connections are taken.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether the server is shutting down.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Records how often a connection was over a limit since this was called last, if it was.
    pub fn record_over_limit(&self, connection: &Connection) {
        let count = connection.take_over_limit();
        if count > 0 {
            self.record(
                connection,
                Some(connection.dialect()),
                Event::RateLimited { count },
            );
        }
    }

    /// Records what a connection did.
    pub fn record(&self, connection: &Connection, dialect: Option<Dialect>, event: Event) {
        self.audit
            .record(Record::new(connection.source(), dialect, event));
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
