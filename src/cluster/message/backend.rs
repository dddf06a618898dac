//! What a backend has all nodes do, and their answers.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::UserId;
use crate::model::conversation::{ChangeNumber, ConversationId};

/// What each node does, or is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum BackendMessage {
    /// Send this to the connections that are meant. The answer says how many there were.
    Publish(Publication),
    /// How many connections do these users have? The answer has a number for each.
    CountConnections(Vec<UserId>),
    /// Which connections are there?
    ListConnections {
        /// Only those of this user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        /// Only those whose ids come after this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Uuid>,
        /// At most so many, the first ones by their ids.
        limit: usize,
    },
    /// Close this connection. The answer is what it was, if it is here.
    CloseConnection(Uuid),
    /// How is this node, for who watches it? The answer is its counts.
    Stats,
    /// Which connections are there, and which have ended of late, for who watches them?
    Watch {
        /// At most so many, the first ones by their ids.
        limit: usize,
    },
    /// Whose is the session of an administrator with this hash? The answer is it, if it began here.
    FindAdminSession([u8; 32]),
}

/// A connection, as a backend is told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedConnection {
    /// The id that records have.
    pub(crate) id: Uuid,
    /// The user, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// The dialect that it counts as.
    pub(crate) dialect: String,
    /// How it is carried.
    pub(crate) transport: String,
    /// Since when, in milliseconds since the epoch.
    pub(crate) connected_at: u64,
    /// The client's address.
    pub(crate) address: IpAddr,
    /// The client's program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
    /// The name of its server.
    pub(crate) node: String,
    /// The id of the token: its claim `jti`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_id: Option<String>,
    /// When the token expires, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_expires_at: Option<u64>,
    /// Bytes that wait for the client.
    pub(crate) backlog: u64,
    /// Its first request came from a web page.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) from_page: bool,
    /// Its first request came by TLS.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) by_tls: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The counts of a node since it started, as an administrator is shown them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeStats {
    /// What tells it from all others.
    pub(crate) id: String,
    /// The name of the node.
    pub(crate) node: String,
    /// The id of its process.
    pub(crate) pid: u32,
    /// How long it has run, in milliseconds.
    pub(crate) uptime: u64,
    /// Connections of clients that are open.
    pub(crate) clients: u64,
    /// Those that poll.
    pub(crate) polling: u64,
    /// Connections that were opened.
    pub(crate) opened: u64,
    /// Connections that ended, by why.
    pub(crate) closed: Vec<(String, u64)>,
    /// Events from clients.
    pub(crate) events_in: u64,
    /// Events to clients.
    pub(crate) events_out: u64,
    /// Bytes from clients.
    pub(crate) bytes_in: u64,
    /// Bytes to clients.
    pub(crate) bytes_out: u64,
    /// Administrators who watch.
    pub(crate) admins: u64,
}

/// The connections of a node, and which have ended of late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// What tells it from all others.
    pub(crate) id: String,
    /// Connections that are open.
    pub(crate) open: Vec<ListedConnection>,
    /// Those that have ended.
    pub(crate) ended: Vec<EndedConnection>,
}

/// A connection that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndedConnection {
    /// The id that records have.
    pub(crate) id: Uuid,
    /// Why.
    pub(crate) reason: String,
    /// When, in milliseconds since the epoch.
    pub(crate) at: u64,
}

/// A session of an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AdminSession {
    /// The name of their token.
    pub(crate) name: String,
    /// What tells the token from another of that name; it is not its hash.
    pub(crate) token: [u8; 32],
    /// Until when, in seconds since the epoch.
    pub(crate) expires: u64,
}

/// An event of a backend. `Debug` does not show what it says.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Publication {
    /// The name of the token by which it is published: it counts against its rate.
    pub(crate) token: String,
    /// Its name.
    pub(crate) event: String,
    /// Its only argument, as JSON text; `None`: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<String>,
    /// Who is meant, in the order in which the backend named them.
    pub(crate) targets: Vec<PublishTarget>,
}

impl std::fmt::Debug for Publication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publication")
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

/// Whom an event of a backend is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum PublishTarget {
    /// The connections of a user.
    User(UserId),
    /// Those of the participants of a conversation, once they have received what happened in it before.
    Conversation {
        /// Which.
        id: ConversationId,
        /// The last change before it.
        last: ChangeNumber,
        /// Who they are.
        participants: Vec<UserId>,
    },
    /// Those that members of a session joined on.
    Session(String),
    /// A connection.
    Connection(Uuid),
}

/// How many connections an event of a backend was handed to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// In sum, each counted once.
    pub(crate) connections: u64,
    /// For each target.
    pub(crate) targets: Vec<u64>,
}

impl Reached {
    /// Adds what was reached on another node.
    pub(crate) fn add(&mut self, other: &Self) {
        self.connections += other.connections;
        for (sum, more) in self.targets.iter_mut().zip(&other.targets) {
            *sum += more;
        }
    }
}
