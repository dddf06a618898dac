//! A MongoDB that takes 300 ms for everything, on one node and on two.

use std::time::Duration;

use super::deployment::Deployment;
use test_support::harness::JWT_SECRET;
use test_support::javascript;
use test_support::mongo::{self, Server};
use test_support::proxy::Proxy;
use test_support::redis::Space;

const SUITE: &str = "cluster/slow-store";
const TAKES: Duration = Duration::from_millis(300);

#[test]
fn slow_store_on_one_node() {
    with_nodes(1);
}

#[test]
fn slow_store_on_two_nodes() {
    with_nodes(2);
}

fn with_nodes(count: usize) {
    if !mongo::is_ready() || !javascript::is_ready(SUITE) {
        return;
    }
    let Some(space) = Space::new() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let proxy = runtime.block_on(Proxy::to(server.port()));
    let uri = mongo::uri(proxy.port, "slow");
    let settings = [
        ("RATE_LIMITS", "off"),
        ("OFFLINE_GRACE", "300ms"),
        ("MONGODB_URI", uri.as_str()),
        ("REDIS_URL", space.url()),
        ("REDIS_PREFIX", space.prefix()),
    ];
    let deployment = Deployment::alone(count, &settings);
    proxy.slow_down(TAKES);
    let urls = deployment.urls();
    let env = [("RELAY_URLS", urls.as_str())];
    javascript::run(SUITE, deployment.relay(0).url(), JWT_SECRET, &env);
    deployment.stop();
}
