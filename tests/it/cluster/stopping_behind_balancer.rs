//! A relay behind a balancer that is stopped or killed: its clients come to the other one, and nobody is turned away
//! meanwhile.

use super::balancer::{Balancer, Kind};
use super::deployment::Deployment;
use test_support::harness::JWT_SECRET;
use test_support::javascript;
use test_support::scene::stall;

const SETTINGS: &[(&str, &str)] = &[("DIALECTS", "direct"), ("RATE_LIMITS", "off")];

/// Clients that take nothing make a stop last for seconds, in which the relay refuses who comes.
async fn clients_come_to_the_other(kind: Kind, signal: &str) {
    const SUITE: &str = "cluster/balanced-stopping";
    if !kind.is_ready() || !javascript::is_ready(SUITE) {
        return;
    }
    let deployment = Deployment::alone(2, SETTINGS);
    let balancer = Balancer::start(kind, &deployment.relays());
    let leaving = deployment.relay(0);
    let _stalled = stall(leaving).await;
    let pid = leaving.pid().to_string();
    let env = [
        ("LEAVING_PID", pid.as_str()),
        ("LEAVING_URL", leaving.url()),
        ("SIGNAL", signal),
    ];
    tokio::task::block_in_place(|| javascript::run(SUITE, &balancer.url(), JWT_SECRET, &env));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_a_stopping_relay_come_to_the_other_behind_nginx() {
    clients_come_to_the_other(Kind::Nginx, "SIGTERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_a_killed_relay_come_to_the_other_behind_nginx() {
    clients_come_to_the_other(Kind::Nginx, "SIGKILL").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_a_stopping_relay_come_to_the_other_behind_haproxy() {
    clients_come_to_the_other(Kind::HaProxy, "SIGTERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_a_killed_relay_come_to_the_other_behind_haproxy() {
    clients_come_to_the_other(Kind::HaProxy, "SIGKILL").await;
}

fn what_is_posted_is_answered(kind: Kind) {
    const SUITE: &str = "cluster/balanced-posts";
    if !kind.is_ready() || !javascript::is_ready(SUITE) {
        return;
    }
    let deployment = Deployment::alone(2, &[("DIALECTS", "session"), ("RATE_LIMITS", "off")]);
    let balancer = Balancer::start(kind, &deployment.relays());
    let pid = deployment.relay(0).pid().to_string();
    let env = [("LEAVING_PID", pid.as_str())];
    javascript::run(SUITE, &balancer.url(), JWT_SECRET, &env);
}

#[test]
fn what_is_posted_while_a_relay_stops_is_answered_behind_nginx() {
    what_is_posted_is_answered(Kind::Nginx);
}

#[test]
fn what_is_posted_while_a_relay_stops_is_answered_behind_haproxy() {
    what_is_posted_is_answered(Kind::HaProxy);
}
