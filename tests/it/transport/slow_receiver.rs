//! Receivers that read slowly or not at all: nothing is lost, nobody else waits, memory stays bounded, and whoever
//! never reads again is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use crate::program::server;
use test_support::memory::{RETURNED_AT_ONCE, Samples, bound};
use test_support::raw::polling::Polling;
use test_support::raw::{Client, Dial, TIMEOUT, Writer};
use test_support::scene::{Bystanders, chunk, message, stop};
use test_support::upload::{MEGABYTE, confirmations, data, receive, upload};

/// How long a message between others may take meanwhile: all but one in a hundred, which may be
/// late because this machine is busy. Held up by the receiver, every one would take seconds.
const UNDISTURBED: Duration = Duration::from_millis(100);

/// Two others exchange messages until asked to stop; how long each took.
fn exchange(mut others: Bystanders, over: Arc<AtomicBool>) -> JoinHandle<Vec<Duration>> {
    tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(50));
        let mut times = Vec::new();
        while !over.load(Ordering::SeqCst) {
            ticks.tick().await;
            times.push(others.exchange().await);
        }
        times
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_pauses_gets_all_300_megabytes_in_order_and_nobody_else_waits() {
    const CHUNKS: usize = 300;
    /// Well within the write deadline of 15 s.
    const PAUSE: Duration = Duration::from_secs(5);
    let relay = Arc::new(server(&[RETURNED_AT_ONCE]));
    let mut receiver = Client::with(&relay, "receiver", Dial::narrow()).await;
    let sender = Client::connect(&relay, "sender").await;
    let others = Bystanders::connect(&relay).await;
    let samples = Samples::of(&relay);
    let exchanging = exchange(others, samples.over());

    let sending = upload(sender.writer, "receiver", CHUNKS);
    let (confirming, confirmed) = confirmations(sender.reader, CHUNKS);
    sleep(PAUSE).await; // the pause is what is tested
    let ahead = confirmed.load(Ordering::SeqCst);
    assert!(
        ahead > 0 && ahead < 100,
        "{ahead} chunks were confirmed while the receiver read nothing"
    );
    receive(&mut receiver.reader, 0..CHUNKS).await;
    sending.await.unwrap();
    timeout(TIMEOUT, confirming)
        .await
        .expect("all confirmations")
        .unwrap();
    assert_eq!(confirmed.load(Ordering::SeqCst), CHUNKS);

    samples.end(bound(1, 0.0)).await;
    assert_undisturbed(exchanging.await.unwrap());
    stop(&mut Arc::into_inner(relay).unwrap());
}

/// Asserts that nearly all messages were in time; a busy machine may hold up single ones.
fn assert_undisturbed(mut times: Vec<Duration>) {
    times.sort();
    println!(
        "{} messages: median {:?}, slowest {:?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() - 1]
    );
    let late = times.iter().filter(|time| **time > UNDISTURBED).count();
    assert!(
        late <= (times.len() / 100).max(1),
        "{late} of {} messages between others were late",
        times.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_event_to_a_receiver_that_reads_nothing_does_not_hold_its_sender_up() {
    let mut relay = server(&[]);
    let stalled = Client::with(&relay, "stalled", Dial::narrow()).await;
    let accomplice = Client::connect(&relay, "accomplice").await;
    let filling = upload(accomplice.writer.clone(), "stalled", 60);
    let (confirming, confirmed) = confirmations(accomplice.reader, 60);
    // Nothing is confirmed any more once as much waits as may.
    let mut before = usize::MAX;
    while before != confirmed.load(Ordering::SeqCst) || before == 0 {
        before = confirmed.load(Ordering::SeqCst);
        sleep(Duration::from_millis(500)).await; // time in which one would be
    }
    let sender = Client::connect(&relay, "sender").await;
    let mut live = Client::connect(&relay, "live").await;
    let began = Instant::now();
    for number in 0..20 {
        sender
            .emit("typing:start", r#"{"recipientId":"stalled"}"#)
            .await;
        sender
            .emit("send_message", &message("stalled", number))
            .await;
        sender.emit("send_message", &message("live", number)).await;
        assert_eq!(live.event("receive_message").await.number("seq"), number);
    }
    // It is disconnected after 15 s at the earliest, for which it had been waited for.
    let took = began.elapsed();
    println!("20 messages took {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    filling.abort();
    confirming.abort();
    drop(stalled);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_never_resumes_is_cut_off_and_its_sender_goes_on() {
    const CHUNKS: usize = 40;
    const CUT_OFF: Duration = Duration::from_secs(60);
    let mut relay = server(&[]);
    let mut stalled = Client::with(&relay, "stalled", Dial::narrow()).await;
    let mut live = Client::connect(&relay, "live").await;
    let sender = Client::connect(&relay, "sender").await;
    let began = Instant::now();
    let sending = upload(sender.writer.clone(), "stalled", CHUNKS);
    let (confirming, _) = confirmations(sender.reader, CHUNKS);
    timeout(CUT_OFF, sending)
        .await
        .expect("the stalled receiver to be cut off")
        .unwrap();
    sender
        .writer
        .emit("send_message", &message("live", 7))
        .await
        .unwrap();
    let left = CUT_OFF.saturating_sub(began.elapsed());
    let mut reader = timeout(left, confirming)
        .await
        .expect("the sender's events to go on")
        .unwrap();
    assert_eq!(live.event("receive_message").await.number("seq"), 7);
    reader.event("message:sent").await;
    println!("cut off and all handled after {:?}", began.elapsed());
    sender
        .writer
        .emit("send_message", &message("stalled", 8))
        .await
        .unwrap();
    let confirmed = reader.event("message:sent").await;
    assert_eq!(
        confirmed.get("recipientOnline"),
        false,
        "it was not disconnected: {}",
        confirmed.text
    );
    // Whatever reached the kernel's buffers before is still there to be read; then it is over.
    stalled.closed().await;
    stop(&mut relay);
}

/// Polling has no connection that could be held back: what waits is what was not asked for yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_pauses_between_polls_gets_everything_in_order() {
    const CHUNKS: usize = 60;
    const PAUSE: Duration = Duration::from_secs(3);
    let relay = Arc::new(server(&[RETURNED_AT_ONCE]));
    let receiver = Polling::connect(&relay, "receiver").await;
    let sender = Client::connect(&relay, "sender").await;
    let others = Bystanders::connect(&relay).await;
    let samples = Samples::of(&relay);
    let exchanging = exchange(others, samples.over());
    let sending = upload(sender.writer, "receiver", CHUNKS);
    let (confirming, confirmed) = confirmations(sender.reader, CHUNKS);
    sleep(PAUSE).await; // the pause is what is tested
    let ahead = confirmed.load(Ordering::SeqCst);
    assert!(
        ahead > 0 && ahead < 30,
        "{ahead} chunks were confirmed while the receiver polled nothing"
    );
    for number in 0..CHUNKS {
        let packet = receiver.next("receive_file_chunk").await;
        let number = format!("\"chunkNumber\":{number},");
        assert!(packet.contains(&number), "not {number} but {packet:.300}");
        assert!(packet.len() > MEGABYTE);
    }
    sending.await.unwrap();
    timeout(TIMEOUT, confirming)
        .await
        .expect("all confirmations")
        .unwrap();
    assert_eq!(confirmed.load(Ordering::SeqCst), CHUNKS);
    samples.end(bound(1, 0.0)).await;
    assert_undisturbed(exchanging.await.unwrap());
    drop(receiver);
    stop(&mut Arc::into_inner(relay).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_with_ten_stalled_clients_takes_at_most_16_seconds() {
    const STALLED: usize = 10;
    const LIMIT: Duration = Duration::from_secs(16);
    let mut relay = server(&[]);
    let mut stalled = Vec::new();
    for number in 0..STALLED {
        let name = format!("stalled-{number}");
        stalled.push(Client::with(&relay, &name, Dial::narrow()).await);
        let sender = Client::connect(&relay, &format!("sender-{number}")).await;
        until_blocked(&sender.writer, &name).await;
        stalled.push(sender);
    }
    let began = Instant::now();
    let status = relay.terminate();
    let took = began.elapsed();
    println!("stopped after {took:?}");
    assert!(
        status.success(),
        "stopped with {status}; the log:\n{}",
        relay.log()
    );
    assert!(took <= LIMIT, "the stop took {took:?}");
    drop(stalled);
}

/// Sends until the relay reads no more from this client.
async fn until_blocked(writer: &Writer, to: &str) {
    const BLOCKED: Duration = Duration::from_secs(1);
    let data = data();
    for number in 0..100 {
        let argument = chunk(to, "file", number, 100, &data);
        if timeout(BLOCKED, writer.emit("send_file_chunk", &argument))
            .await
            .is_err()
        {
            return;
        }
    }
    panic!("100 MB were read from a client whose receiver reads nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_line_is_no_missed_heartbeat() {
    const CHUNKS: usize = 40;
    /// 2 MB/s: what the client reads in one go arrives this far apart.
    const PACE: Duration = Duration::from_millis(500);
    let mut relay = server(&[("PING_INTERVAL", "1s"), ("PING_TIMEOUT", "1s")]);
    let mut receiver = Client::with(&relay, "receiver", Dial::narrow()).await;
    let sender = Client::connect(&relay, "sender").await;
    let sending = upload(sender.writer.clone(), "receiver", CHUNKS);
    let (confirming, confirmed) = confirmations(sender.reader, CHUNKS);
    // The sender has everything confirmed some seconds before the receiver has read it, and must go on reading.
    let confirmed_then_online = tokio::spawn(async move {
        let mut reader = confirming.await.unwrap();
        assert_eq!(
            confirmed.load(Ordering::SeqCst),
            CHUNKS,
            "the sender was disconnected"
        );
        reader.event("message:sent").await.get("recipientOnline")
    });
    let mut pace = interval(PACE);
    for number in 0..CHUNKS {
        pace.tick().await;
        receive(&mut receiver.reader, number..number + 1).await;
    }
    sending.await.unwrap();
    // Both are still connected.
    sender
        .writer
        .emit("send_message", &message("receiver", 1))
        .await
        .unwrap();
    assert_eq!(receiver.event("receive_message").await.number("seq"), 1);
    assert_eq!(confirmed_then_online.await.unwrap(), true);
    stop(&mut relay);
}
