//! Relays that a Redis cluster joins, or the master that sentinels name.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::deployment::Deployment;
use test_support::harness::JWT_SECRET;
use test_support::javascript;
use test_support::mongo::Database;
use test_support::ports::free_port;
use test_support::raw::Client;
use test_support::redis::{Durability, Server, is_ready};
use test_support::scene::message;
use test_support::wait::until_ready_says;

const DEADLINE: Duration = Duration::from_secs(60);
const ADMIN: (&str, &str) = (
    "ADMIN_TOKEN",
    "an admin token for tests, longer than thirty-two bytes",
);
const SETTINGS: &[(&str, &str)] = &[("RATE_LIMITS", "off"), ("OFFLINE_GRACE", "1s"), ADMIN];

/// Asks a Redis until the answer has this in it.
fn until(server: &Server, command: &str, wanted: &str) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = server.ask(command);
        if answer.contains(wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "{command}: {answer}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Three masters, each with a third of the slots.
fn cluster() -> Vec<(Server, TempDir)> {
    const SLOTS: [&str; 3] = ["0 5460", "5461 10922", "10923 16383"];
    let start = |slots: &str| {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start_with(folder.path(), Durability::InMemory, || {
            let port = free_port().to_string();
            words(&["--cluster-enabled", "yes", "--cluster-port", &port])
        });
        server.ask(&format!("CLUSTER ADDSLOTSRANGE {slots}"));
        (server, folder)
    };
    let all = SLOTS.map(start);
    for (server, folder) in &all {
        let nodes = std::fs::read_to_string(folder.path().join("nodes.conf")).unwrap();
        // `id 127.0.0.1:port@busport …`
        let bus = nodes.split('@').nth(1).unwrap();
        let bus: String = bus.chars().take_while(char::is_ascii_digit).collect();
        for (other, _) in &all {
            other.ask(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", server.port()));
        }
    }
    for (server, _) in &all {
        until(server, "CLUSTER INFO", "cluster_state:ok");
        until(server, "CLUSTER INFO", "cluster_known_nodes:3");
    }
    all.into()
}

/// Three nodes on a cluster run these suites.
fn over_a_cluster(suites: &[&str]) {
    if !is_ready() || !javascript::is_ready(suites[0]) {
        return;
    }
    let Some(database) = Database::new() else {
        return;
    };
    let cluster = cluster();
    let hosts = cluster
        .iter()
        .map(|(server, _)| format!("127.0.0.1:{}", server.port()));
    let url = format!("redis-cluster://{}", hosts.collect::<Vec<_>>().join(","));
    let stores = [("REDIS_URL", url.as_str()), ("MONGODB_URI", database.uri())];
    let deployment = Deployment::alone(3, &[&stores, SETTINGS].concat());
    let urls = deployment.urls();
    for suite in suites {
        let env = [("RELAY_URLS", urls.as_str()), ADMIN];
        javascript::run(suite, deployment.relay(0).url(), JWT_SECRET, &env);
    }
    deployment.stop();
}

#[test]
fn clients_meet_over_a_cluster() {
    over_a_cluster(&["cluster/direct", "cluster/session", "cluster/conversation"]);
}

/// A sentinel that watches a master.
fn sentinel(folder: &Path, master: &Server) -> Server {
    let file = folder.join("sentinel.conf");
    let port = master.port();
    let lines = [
        format!("sentinel monitor main 127.0.0.1 {port} 1"),
        "sentinel down-after-milliseconds main 500".to_owned(),
        "sentinel failover-timeout main 2000".to_owned(),
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap().to_owned();
    Server::start_with(folder, Durability::InMemory, || {
        words(&[&file, "--sentinel"])
    })
}

/// Sends a message, which must come.
async fn exchange(from: &mut Client, to: &mut Client, name: &str, seq: u64) {
    from.emit("send_message", &message(name, seq)).await;
    let confirmed = from.event("message:sent").await;
    assert_eq!(confirmed.get("recipientOnline"), true, "{}", confirmed.text);
    while to.event("receive_message").await.number("seq") != seq {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_follow_the_sentinels_to_a_new_master() {
    if !is_ready() {
        return;
    }
    let Some(database) = Database::new() else {
        return;
    };
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let mut master = Server::start(folders[0].path(), Durability::InMemory);
    let port = master.port().to_string();
    let replica = Server::start_with(folders[1].path(), Durability::InMemory, || {
        words(&["--replicaof", "127.0.0.1", &port])
    });
    let sentinel = sentinel(folders[2].path(), &master);
    until(&replica, "INFO replication", "master_link_status:up");
    until(&sentinel, "SENTINEL MASTER main", "num-slaves\r\n$1\r\n1");
    let url = format!("redis-sentinel://127.0.0.1:{}/main", sentinel.port());
    let stores = [("REDIS_URL", url.as_str()), ("MONGODB_URI", database.uri())];
    let deployment = Deployment::alone(2, &[&stores, SETTINGS].concat());
    let mut alice = Client::connect(deployment.relay(0), "alice").await;
    let mut bob = Client::connect(deployment.relay(1), "bob").await;
    exchange(&mut alice, &mut bob, "bob", 1).await;
    master.kill();
    until(&replica, "ROLE", "master");
    for relay in deployment.relays() {
        until_ready_says(relay, None).await;
    }
    exchange(&mut alice, &mut bob, "bob", 2).await;
    exchange(&mut bob, &mut alice, "alice", 3).await;
    deployment.stop();
}
