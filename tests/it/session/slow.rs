//! Members who read slowly or not at all: in a group whoever takes nothing is cut off and the others go on, what is
//! private goes at its recipient's pace, and a long history may take its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};

use super::{Guest, items, join, message, raw, server};
use test_support::harness::Relay;
use test_support::memory::{RETURNED_AT_ONCE, Samples, bound};
use test_support::raw::line::slow_line;
use test_support::raw::{Dial, Event, Reader, TIMEOUT, Writer, http};
use test_support::scene::stop;

const MEGABYTE: usize = 1_000_000;
const ROOM: &str = "room";
/// The setting `session_history_bytes`, in MiB.
const HISTORY: f64 = 16.0;
/// Long enough for what waits for a slow client.
const LONG: Duration = Duration::from_secs(60);

/// A message whose text says which one it is, and is a megabyte long.
fn large(number: u64) -> String {
    let head = format!("{number:08}");
    format!("\"{head}{}\"", "x".repeat(MEGABYTE - head.len()))
}

/// Sends so many of them without waiting for anything.
pub(super) fn upload(writer: Writer, to: &'static str, count: u64) -> JoinHandle<()> {
    tokio::spawn(async move {
        for number in 0..count {
            let text = format!(
                r#"{{"sessionId":"{ROOM}","from":"sender","to":"{to}","encrypted":{}}}"#,
                large(number)
            );
            writer.emit("send-message", &text).await.unwrap();
        }
    })
}

/// The number in a message, which must be whole.
fn number(encrypted: &str) -> u64 {
    assert_eq!(encrypted.len(), MEGABYTE + 2);
    encrypted[1..9].parse().unwrap()
}

/// Reads so many events with this name and checks that they are in order; their number so far can be asked for.
pub(super) fn in_order(
    mut reader: Reader,
    name: &'static str,
    count: u64,
) -> (JoinHandle<Reader>, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let so_far = read.clone();
    let reading = tokio::spawn(async move {
        while so_far.load(Ordering::SeqCst) < count {
            let packet = timeout(LONG, reader.packet_whenever()).await;
            let packet = packet
                .expect("something in time")
                .expect("an open connection");
            let event = Event::parse(&packet).expect("an event");
            if event.name == name {
                assert_eq!(
                    number(event.raw("encrypted")),
                    so_far.load(Ordering::SeqCst)
                );
                so_far.fetch_add(1, Ordering::SeqCst);
            }
        }
        reader
    });
    (reading, read)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_a_group_that_stops_reading_is_cut_off_and_the_others_get_everything() {
    const OTHERS: usize = 8;
    const COUNT: u64 = 60;
    let relay = Arc::new(server(&[("WRITE_DEADLINE", "3s"), RETURNED_AT_ONCE]));
    let sender = Guest::member(&relay, ROOM, "sender").await;
    let mut stalled = Guest::enter_by(&relay, Dial::narrow()).await;
    stalled.join(ROOM, "stalled").await;
    let mut others = Vec::new();
    for other in 0..OTHERS {
        let guest = Guest::member(&relay, ROOM, &format!("other-{other}")).await;
        others.push(in_order(guest.connection.reader, "new-message", COUNT).0);
    }
    let samples = Samples::of(&relay);
    let began = Instant::now();
    let sending = upload(sender.connection.writer.clone(), "all", COUNT);
    let (confirming, _) = in_order(sender.connection.reader, "message-sent", COUNT);
    sending.await.unwrap();
    let mut readers = vec![confirming.await.unwrap()];
    for other in others {
        readers.push(other.await.unwrap());
    }
    println!("all was handled after {:?}", began.elapsed());
    until_members(&relay, OTHERS + 1).await;
    samples.end(bound(2, HISTORY)).await;
    // What reached the kernel's buffers before is still there to be read; then it is over.
    let seen = stalled.connection.closed().await;
    assert!((seen.len() as u64) < COUNT, "it got everything");
    stop(&mut Arc::into_inner(relay).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_stream_goes_at_its_recipients_pace_and_nobody_else_waits() {
    const COUNT: u64 = 60;
    /// Within the deadline of a client that takes nothing.
    const PAUSE: Duration = Duration::from_secs(4);
    /// 10 MB/s.
    const PACE: Duration = Duration::from_millis(100);
    let relay = Arc::new(server(&[("WRITE_DEADLINE", "6s"), RETURNED_AT_ONCE]));
    let sender = Guest::member(&relay, ROOM, "sender").await;
    let mut slow = Guest::enter_by(&relay, Dial::narrow()).await;
    slow.join(ROOM, "slow").await;
    let mut others = [
        Guest::member(&relay, "another", "alice").await,
        Guest::member(&relay, "another", "bob").await,
    ];
    others[0].expect("user-joined").await;
    others[0].expect("public-keys-updated").await;
    let samples = Samples::of(&relay);
    let exchanging = exchange(others, samples.over());
    let sending = upload(sender.connection.writer.clone(), "slow", COUNT);
    let (confirming, confirmed) = in_order(sender.connection.reader, "message-sent", COUNT);
    sleep(PAUSE).await; // the pause is what is tested
    let ahead = confirmed.load(Ordering::SeqCst);
    assert!(
        ahead > 0 && ahead < 30,
        "{ahead} were confirmed while the recipient read nothing"
    );
    let mut pace = interval(PACE);
    for due in 0..COUNT {
        pace.tick().await;
        let got = slow.connection.reader.event("new-message").await;
        assert_eq!(number(got.raw("encrypted")), due);
    }
    sending.await.unwrap();
    let mut reader = timeout(TIMEOUT, confirming)
        .await
        .expect("all confirmations")
        .unwrap();
    samples.end(bound(2, HISTORY)).await;
    let mut times = exchanging.await.unwrap();
    times.sort();
    let late = times
        .iter()
        .filter(|time| **time > Duration::from_millis(100))
        .count();
    println!(
        "{late} of {} messages between others were late",
        times.len()
    );
    assert!(late * 50 <= times.len());
    // Both are still connected, and members.
    slow.connection
        .emit("send-message", &message(ROOM, "slow", "\"thanks\""))
        .await;
    assert_eq!(reader.event("new-message").await.get("encrypted"), "thanks");
    stop(&mut Arc::into_inner(relay).unwrap());
}

/// Waits until the only session there is has so many members.
async fn until_members(relay: &Relay, members: usize) {
    let due = format!("\"members\":{members},");
    let waiting = async {
        let mut looks = interval(Duration::from_millis(20));
        while !http::get(relay, "/sessions").await.body.contains(&due) {
            looks.tick().await;
        }
    };
    timeout(TIMEOUT, waiting).await.expect("so many members");
}

/// Two members of another session exchange messages until asked to stop; how long each took.
fn exchange(mut pair: [Guest; 2], over: Arc<AtomicBool>) -> JoinHandle<Vec<Duration>> {
    tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(20));
        let mut times = Vec::new();
        while !over.load(Ordering::SeqCst) {
            ticks.tick().await;
            let began = Instant::now();
            let said = message("another", "alice", "\"c\"");
            pair[0].connection.emit("send-message", &said).await;
            pair[1].expect("new-message").await;
            times.push(began.elapsed());
            pair[0].expect("message-sent").await;
        }
        times
    })
}

/// Fills the history of the session with 16 messages of a megabyte.
async fn fill(relay: &Relay) -> Guest {
    let mut sender = Guest::member(relay, ROOM, "sender").await;
    for number in 0..20 {
        let said = sender
            .ask("send-message", &message(ROOM, "sender", &large(number)))
            .await;
        assert!(said.succeeded());
        sender.received.clear();
    }
    sender
}

/// The history of that session, which is whole.
fn is_whole(history: &Event) {
    let numbers: Vec<_> = items(history)
        .iter()
        .map(|message| number(raw(message, "encrypted")))
        .collect();
    assert_eq!(numbers, (4..20).collect::<Vec<_>>());
}

/// It takes 8 s, in which the deadline passes several times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_who_reads_a_long_history_slowly_is_not_cut_off() {
    let mut relay = server(&[("WRITE_DEADLINE", "2s")]);
    let sender = fill(&relay).await;
    let dial = slow_line(&relay, 2 * MEGABYTE).await;
    let mut joiner = Guest::enter_by(&relay, dial).await;
    let mut talking = sender;
    joiner
        .connection
        .emit("join-session", &join(ROOM, "joiner"))
        .await;
    let history = long(&mut joiner, "messages-history").await;
    is_whole(&history);
    long(&mut joiner, "session-metadata").await;
    long(&mut joiner, "public-keys-updated").await;
    talking.expect("user-joined").await;
    talking.expect("public-keys-updated").await;
    let said = talking
        .ask("send-message", &message(ROOM, "sender", "\"welcome\""))
        .await;
    assert!(said.succeeded());
    assert_eq!(
        long(&mut joiner, "new-message").await.get("encrypted"),
        "welcome"
    );
    stop(&mut relay);
}

/// The others need not wait for it either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_who_reads_a_long_history_slowly_misses_no_message_sent_meanwhile() {
    const SAID: u64 = 50;
    let mut relay = server(&[("WRITE_DEADLINE", "2s")]);
    let mut sender = fill(&relay).await;
    let dial = slow_line(&relay, 2 * MEGABYTE).await;
    let mut joiner = Guest::enter_by(&relay, dial).await;
    joiner
        .connection
        .emit("join-session", &join(ROOM, "joiner"))
        .await;
    let talking = tokio::spawn(async move {
        sender.expect("user-joined").await;
        let mut pace = interval(Duration::from_millis(100));
        let mut slowest = Duration::ZERO;
        for number in 0..SAID {
            pace.tick().await;
            let began = Instant::now();
            let said = message(ROOM, "sender", &number.to_string());
            let answer = sender.ask("send-message", &said).await;
            assert!(answer.succeeded());
            slowest = slowest.max(began.elapsed());
            let names = answer.names().into_iter();
            let left: Vec<_> = names.filter(|name| *name == "user-left").collect();
            assert!(left.is_empty(), "the joiner was cut off");
        }
        slowest
    });
    is_whole(&long(&mut joiner, "messages-history").await);
    for name in ["session-metadata", "public-keys-updated"] {
        long(&mut joiner, name).await;
    }
    for number in 0..SAID {
        let got = long(&mut joiner, "new-message").await;
        assert_eq!(got.number("encrypted"), number);
    }
    let slowest = talking.await.unwrap();
    assert!(
        slowest < Duration::from_secs(1),
        "a message took {slowest:?}"
    );
    stop(&mut relay);
}

/// Clients that render twice join twice. The second history waits until enough of the first one is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_who_asks_for_a_long_history_several_times_gets_it_as_often() {
    const TIMES: usize = 4;
    let relay = Arc::new(server(&[RETURNED_AT_ONCE]));
    let sender = fill(&relay).await;
    let dial = slow_line(&relay, 10 * MEGABYTE).await;
    let mut joiner = Guest::enter_by(&relay, dial).await;
    let samples = Samples::of(&relay);
    for _ in 0..TIMES {
        let argument = join(ROOM, "joiner");
        joiner.connection.emit("join-session", &argument).await;
    }
    for _ in 0..TIMES {
        is_whole(&long(&mut joiner, "messages-history").await);
        for name in ["session-metadata", "public-keys-updated"] {
            long(&mut joiner, name).await;
        }
    }
    samples.end(bound(1, HISTORY)).await;
    drop(sender);
    stop(&mut Arc::into_inner(relay).unwrap());
}

/// A line may be slower towards the client than away from it, and a confirmation is as long as its message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_who_reads_its_confirmations_slowly_is_slowed_down() {
    const COUNT: u64 = 60;
    let relay = Arc::new(server(&[RETURNED_AT_ONCE]));
    let dial = slow_line(&relay, 10 * MEGABYTE).await;
    let mut sender = Guest::enter_by(&relay, dial).await;
    sender.join(ROOM, "sender").await;
    let samples = Samples::of(&relay);
    let sending = upload(sender.connection.writer.clone(), "all", COUNT);
    let (confirming, _) = in_order(sender.connection.reader, "message-sent", COUNT);
    sending.await.unwrap();
    confirming.await.unwrap();
    samples.end(bound(1, HISTORY)).await;
    stop(&mut Arc::into_inner(relay).unwrap());
}

/// The next event, which must be this one and may take long.
async fn long(guest: &mut Guest, name: &str) -> Event {
    let packet = timeout(LONG, guest.connection.reader.packet_whenever()).await;
    let packet = packet
        .expect("something in time")
        .expect("an open connection");
    let event = Event::parse(&packet).expect("an event");
    assert_eq!(event.name, name, "{:.200}", event.text);
    event
}
