//! What several send to one receiver on a slow line: the much of one does not hold up the little of another, and who
//! sends as much as another gets as much of the line.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use crate::cluster::deployment::Deployment;
use crate::program::server;
use test_support::harness::Relay;
use test_support::raw::line::slow_line;
use test_support::raw::polling::Polling;
use test_support::raw::{Client, Reader, Writer};
use test_support::scene::{chunk, message, stop};

/// What the line of the receiver carries in a second.
const LINE: usize = 500_000;
/// How many messages are sent beside what else is.
const MESSAGES: usize = 25;
/// How long most of them may take, and any of them: what is under way, in the kernel and of one chunk, has to be
/// taken first, which is up to five chunks of 0.2 s. Behind all that may wait, each would take 17 s.
const MOST: Duration = Duration::from_millis(1300);
const ANY: Duration = Duration::from_millis(2500);

/// Sends something until it is stopped or the connection ends.
fn flood(writer: Writer, event: &'static str, payload: String) -> JoinHandle<()> {
    tokio::spawn(async move { while writer.emit(event, &payload).await.is_ok() {} })
}

/// Chunks of so many bytes for bob, from a user whom it connects.
async fn flood_with_chunks(relay: &Relay, user: &str, bytes: usize) -> [JoinHandle<()>; 2] {
    let mallory = Client::connect(relay, user).await;
    let data = format!("\"{}\"", "x".repeat(bytes));
    let payload = chunk("bob", "file", 0, 1_000_000, &data);
    let flooding = flood(mallory.writer, "send_file_chunk", payload);
    [flooding, ignore(mallory.reader)]
}

fn ignore(mut reader: Reader) -> JoinHandle<()> {
    tokio::spawn(async move { while reader.packet_whenever().await.is_ok() {} })
}

/// One who receives at the pace of a line.
enum Bob<'r> {
    Socket(Client),
    Polling(Polling<'r>),
}

impl Bob<'_> {
    /// What comes next.
    async fn next(&mut self) -> Vec<String> {
        match self {
            Self::Socket(bob) => vec![bob.reader.packet().await.expect("no end").text],
            Self::Polling(bob) => {
                let answer = bob.poll().await;
                assert_eq!(answer.status, 200);
                let taken = answer.body.len() as f64 / LINE as f64;
                sleep(Duration::from_secs_f64(taken)).await; // the line is what is tested
                let packets = answer.body.split('\x1e');
                packets.map(str::to_owned).collect()
            }
        }
    }

    /// How long each message took that alice sends while others send, in the order of the times.
    async fn delays(&mut self, alice: &Writer) -> Vec<Duration> {
        // Until as much waits as others make wait.
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            self.next().await;
        }
        let sending = async {
            let mut pace = interval(Duration::from_millis(200));
            let mut sent = Vec::new();
            for seq in 0..MESSAGES {
                pace.tick().await;
                sent.push(Instant::now());
                let message = message("bob", seq);
                alice.emit("send_message", &message).await.expect("no end");
            }
            sent
        };
        let receiving = async {
            let mut received = Vec::new();
            while received.len() < MESSAGES {
                let packets = self.next().await;
                let is_message = |packet: &&String| packet.contains("\"receive_message\"");
                for packet in packets.iter().filter(is_message) {
                    let seq = format!("\"seq\":{}}}", received.len());
                    assert!(packet.contains(&seq), "in another order: {packet}");
                    received.push(Instant::now());
                }
            }
            received
        };
        let (sent, received) = tokio::join!(sending, receiving);
        let both = sent.iter().zip(&received);
        let mut delays: Vec<_> = both.map(|(sent, received)| *received - *sent).collect();
        delays.sort();
        delays
    }
}

fn assert_soon(what: &str, delays: &[Duration]) {
    let (most, any) = (delays[MESSAGES * 9 / 10], delays[MESSAGES - 1]);
    let median = delays[MESSAGES / 2];
    println!("{what}: median {median:?}, nine in ten within {most:?}, slowest {any:?}");
    assert!(most <= MOST && any <= ANY, "{what}: {delays:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_of_others_do_not_hold_up_small_messages() {
    for (what, senders, bytes) in [
        ("chunks of one", 1, 100_000),
        ("smaller ones", 1, 20_000),
        ("chunks of eight", 8, 100_000),
    ] {
        let mut relay = server(&[]);
        let dial = slow_line(&relay, LINE).await;
        let mut bob = Bob::Socket(Client::with(&relay, "bob", dial).await);
        let alice = Client::connect(&relay, "alice").await;
        let mut others = vec![ignore(alice.reader)];
        for number in 0..senders {
            let user = format!("mallory-{number}");
            others.extend(flood_with_chunks(&relay, &user, bytes).await);
        }
        assert_soon(what, &bob.delays(&alice.writer).await);
        others.iter().for_each(JoinHandle::abort);
        drop(bob);
        stop(&mut relay);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_of_others_do_not_hold_up_small_messages_to_one_who_polls() {
    let mut relay = server(&[]);
    let mut bob = Bob::Polling(Polling::connect(&relay, "bob").await);
    let alice = Client::connect(&relay, "alice").await;
    let others = flood_with_chunks(&relay, "mallory", 100_000).await;
    let ignoring = ignore(alice.reader);
    assert_soon("polling", &bob.delays(&alice.writer).await);
    others.iter().chain([&ignoring]).for_each(JoinHandle::abort);
    drop(bob);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_many_connections_does_not_hold_up_messages_of_another() {
    const CONNECTIONS: usize = 8;
    let mut relay = server(&[]);
    let dial = slow_line(&relay, LINE).await;
    let mut bob = Bob::Socket(Client::with(&relay, "bob", dial).await);
    let alice = Client::connect(&relay, "alice").await;
    let mut others = vec![ignore(alice.reader)];
    // Each too small to be waited for without end.
    let long = "x".repeat(40_000);
    let payload = message("bob", 1).replace("\"c\"", &format!("\"{long}\""));
    for _ in 0..CONNECTIONS {
        let mallory = Client::connect(&relay, "mallory").await;
        others.push(flood(mallory.writer, "send_message", payload.clone()));
        others.push(ignore(mallory.reader));
    }
    let delays = async {
        let Bob::Socket(client) = &mut bob else {
            unreachable!("it is one");
        };
        client.event("receive_message").await;
        let mut delays = Vec::new();
        for seq in 100..100 + MESSAGES {
            alice
                .writer
                .emit("send_message", &message("bob", seq))
                .await
                .expect("no end");
            let sent = Instant::now();
            while client.event("receive_message").await.number("seq") != seq as u64 {}
            delays.push(sent.elapsed());
        }
        delays.sort();
        delays
    };
    assert_soon("many connections", &delays.await);
    others.iter().for_each(JoinHandle::abort);
    drop(bob);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_send_as_much_get_as_much_of_the_line() {
    const CHUNKS: usize = 60;
    let mut relay = server(&[]);
    let dial = slow_line(&relay, 2 * LINE).await;
    let mut bob = Client::with(&relay, "bob", dial).await;
    let mut others = Vec::new();
    // One has five connections and larger chunks.
    for _ in 0..5 {
        others.extend(flood_with_chunks(&relay, "mallory", 150_000).await);
    }
    others.extend(flood_with_chunks(&relay, "alice", 50_000).await);
    let (mut of_alice, mut of_all) = (0, 0);
    for number in 0..CHUNKS {
        let event = bob.event("receive_file_chunk").await;
        // The first ones came before both sent.
        if number >= CHUNKS / 4 {
            of_all += event.text.len();
            if event.get("senderId") == "alice" {
                of_alice += event.text.len();
            }
        }
    }
    let share = of_alice as f64 / of_all as f64;
    println!("alice had {share:.2} of the line");
    // By connections and sizes of chunks it would be a sixteenth.
    assert!((0.3..=0.65).contains(&share), "{share}");
    others.iter().for_each(JoinHandle::abort);
    drop(bob);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_of_others_do_not_hold_up_small_messages_to_one_on_another_node() {
    let settings = [("DIALECTS", "direct"), ("RATE_LIMITS", "off")];
    let Some(deployment) = Deployment::start(2, &settings) else {
        return;
    };
    let (near, far) = (deployment.relay(0), deployment.relay(1));
    let mut bob = Bob::Socket(Client::with(far, "bob", slow_line(far, LINE).await).await);
    let alice = Client::connect(near, "alice").await;
    let mut others = vec![ignore(alice.reader)];
    others.extend(flood_with_chunks(near, "mallory", 100_000).await);
    others.extend(flood_with_chunks(far, "mallory", 100_000).await);
    assert_soon("another node", &bob.delays(&alice.writer).await);
    others.iter().for_each(JoinHandle::abort);
    drop(bob);
    deployment.stop();
}

/// What the sender of files waits for is its own line only, so it is as fast as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fast_receiver_of_files_is_not_kept_waiting() {
    const CHUNKS: usize = 200;
    let mut relay = server(&[]);
    let mut bob = Client::connect(&relay, "bob").await;
    let others = flood_with_chunks(&relay, "alice", 1_000_000).await;
    let began = Instant::now();
    let receiving = async {
        for _ in 0..CHUNKS {
            bob.event("receive_file_chunk").await;
        }
    };
    let received = timeout(Duration::from_secs(60), receiving).await;
    received.expect("200 MB within a minute");
    let rate = CHUNKS as f64 / began.elapsed().as_secs_f64();
    println!("{rate:.0} MB/s");
    others.iter().for_each(JoinHandle::abort);
    stop(&mut relay);
}
