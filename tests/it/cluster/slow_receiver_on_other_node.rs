//! Receivers on another node that read slowly or not at all: a 1-1 sender goes at their pace, and in a room they are cut off
//! by their own node while the others get everything. Memory stays bounded on both.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::deployment::Deployment;
use crate::session::{self, Guest};
use test_support::memory::{RETURNED_AT_ONCE, bound, held};
use test_support::raw::{Client, Dial, TIMEOUT};
use test_support::scene::message;
use test_support::upload::{confirmations, receive, upload};

const DIRECT: &[(&str, &str)] = &[
    ("DIALECTS", "direct"),
    ("RATE_LIMITS", "off"),
    RETURNED_AT_ONCE,
];
const SESSION: &[(&str, &str)] = &[
    ("DIALECTS", "session"),
    ("RATE_LIMITS", "off"),
    ("WRITE_DEADLINE", "3s"),
    RETURNED_AT_ONCE,
];
/// Long enough for what waits for a slow client.
const LONG: Duration = Duration::from_secs(60);

fn bounded(deployment: &Deployment) {
    for relay in deployment.relays() {
        let memory = held(relay);
        println!("memory {memory:.1} MiB");
        assert!(memory <= bound(1, 0.0), "a node held {memory:.1} MiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_pauses_on_another_node_gets_everything_in_order() {
    const CHUNKS: usize = 150;
    /// Well within the write deadline of 15 s.
    const PAUSE: Duration = Duration::from_secs(5);
    let Some(deployment) = Deployment::start(2, DIRECT) else {
        return;
    };
    let mut receiver = Client::with(deployment.relay(1), "receiver", Dial::narrow()).await;
    let sender = Client::connect(deployment.relay(0), "sender").await;
    let sending = upload(sender.writer, "receiver", CHUNKS);
    let (confirming, confirmed) = confirmations(sender.reader, CHUNKS);
    sleep(PAUSE).await; // the pause is what is tested
    let ahead = confirmed.load(Ordering::SeqCst);
    assert!(ahead > 0 && ahead < 100, "{ahead} chunks were confirmed");
    bounded(&deployment);
    receive(&mut receiver.reader, 0..CHUNKS).await;
    sending.await.unwrap();
    let all = timeout(TIMEOUT, confirming).await;
    all.expect("all confirmations").unwrap();
    bounded(&deployment);
    deployment.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_never_resumes_on_another_node_is_cut_off_there_and_its_sender_goes_on() {
    const CHUNKS: usize = 60;
    let Some(deployment) = Deployment::start(2, DIRECT) else {
        return;
    };
    let mut stalled = Client::with(deployment.relay(1), "stalled", Dial::narrow()).await;
    let mut live = Client::connect(deployment.relay(1), "live").await;
    let sender = Client::connect(deployment.relay(0), "sender").await;
    let began = Instant::now();
    let sending = upload(sender.writer.clone(), "stalled", CHUNKS);
    let (confirming, _) = confirmations(sender.reader, CHUNKS);
    let sent = timeout(LONG, sending).await;
    sent.expect("the stalled receiver to be cut off").unwrap();
    let event = message("live", 7);
    sender.writer.emit("send_message", &event).await.unwrap();
    let confirmed = timeout(LONG, confirming).await;
    let mut reader = confirmed.expect("the sender's events to go on").unwrap();
    assert_eq!(live.event("receive_message").await.number("seq"), 7);
    reader.event("message:sent").await;
    println!("cut off and all handled after {:?}", began.elapsed());
    bounded(&deployment);
    // Whatever reached the kernel's buffers before is still there to be read; then it is over.
    stalled.closed().await;
    let event = message("stalled", 8);
    sender.writer.emit("send_message", &event).await.unwrap();
    let confirmed = reader.event("message:sent").await;
    assert_eq!(
        confirmed.get("recipientOnline"),
        false,
        "{}",
        confirmed.text
    );
    deployment.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_on_another_node_that_stops_reading_is_cut_off_and_the_others_get_everything() {
    const ROOM: &str = "room";
    const COUNT: usize = 60;
    const MEGABYTE: usize = 1_000_000;
    let Some(deployment) = Deployment::start(2, SESSION) else {
        return;
    };
    let (near, far) = (deployment.relay(0), deployment.relay(1));
    let mut sender = Guest::member(near, ROOM, "sender").await;
    let mut stalled = Guest::enter_by(far, Dial::narrow()).await;
    stalled.join(ROOM, "stalled").await;
    let mut others = Vec::new();
    for (name, relay) in [("near", near), ("far", far), ("farther", far)] {
        others.push((name, Guest::member(relay, ROOM, name).await));
    }
    let reading = others.into_iter().map(|(name, mut guest)| {
        tokio::spawn(async move {
            for number in 0..COUNT {
                let event = guest.connection.event("new-message").await;
                let text = event.raw("encrypted");
                assert_eq!(text.len(), MEGABYTE + 2, "{name}");
                assert_eq!(text[1..9].parse(), Ok(number), "{name}");
            }
        })
    });
    let reading: Vec<_> = reading.collect();
    for number in 0..COUNT {
        let text = format!("\"{number:08}{}\"", "x".repeat(MEGABYTE - 8));
        let event = session::message(ROOM, "sender", &text);
        sender.connection.emit("send-message", &event).await;
        sender.connection.event("message-sent").await;
    }
    for reading in reading {
        timeout(LONG, reading).await.expect("in time").unwrap();
    }
    bounded(&deployment);
    let seen = stalled.connection.closed().await;
    assert!(seen.len() < COUNT, "it got everything");
    deployment.stop();
}
