//! Starting and stopping: what clients and load balancers see of it, and what outlives it.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::program;
use crate::program::{server, server_in};
use test_support::harness::Relay;
use test_support::raw::{Client, Dial, http, polling::Polling, token};
use test_support::scene::{Bystanders, stall, stop};
use test_support::wait::until;

#[tokio::test]
async fn a_server_that_runs_is_healthy_and_ready() {
    let mut relay = server(&[]);
    assert_eq!(http::get(&relay, "/health").await.status, 200);
    assert_eq!(http::get(&relay, "/ready").await.status, 200);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_stop_is_not_ready_and_ends_well() {
    let mut relay = server(&[]);
    let _stalled = stall(&relay).await;
    assert_eq!(http::get(&relay, "/ready").await.status, 200);
    relay.signal("-TERM");
    // 0: the connection was refused, or closed without an answer.
    until("not ready", async || {
        matches!(http::get(&relay, "/ready").await.status, 503 | 0)
    })
    .await;
    until("ended", async || !relay.is_running()).await;
    let log = relay.log();
    assert_eq!(exit_code(&mut relay), Some(0), "the log:\n{log}");
}

/// Of a server that has ended.
fn exit_code(relay: &mut Relay) -> Option<i32> {
    relay.wait().code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_see_a_lost_transport_when_the_server_stops_and_so_reconnect() {
    let mut relay = server(&[]);
    let mut clients = Vec::new();
    for number in 0..20 {
        clients.push(Client::connect(&relay, &format!("user-{number}")).await);
    }
    relay.signal("-TERM");
    for client in &mut clients {
        let last = client.closed().await;
        // `41` is what a client takes for "the server does not want me": it does not come back from that.
        assert!(
            !last.iter().any(|packet| packet.text.starts_with('1')),
            "{last:?}"
        );
        assert!(
            !last.iter().any(|packet| packet.text.contains("auth:error")),
            "{last:?}"
        );
    }
    assert!(relay.wait().success(), "the log:\n{}", relay.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_poll_is_answered_when_the_server_stops() {
    let mut relay = server(&[]);
    let session = Polling::connect(&relay, "poller").await;
    let waiting = session.poll();
    let stopping = async {
        sleep(Duration::from_millis(200)).await; // lets the poll begin; it may also come too late
        relay.signal("-TERM");
    };
    let (answer, ()) = tokio::join!(waiting, stopping);
    assert!(
        !answer
            .body
            .split('\x1e')
            .any(|packet| packet.starts_with("41")),
        "{answer:?}"
    );
    assert!(relay.wait().success(), "the log:\n{}", relay.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    const AT_ONCE: Duration = Duration::from_secs(2);
    let mut relay = server(&[("DRAIN_TIMEOUT", "60s"), ("WRITE_DEADLINE", "60s")]);
    let _stalled = stall(&relay).await;
    relay.signal("-TERM");
    until("not ready", async || {
        matches!(http::get(&relay, "/ready").await.status, 503 | 0)
    })
    .await;
    let began = Instant::now();
    // It may have ended by itself already; then there is nothing to end at once.
    if relay.is_running() {
        relay.signal("-TERM");
    }
    relay.wait();
    assert!(began.elapsed() < AT_ONCE, "it took {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_was_made_at_the_first_start_is_used_at_the_next() {
    let data = tempfile::tempdir().unwrap();
    let mint = || {
        let output = program::command()
            .args(["token", "--user-id", "alice", "--username", "Alice"])
            .current_dir(data.path())
            .env_clear()
            .env("DATA_DIR", data.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    // An empty variable is one that is not set.
    let no_secret = [("JWT_SECRET", "")];
    let mut first = server_in(data.path(), &no_secret);
    let token = mint();
    Client::open(&first, Dial::default())
        .await
        .unwrap()
        .enter(&token)
        .await
        .unwrap();
    stop(&mut first);
    let mut second = server_in(data.path(), &no_secret);
    let mut again = Client::open(&second, Dial::default()).await.unwrap();
    again.enter(&token).await.unwrap();
    let refused = Client::open(&second, Dial::default())
        .await
        .unwrap()
        .enter(&token::for_user("alice"))
        .await;
    assert!(
        refused.unwrap_err().contains("Invalid token"),
        "another secret was accepted"
    );
    stop(&mut second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_do_not_know_each_other() {
    let (mut first, mut second) = (server(&[]), server(&[]));
    let mut on_first = Bystanders::named(&first, "alice", "bob").await;
    let mut on_second = Bystanders::named(&second, "alice", "bob").await;
    for _ in 0..3 {
        // Each fails when a message of the other's came too.
        on_first.exchange().await;
        on_second.exchange().await;
    }
    stop(&mut first);
    on_second.exchange().await;
    stop(&mut second);
}
