//! What the Admin UI is sent, as it reads it. There is no field for content, names, tokens or rooms.

use std::net::IpAddr;

use serde::Serialize;
use uuid::Uuid;

use crate::cluster::ListedConnection;
use crate::model::clock;

/// The namespace of all clients.
pub(super) const CLIENTS: &str = "/";
const URL: &str = "/socket.io/";

/// What the Admin UI may show and do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Features {
    pub(super) supported_features: Vec<&'static str>,
}

/// The state of a node.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerStats<'a> {
    pub(super) server_id: String,
    pub(super) hostname: &'a str,
    pub(super) pid: u32,
    /// Seconds.
    pub(super) uptime: f64,
    pub(super) clients_count: u64,
    pub(super) polling_clients_count: u64,
    pub(super) aggregated_events: Vec<Aggregated>,
    pub(super) namespaces: [Namespace; 1],
}

/// How often something has happened since the node was shown last.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Aggregated {
    pub(super) timestamp: u64,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sub_type: Option<String>,
    pub(super) count: u64,
}

/// How many are in a namespace.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Namespace {
    pub(super) name: &'static str,
    pub(super) sockets_count: u64,
}

/// A connection of a client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Socket<'a> {
    id: Uuid,
    client_id: Uuid,
    transport: &'a str,
    nsp: &'static str,
    data: Data<'a>,
    handshake: Handshake<'a>,
    rooms: [(); 0],
}

/// What is known of a client beside.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data<'a> {
    dialect: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Handshake<'a> {
    address: IpAddr,
    headers: Headers<'a>,
    query: Empty,
    /// Milliseconds since the epoch.
    issued: u64,
    secure: bool,
    time: String,
    url: &'static str,
    xdomain: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Headers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Empty {}

/// What has changed of a connection.
#[derive(Debug, Serialize)]
pub(super) struct Updated<'a> {
    pub(super) id: Uuid,
    pub(super) nsp: &'static str,
    pub(super) transport: &'a str,
    pub(super) data: Data<'a>,
}

impl<'a> Data<'a> {
    /// Of this connection, with its user or without.
    pub(super) fn of(connection: &'a ListedConnection, with_user: bool) -> Self {
        Self {
            dialect: &connection.dialect,
            user_id: connection.user.as_deref().filter(|_| with_user),
        }
    }
}

impl<'a> Socket<'a> {
    /// This connection, with its user or without.
    pub(super) fn of(connection: &'a ListedConnection, with_user: bool) -> Self {
        Self {
            id: connection.id,
            client_id: connection.id,
            transport: &connection.transport,
            nsp: CLIENTS,
            data: Data::of(connection, with_user),
            handshake: Handshake {
                address: connection.address,
                headers: Headers {
                    user_agent: connection.user_agent.as_deref(),
                },
                query: Empty {},
                issued: connection.connected_at,
                secure: connection.by_tls,
                time: clock::iso_ms(connection.connected_at),
                url: URL,
                xdomain: connection.from_page,
            },
            rooms: [],
        }
    }
}
