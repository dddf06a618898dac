//! Flow control through a balancer: a receiver that pauses slows its sender down, and fills neither the relay nor the
//! balancer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::balancer::{Balancer, Kind};
use super::deployment::Deployment;
use test_support::memory::{RETURNED_AT_ONCE, bound, held};
use test_support::raw::{Client, Dial, TIMEOUT};
use test_support::upload::{confirmations, receive, upload};

const SETTINGS: &[(&str, &str)] = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    RETURNED_AT_ONCE,
];
/// By how much a balancer's memory may grow, in MiB.
const GROWTH: f64 = 16.0;

async fn a_receiver_that_pauses_slows_its_sender(kind: Kind) {
    const CHUNKS: usize = 200;
    /// Well within the write deadline of 15 s.
    const PAUSE: Duration = Duration::from_secs(5);
    if !kind.is_ready() {
        return;
    }
    let deployment = Deployment::alone(1, SETTINGS);
    let relay = deployment.relay(0);
    let balancer = Balancer::start(kind, &[relay]);
    let through = |dial| Dial {
        through: Some(balancer.address()),
        ..dial
    };
    let mut receiver = Client::with(relay, "receiver", through(Dial::narrow())).await;
    let sender = Client::with(relay, "sender", through(Dial::default())).await;
    let before = balancer.resident();
    let sending = upload(sender.writer, "receiver", CHUNKS);
    let (confirming, confirmed) = confirmations(sender.reader, CHUNKS);
    sleep(PAUSE).await; // the pause is what is tested
    let ahead = confirmed.load(Ordering::SeqCst);
    let (memory, grown) = (held(relay), balancer.resident() - before);
    println!("{ahead} chunks ahead; relay {memory:.1} MiB, balancer {grown:.1} MiB more");
    // The relay's budget, and what the kernel holds on the way.
    assert!(ahead > 0 && ahead < 60, "{ahead} chunks were confirmed");
    assert!(memory <= bound(1, 0.0), "the relay held {memory:.1} MiB");
    assert!(grown <= GROWTH, "the balancer used {grown:.1} MiB");
    receive(&mut receiver.reader, 0..CHUNKS).await;
    sending.await.unwrap();
    let all = timeout(TIMEOUT, confirming).await;
    all.expect("all confirmations").unwrap();
    assert_eq!(confirmed.load(Ordering::SeqCst), CHUNKS);
    drop(receiver);
    deployment.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_pauses_slows_its_sender_behind_nginx() {
    a_receiver_that_pauses_slows_its_sender(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_pauses_slows_its_sender_behind_haproxy() {
    a_receiver_that_pauses_slows_its_sender(Kind::HaProxy).await;
}
