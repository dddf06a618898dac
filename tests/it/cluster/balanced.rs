//! Two relays that know nothing of each other behind a balancer: who comes to one stays with it, on each transport, and
//! is known by their own address.

use super::balancer::{Balancer, Kind};
use super::deployment::Deployment;
use test_support::harness::JWT_SECRET;
use test_support::javascript;
use test_support::raw::{Client, Dial, http};
use test_support::wait::until;

const SETTINGS: &[(&str, &str)] = &[("DIALECTS", "direct"), ("RATE_LIMITS", "off")];

fn clients_are_served(kind: Kind) {
    const SUITE: &str = "cluster/balanced";
    if !kind.is_ready() || !javascript::is_ready(SUITE) {
        return;
    }
    let deployment = Deployment::alone(2, SETTINGS);
    let balancer = Balancer::start(kind, &deployment.relays());
    javascript::run(SUITE, &balancer.url(), JWT_SECRET, &[]);
    deployment.stop();
}

#[test]
fn clients_are_served_behind_nginx() {
    clients_are_served(Kind::Nginx);
}

#[test]
fn clients_are_served_behind_haproxy() {
    clients_are_served(Kind::HaProxy);
}

/// What a client says of its own address is not taken.
async fn a_client_is_recorded_by_its_address(kind: Kind) {
    const ADMIN: &str = "an admin token for tests, longer than thirty-two bytes";
    if !kind.is_ready() {
        return;
    }
    let deployment = Deployment::alone(1, &[SETTINGS, &[("ADMIN_TOKEN", ADMIN)]].concat());
    let relay = deployment.relay(0);
    let balancer = Balancer::start(kind, &[relay]);
    let dial = Dial {
        through: Some(balancer.address()),
        from: Some([127, 0, 0, 2].into()),
        ..Dial::default()
    };
    let dial = dial.header("X-Forwarded-For", "203.0.113.9");
    let client = Client::with(relay, "alice", dial).await;
    let authorization = format!("Bearer {ADMIN}");
    let path = "/api/admin/audit?user=alice&event=SOCKET_CONNECT";
    let headers = [("Authorization", authorization.as_str())];
    // Records are written behind what they record.
    until("a record of the client", async || {
        let records = http::request(relay, "GET", path, &headers, b"").await;
        let is_there = records.body.contains("SOCKET_CONNECT");
        let address = r#""ipAddress":"127.0.0.2""#;
        assert!(!is_there || records.body.contains(address), "{records:?}");
        is_there
    })
    .await;
    drop(client);
    deployment.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_behind_nginx_is_recorded_by_its_address() {
    a_client_is_recorded_by_its_address(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_behind_haproxy_is_recorded_by_its_address() {
    a_client_is_recorded_by_its_address(Kind::HaProxy).await;
}

/// Waits until each of them has been given a session.
async fn all_get_clients(deployment: &Deployment, balancer: &Balancer) {
    for relay in deployment.relays() {
        until("a client", async || {
            let dial = Dial {
                through: Some(balancer.address()),
                ..Dial::default()
            };
            let client = Client::with(relay, "alice", dial).await;
            let health = http::get(relay, "/health").await;
            drop(client);
            health.body.contains(r#""connections":1"#)
        })
        .await;
    }
}

async fn a_relay_that_is_started_again_gets_clients_again(kind: Kind) {
    if !kind.is_ready() {
        return;
    }
    let mut deployment = Deployment::alone(2, SETTINGS);
    let balancer = Balancer::start(kind, &deployment.relays());
    all_get_clients(&deployment, &balancer).await;
    let (status, log) = deployment.terminate(0);
    assert!(status.success(), "{log}");
    let dial = || Dial {
        through: Some(balancer.address()),
        ..Dial::default()
    };
    for _ in 0..10 {
        Client::with(deployment.relay(1), "alice", dial()).await;
    }
    deployment.restart(0);
    all_get_clients(&deployment, &balancer).await;
    deployment.kill(1);
    for _ in 0..10 {
        Client::with(deployment.relay(0), "alice", dial()).await;
    }
    deployment.restart(1);
    all_get_clients(&deployment, &balancer).await;
    deployment.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_started_again_gets_clients_again_behind_nginx() {
    a_relay_that_is_started_again_gets_clients_again(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_started_again_gets_clients_again_behind_haproxy() {
    a_relay_that_is_started_again_gets_clients_again(Kind::HaProxy).await;
}
