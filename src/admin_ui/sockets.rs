//! Which connections there are on all nodes, and what has changed since they were looked at last. It must not know who is
//! told.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::NAMESPACE;
use super::shapes::{CLIENTS, Data, Socket, Updated};
use crate::cluster::{EndedConnection, ListedConnection, Watched};
use crate::model::{DisconnectReason, clock};
use crate::payload::SocketPacket;

/// How long a node may not answer until its connections are taken to have ended.
const SILENCE: Duration = Duration::from_secs(10);

/// The connections of all nodes.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    known: BTreeMap<Uuid, Known>,
    /// When each node has answered last.
    answered: HashMap<String, Instant>,
}

#[derive(Debug)]
struct Known {
    /// The id of its node.
    node: String,
    connection: ListedConnection,
}

impl Sockets {
    /// These are there now: what has changed, with users or without.
    pub(super) fn follow(&mut self, nodes: Vec<Watched>, with_users: bool) -> Vec<SocketPacket> {
        let now = Instant::now();
        let mut changed = Vec::new();
        let mut open = BTreeMap::new();
        let mut ended: HashMap<Uuid, EndedConnection> = HashMap::new();
        for watched in nodes {
            self.answered.insert(watched.id.clone(), now);
            ended.extend(watched.ended.into_iter().map(|end| (end.id, end)));
            for connection in watched.open {
                let node = watched.id.clone();
                open.insert(connection.id, Known { node, connection });
            }
        }
        self.answered
            .retain(|_, answered| now.duration_since(*answered) < SILENCE);
        for (id, known) in std::mem::take(&mut self.known) {
            let is_silent = self.answered.get(&known.node).is_some_and(|at| *at < now);
            match open.get(&id) {
                Some(current) => {
                    let changes = updated(&known.connection, &current.connection, with_users);
                    changed.extend(changes);
                    self.known.insert(id, known);
                }
                // It may have ended or not.
                None if is_silent => {
                    self.known.insert(id, known);
                }
                None => changed.extend(disconnected(id, ended.remove(&id))),
            }
        }
        for (id, current) in open {
            if self.known.insert(id, current).is_none() {
                let connection = &self.known[&id].connection;
                changed.extend(connected(connection, with_users));
            }
        }
        changed
    }

    /// All of them.
    pub(super) fn all(&self, with_users: bool) -> Option<SocketPacket> {
        let all = self.known.values();
        let all: Vec<_> = all
            .map(|known| Socket::of(&known.connection, with_users))
            .collect();
        SocketPacket::event_of(NAMESPACE, &("all_sockets", all))
    }

    /// They are looked at no more for now.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

fn connected(connection: &ListedConnection, with_users: bool) -> Option<SocketPacket> {
    let socket = Socket::of(connection, with_users);
    let time = clock::iso_ms(connection.connected_at);
    SocketPacket::event_of(NAMESPACE, &("socket_connected", socket, time))
}

fn updated(
    before: &ListedConnection,
    now: &ListedConnection,
    with_users: bool,
) -> Option<SocketPacket> {
    let data = Data::of(now, with_users);
    if before.transport == now.transport && Data::of(before, with_users) == data {
        return None;
    }
    let updated = Updated {
        id: now.id,
        nsp: CLIENTS,
        transport: &now.transport,
        data,
    };
    SocketPacket::event_of(NAMESPACE, &("socket_updated", updated))
}

/// Of a node that is gone, nobody knows more than that.
fn disconnected(id: Uuid, end: Option<EndedConnection>) -> Option<SocketPacket> {
    let (reason, at) = match end {
        Some(end) => (end.reason, end.at),
        None => {
            let reason = DisconnectReason::TransportClosed.as_str().to_owned();
            (reason, clock::now_us() / 1000)
        }
    };
    let time = clock::iso_ms(at);
    SocketPacket::event_of(
        NAMESPACE,
        &("socket_disconnected", CLIENTS, id, reason, time),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(number: u128) -> ListedConnection {
        ListedConnection {
            id: Uuid::from_u128(number),
            user: Some("ann".to_owned()),
            dialect: "direct".to_owned(),
            transport: "polling".to_owned(),
            connected_at: 1_000,
            address: [127, 0, 0, 1].into(),
            user_agent: None,
            node: "relay".to_owned(),
            token_id: Some("t".to_owned()),
            token_expires_at: None,
            backlog: 0,
            from_page: true,
            by_tls: false,
        }
    }

    fn watched(id: &str, open: Vec<ListedConnection>) -> Watched {
        Watched {
            id: id.to_owned(),
            open,
            ended: Vec::new(),
        }
    }

    fn text(packet: &SocketPacket) -> String {
        String::from_utf8(packet.text().to_vec()).unwrap()
    }

    fn texts(packets: &[SocketPacket]) -> Vec<String> {
        packets.iter().map(text).collect()
    }

    #[test]
    fn a_connection_is_shown_with_what_may_be_known_of_it() {
        let mut sockets = Sockets::default();
        let id = Uuid::from_u128(1);
        let socket = |user: &str| {
            format!(
                r#"{{"id":"{id}","clientId":"{id}","transport":"polling","nsp":"/","data":{{"dialect":"direct"{user}}},"handshake":{{"address":"127.0.0.1","headers":{{}},"query":{{}},"issued":1000,"secure":false,"time":"1970-01-01T00:00:01.000Z","url":"/socket.io/","xdomain":true}},"rooms":[]}}"#
            )
        };
        let changed = sockets.follow(vec![watched("a", vec![connection(1)])], false);
        let connected = format!(
            r#"42/admin,["socket_connected",{},"1970-01-01T00:00:01.000Z"]"#,
            socket("")
        );
        assert_eq!(texts(&changed), [connected]);
        let all = format!(
            r#"42/admin,["all_sockets",[{}]]"#,
            socket(r#","userId":"ann""#)
        );
        assert_eq!(text(&sockets.all(true).unwrap()), all);
    }

    #[test]
    fn changes_are_told_once_and_ends_with_their_reason() {
        let mut sockets = Sockets::default();
        sockets.follow(
            vec![watched("a", vec![connection(1), connection(2)])],
            false,
        );
        let upgraded = ListedConnection {
            transport: "websocket".to_owned(),
            ..connection(1)
        };
        let now = || vec![watched("a", vec![upgraded.clone(), connection(2)])];
        let changed = sockets.follow(now(), false);
        assert!(text(&changed[0]).contains(r#"socket_updated",{"id":"#) && changed.len() == 1);
        assert!(sockets.follow(now(), false).is_empty());
        let mut gone = watched("a", vec![upgraded.clone()]);
        gone.ended.push(EndedConnection {
            id: Uuid::from_u128(2),
            reason: "revoked".to_owned(),
            at: 2_000,
        });
        let id = Uuid::from_u128(2);
        let ended = format!(
            r#"42/admin,["socket_disconnected","/","{id}","revoked","1970-01-01T00:00:02.000Z"]"#
        );
        assert_eq!(texts(&sockets.follow(vec![gone], false)), [ended]);
    }

    #[test]
    fn connections_of_a_node_that_does_not_answer_stay_for_a_while() {
        let mut sockets = Sockets::default();
        let own = || watched("a", vec![connection(1)]);
        sockets.follow(vec![own(), watched("b", vec![connection(2)])], false);
        assert!(sockets.follow(vec![own()], false).is_empty());
        let long_ago = Instant::now().checked_sub(SILENCE).unwrap();
        sockets.answered.insert("b".to_owned(), long_ago);
        let changed = texts(&sockets.follow(vec![own()], false));
        assert!(
            changed.len() == 1 && changed[0].contains("transport closed"),
            "{changed:?}"
        );
    }
}
