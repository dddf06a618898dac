//! Signals of the system: which stop a server, and that no other one ends it.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Stdio;

use crate::program::{command_in, server};
use test_support::raw::http;
use test_support::scene::{Bystanders, all_is_well, stall, stop};
use test_support::wait::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_that_asks_for_nothing_it_does_is_logged_and_ends_nothing() {
    let mut relay = server(&[]);
    let mut bystanders = Bystanders::connect(&relay).await;
    relay.signal("-HUP");
    relay.logs("reloaded: no setting has changed", 1);
    relay.signal("-HUP");
    relay.logs("reloaded: no setting has changed", 2);
    for name in ["USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "PWR"] {
        relay.signal(&format!("-{name}"));
        relay.logs(&format!("SIG{name}"), 1);
    }
    // The first of the real-time signals that are for programs.
    relay.signal("-34");
    relay.logs("a real-time signal", 1);
    relay.signal("-PIPE");
    all_is_well(&mut relay, &mut bystanders).await;
    assert_eq!(http::get(&relay, "/ready").await.status, 200);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_signal_that_stops_it_drains() {
    for signal in ["-TERM", "-INT", "-QUIT"] {
        let mut relay = server(&[]);
        let _clients = Bystanders::connect(&relay).await;
        relay.signal(signal);
        let status = relay.wait();
        let log = relay.log();
        assert_eq!(status.code(), Some(0), "{signal}; the log:\n{log}");
        relay.logs(&format!("SIG{}", &signal[1..]), 1);
        relay.logs("server::lifecycle: stopped", 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ignored_does_not_end_a_drain() {
    let mut relay = server(&[]);
    let _stalled = stall(&relay).await;
    relay.signal("-QUIT");
    until("stopping", async || relay.log().contains("stopping: ")).await;
    // It may have ended by itself already; then there is no drain left to disturb.
    if relay.is_running() {
        relay.signal("-HUP");
    }
    let status = relay.wait();
    assert!(status.success(), "{status}; the log:\n{}", relay.log());
}

#[test]
fn a_server_that_has_not_started_yet_stops_as_well() {
    // It answers no request for its keys.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let jwks_url = format!("http://{}", silent.local_addr().unwrap());
    let data = tempfile::tempdir().unwrap();
    let mut starting = command_in(data.path())
        .env("JWT_ALGORITHMS", "RS256")
        .env("JWKS_URL", jwks_url)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _asking = silent.accept().unwrap();
    let sent = std::process::Command::new("kill")
        .arg(starting.id().to_string())
        .status();
    assert!(sent.unwrap().success());
    let mut log = String::new();
    let mut stderr = starting.stderr.take().unwrap();
    stderr.read_to_string(&mut log).unwrap();
    assert_eq!(starting.wait().unwrap().code(), Some(0), "the log:\n{log}");
    assert!(log.contains("stopped before it was started"), "{log}");
    assert!(!log.contains("listening"), "{log}");
}
