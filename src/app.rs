//! What all parts of the relay share, and the ways an event reaches people. It must not know the
//! name of any event: dialects bring the names and the payloads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use smallvec::smallvec;

use crate::audit::{Audit, Event, Record};
use crate::auth::Verifier;
use crate::cluster::{Cluster, Subscription, Topic};
use crate::config::Config;
use crate::connection::{Connection, Drain, OpenConnections, SMALL_EVENT};
use crate::conversations::Conversations;
use crate::limits::{AddressLimits, AddressSlots};
use crate::model::{Dialect, UserId};
use crate::payload::{EncodedEvent, FrameSizes};
use crate::sessions::Sessions;
use crate::users::presence::Presence;
use crate::users::{Arriving, Connections, Users};

/// The state of one relay.
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// Verifies tokens.
    pub verifier: Arc<Verifier>,
    /// All users.
    pub users: Arc<Users>,
    /// All open connections.
    pub connections: Arc<OpenConnections>,
    /// Stored conversations.
    pub conversations: Arc<Conversations>,
    /// Ad-hoc sessions.
    pub sessions: Arc<Sessions>,
    /// Rate limits per address.
    pub limits: Arc<AddressLimits>,
    /// Connections per address.
    pub slots: AddressSlots,
    /// Who is told that users come and go.
    pub presence: Arc<Presence>,
    /// The audit.
    pub audit: Audit,
    /// The name of this server.
    pub node: Arc<str>,
    /// The other servers of the deployment, if it may have some.
    pub cluster: Option<Arc<Cluster>>,
    /// When it started.
    pub started: Instant,
    /// Whether the server is shutting down.
    pub drain: Drain,
}

/// The receivers of a relayed event, which have room for it.
#[derive(Debug)]
pub struct Receivers<'a> {
    user: &'a UserId,
    here: Connections,
    cluster: Option<&'a Cluster>,
}

impl Receivers<'_> {
    /// Sends them an event that becomes frames of these sizes. Whether anybody is there to receive
    /// it.
    pub async fn send_sized<T: Serialize>(
        &self,
        sender: &UserId,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> bool {
        for connection in &self.here {
            connection.send_sized(event, payload, frames);
        }
        let is_here = !self.here.is_empty();
        let elsewhere = self
            .cluster
            .and_then(|cluster| Some((cluster, EncodedEvent::new(event, payload)?)));
        match elsewhere {
            None => is_here,
            Some((cluster, event)) => cluster.send(self.user, sender, event).await || is_here,
        }
    }

    /// Sends them a small event of the relay's own.
    pub async fn send<T: Serialize>(&self, sender: &UserId, event: &'static str, payload: &T) {
        self.send_sized(sender, event, payload, &smallvec![SMALL_EVENT])
            .await;
    }
}

impl App {
    /// All connections of one user. Waits until each has room for an event or is closed: this is
    /// what slows a sender down to the pace of its slowest receiver.
    pub async fn to_user<'a>(&'a self, user: &'a UserId) -> Receivers<'a> {
        let mut here = self.users.connections(user.as_str());
        here.retain(|connection| !connection.is_leaving());
        for connection in &here {
            connection.flow().room().await;
        }
        // Without Redis nothing has to be written for others.
        let cluster = self.cluster.as_deref();
        let cluster = cluster.filter(|cluster| cluster.redis().is_up());
        if let Some(cluster) = cluster {
            cluster.room(user).await;
        }
        Receivers {
            user,
            here,
            cluster,
        }
    }

    /// Hears what other servers send this user, as long as the subscription is kept. What comes before
    /// the connection is added to the user waits for that.
    pub async fn hear(&self, user: &UserId) -> Option<(Subscription, Arriving)> {
        let cluster = self.cluster.as_ref()?;
        let arriving = self.users.expect(user);
        let heard = cluster.bus().subscribe(Topic::User(user.clone())).await;
        Some((heard, arriving))
    }

    /// Sends an event of a user on another server to the connections that a user has here.
    pub async fn deliver(&self, user: &UserId, sender: &UserId, event: &EncodedEvent) {
        const POLL: Duration = Duration::from_millis(2);
        const PATIENCE: Duration = Duration::from_secs(5);
        let since = Instant::now();
        while self.users.is_expected(user) && since.elapsed() < PATIENCE {
            tokio::time::sleep(POLL).await;
        }
        self.users.add_remote_peer(sender, user);
        for connection in self.users.connections(user.as_str()) {
            connection.flow().room().await;
            connection.send_encoded(event);
        }
    }

    /// Nobody sends anything to this connection any more. Returns when its client has what was sent.
    pub async fn part_from(&self, connection: &Connection) {
        const POLL: Duration = Duration::from_millis(5);
        connection.leave();
        connection.hear(None);
        if let (Some(cluster), Some(member)) = (&self.cluster, connection.member()) {
            // Until other servers do not reach it any more, and what they sent is handed out.
            cluster.bus().flush().await;
            while !cluster.is_quiet(&member.user.id) {
                tokio::time::sleep(POLL).await;
            }
        }
        while connection.flow().backlog() > 0 {
            tokio::time::sleep(POLL).await;
        }
    }

    /// From now on no new connections are taken.
    pub fn drain(&self) {
        self.drain.begin();
    }

    /// Whether the server is shutting down.
    pub fn is_draining(&self) -> bool {
        self.drain.has_begun()
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

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
