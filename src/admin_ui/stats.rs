//! How nodes are, and what has happened on each since it was shown last: differences of what each has counted. It must not
//! know how nodes are asked.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::shapes::{Aggregated, CLIENTS, Namespace, ServerStats};
use crate::cluster::NodeStats;
use crate::model::clock;

/// For how long it is kept what a node has counted that does not answer any more.
const KEPT: Duration = Duration::from_secs(60);

/// What was counted when nodes were shown last, by their ids, and when that was.
#[derive(Debug, Default)]
pub(super) struct Counts(HashMap<String, (NodeStats, Instant)>);

impl Counts {
    /// What is shown of these nodes now.
    pub(super) fn shown<'a>(&mut self, nodes: &'a [NodeStats]) -> Vec<ServerStats<'a>> {
        let second = clock::now_seconds() * 1000;
        let stats = nodes.iter().map(|node| {
            let before = self.0.get(&node.id);
            let aggregated = before.map(|(before, _)| since(before, node, second));
            ServerStats {
                server_id: server_id(node, nodes),
                hostname: &node.node,
                pid: node.pid,
                uptime: node.uptime as f64 / 1000.0,
                clients_count: node.clients,
                polling_clients_count: node.polling,
                aggregated_events: aggregated.unwrap_or_default(),
                namespaces: [Namespace {
                    name: CLIENTS,
                    sockets_count: node.clients,
                }],
            }
        });
        let stats = stats.collect();
        let now = Instant::now();
        self.0
            .retain(|_, (_, shown)| now.duration_since(*shown) < KEPT);
        for node in nodes {
            self.0.insert(node.id.clone(), (node.clone(), now));
        }
        stats
    }
}

/// The name of a node, if no other has it.
fn server_id(node: &NodeStats, all: &[NodeStats]) -> String {
    let is_only = all.iter().filter(|other| other.node == node.node).count() == 1;
    match is_only {
        true => node.node.clone(),
        false => format!("{}#{}", node.node, node.id),
    }
}

/// What has happened on a node since before.
fn since(before: &NodeStats, now: &NodeStats, timestamp: u64) -> Vec<Aggregated> {
    let of = |kind, sub_type: Option<String>, before: u64, now: u64| Aggregated {
        timestamp,
        kind,
        sub_type,
        count: now.saturating_sub(before),
    };
    let closed = now.closed.iter().map(|(reason, count)| {
        let known = before.closed.iter().find(|(known, _)| known == reason);
        let before = known.map_or(0, |(_, count)| *count);
        of("rawDisconnection", Some(reason.clone()), before, *count)
    });
    let others = [
        ("rawConnection", before.opened, now.opened),
        ("packetsIn", before.events_in, now.events_in),
        ("packetsOut", before.events_out, now.events_out),
        ("bytesIn", before.bytes_in, now.bytes_in),
        ("bytesOut", before.bytes_out, now.bytes_out),
    ];
    let others = others.map(|(kind, before, now)| of(kind, None, before, now));
    let all = others.into_iter().chain(closed);
    all.filter(|event| event.count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, opened: u64, closed: u64) -> NodeStats {
        NodeStats {
            id: id.to_owned(),
            node: "relay".to_owned(),
            opened,
            closed: vec![("client left".to_owned(), closed)],
            ..NodeStats::default()
        }
    }

    #[test]
    fn what_has_happened_is_the_difference_and_nothing_at_first() {
        let mut counts = Counts::default();
        assert!(
            counts.shown(&[node("a", 7, 3)])[0]
                .aggregated_events
                .is_empty()
        );
        let later = [node("a", 9, 4)];
        let shown = counts.shown(&later);
        let events = shown[0].aggregated_events.iter();
        let events: Vec<_> = events
            .map(|event| (event.kind, event.sub_type.as_deref(), event.count))
            .collect();
        assert_eq!(
            events,
            [
                ("rawConnection", None, 2),
                ("rawDisconnection", Some("client left"), 1)
            ]
        );
        assert!(counts.shown(&later)[0].aggregated_events.is_empty());
    }

    #[test]
    fn nodes_of_one_name_are_told_apart() {
        let mut counts = Counts::default();
        let nodes = [node("a", 0, 0), node("b", 0, 0)];
        let ids: Vec<_> = counts
            .shown(&nodes)
            .into_iter()
            .map(|it| it.server_id)
            .collect();
        assert_eq!(ids, ["relay#a", "relay#b"]);
        assert_eq!(counts.shown(&nodes[..1])[0].server_id, "relay");
    }
}
