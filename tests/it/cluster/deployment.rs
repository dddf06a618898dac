//! Several relays on one MongoDB and one Redis, as they are deployed. Each keeps its name, its port and its data
//! folder for all its life, so that balancers find it again after it was started again.

use std::process::ExitStatus;

use tempfile::TempDir;

use crate::program;
use test_support::harness::Relay;
use test_support::mongo::Database;
use test_support::ports::free_port;
use test_support::redis::Space;

/// Relays that share everything that relays can share. They end when it is dropped.
pub(crate) struct Deployment {
    nodes: Vec<Node>,
    shared: Vec<(String, String)>,
    /// They live as long as the relays.
    _stores: Option<(Database, Space)>,
}

/// One relay, running or not.
pub(crate) struct Node {
    name: String,
    port: u16,
    data: TempDir,
    relay: Option<Relay>,
}

impl Deployment {
    /// Starts so many relays with these settings on a database and a Redis of their own. `None`: there can be none.
    pub(crate) fn start(count: usize, settings: &[(&str, &str)]) -> Option<Self> {
        let (database, space) = (Database::new()?, Space::new()?);
        let stores = [
            ("REDIS_URL", space.url()),
            ("REDIS_PREFIX", space.prefix()),
            ("MONGODB_URI", database.uri()),
        ];
        let mut deployment = Self::alone(count, &[&stores, settings].concat());
        deployment._stores = Some((database, space));
        Some(deployment)
    }

    /// Starts so many relays with these settings and nothing else in common: where their stores are is for the test to say,
    /// which may stop them.
    pub(crate) fn alone(count: usize, settings: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let nodes = (1..=count).map(|number| Node {
            name: format!("relay-{number}"),
            port: free_port(),
            data: tempfile::tempdir().unwrap(),
            relay: None,
        });
        let mut deployment = Self {
            nodes: nodes.collect(),
            shared: settings.iter().map(owned).collect(),
            _stores: None,
        };
        for index in 0..count {
            deployment.restart(index);
        }
        deployment
    }

    /// All relays, which must run.
    pub(crate) fn relays(&self) -> Vec<&Relay> {
        (0..self.nodes.len())
            .map(|index| self.relay(index))
            .collect()
    }

    /// Those that run.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Relay> {
        self.nodes.iter().filter_map(|node| node.relay.as_ref())
    }

    /// One of them, which must run; the first is 0.
    pub(crate) fn relay(&self, index: usize) -> &Relay {
        self.nodes[index].relay.as_ref().expect("it runs")
    }

    /// Where they are, separated by commas.
    pub(crate) fn urls(&self) -> String {
        let urls: Vec<_> = self.relays().iter().map(|relay| relay.url()).collect();
        urls.join(",")
    }

    /// Starts one again that has ended: same name, port and data.
    pub(crate) fn restart(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        assert!(node.relay.is_none(), "it runs");
        let port = node.port.to_string();
        let own = [
            ("NODE_NAME", node.name.as_str()),
            ("PORT", port.as_str()),
            ("TRUSTED_PROXIES", "127.0.0.1"),
        ];
        let shared = self
            .shared
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let env: Vec<_> = own.into_iter().chain(shared).collect();
        node.relay = Some(program::start_in(node.data.path(), &env));
    }

    /// Stops one gracefully; what it logged is in the answer.
    pub(crate) fn terminate(&mut self, index: usize) -> (ExitStatus, String) {
        let mut relay = self.nodes[index].relay.take().expect("it runs");
        let status = relay.terminate();
        (status, relay.log())
    }

    /// Ends one at once.
    pub(crate) fn kill(&mut self, index: usize) {
        let mut relay = self.nodes[index].relay.take().expect("it runs");
        relay.kill();
        relay.wait();
    }

    /// Stops all that run, which must end well and must not have panicked on the way.
    pub(crate) fn stop(mut self) {
        for node in &mut self.nodes {
            if let Some(relay) = &mut node.relay {
                test_support::scene::stop(relay);
            }
        }
    }
}
