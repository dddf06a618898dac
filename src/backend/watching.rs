//! What who watches all nodes is told of them: counts since each started, which connections there are, and which have
//! ended of late. It must not know who watches, or how they are told.

use super::Backend;
use super::connections::select;
use crate::cluster::{Answer, BackendMessage, EndedConnection, NodeStats, Watched};
use crate::connection::End;
use crate::metrics::{connections, events, traffic};

impl Backend {
    /// What tells this node from all others: its name need not.
    fn id(&self) -> String {
        let cluster = self.cluster.as_ref();
        cluster.map_or_else(String::new, |cluster| cluster.node_id().to_string())
    }

    /// The counts of this node.
    pub(super) fn stats_here(&self) -> NodeStats {
        let uptime = self.started.elapsed().as_millis();
        let (clients, polling) = connections::open();
        let (bytes_in, bytes_out) = traffic::totals();
        NodeStats {
            id: self.id(),
            node: self.config.now().node_name.as_str().to_owned(),
            pid: std::process::id(),
            uptime: u64::try_from(uptime).unwrap_or(u64::MAX),
            clients,
            polling,
            opened: connections::opened(),
            closed: connections::closed().collect(),
            events_in: (self.events_of_clients)(),
            events_out: events::sent_total(),
            bytes_in,
            bytes_out,
            admins: self.admins.connected(),
        }
    }

    /// The connections of this node, at most so many, the first by their ids.
    pub(super) async fn watch_here(&self, limit: usize) -> Watched {
        let open = self.connections.clone();
        let listed = tokio::task::spawn_blocking(move || select(&open, None, None, limit)).await;
        let open = listed.unwrap_or_else(|error| {
            tracing::error!(%error, "connections could not be looked at");
            Vec::new()
        });
        // Afterwards: what is not listed any more has ended before.
        let ended = self.connections.ends().into_iter();
        Watched {
            id: self.id(),
            open,
            ended: ended.map(EndedConnection::from).collect(),
        }
    }

    /// The counts of all nodes that answer, this one first, and whether all do.
    pub(crate) async fn stats(&self) -> (Vec<NodeStats>, bool) {
        let (answers, is_complete) = self.ask(BackendMessage::Stats).await;
        let others = answers.into_iter().filter_map(|answer| match answer {
            Answer::Stats(stats) => Some(stats),
            _ => None,
        });
        let own = std::iter::once(self.stats_here());
        (own.chain(others).collect(), is_complete)
    }

    /// The connections of all nodes that answer, of each at most so many.
    pub(crate) async fn watch(&self, limit: usize) -> Vec<Watched> {
        let question = BackendMessage::Watch { limit };
        let (own, (answers, _)) = tokio::join!(self.watch_here(limit), self.ask(question));
        let others = answers.into_iter().filter_map(|answer| match answer {
            Answer::Watched(watched) => Some(watched),
            _ => None,
        });
        std::iter::once(own).chain(others).collect()
    }
}

impl From<End> for EndedConnection {
    fn from(end: End) -> Self {
        Self {
            id: end.id.uuid(),
            reason: end.reason.as_str().to_owned(),
            at: end.at,
        }
    }
}
