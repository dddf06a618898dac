//! Subscribers that read slowly or not at all, in each shape: one that takes nothing is cut off while the others go on,
//! and fetches what it missed when it is back; one that is only slow gets everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use super::{
    Change, ConversationClient, Received, SHAPES, Shape, create, history, server, server_in, since,
};
use test_support::database::dump;
use test_support::harness::Relay;
use test_support::memory::{RETURNED_AT_ONCE, Samples, bound};
use test_support::raw::line::slow_line;
use test_support::raw::{Dial, Event, Reader, TIMEOUT, Writer};
use test_support::scene::stop;

const MEGABYTE: usize = 1_000_000;
/// As JSON text.
const ROOM: &str = "\"room\"";
const ANOTHER: &str = "\"another\"";
/// Long enough for what waits for a slow client.
const LONG: Duration = Duration::from_secs(60);
/// Lets a message be that long.
const LARGE: (&str, &str) = ("MAX_CONTENT_CHARS", "1000000");

/// A content that says which one it is, and is a megabyte long.
fn large(number: u64) -> String {
    let head = format!("{number:08}");
    format!("\"{head}{}\"", "x".repeat(MEGABYTE - head.len()))
}

/// The number in a content, which must be whole.
fn number(content: &str) -> u64 {
    assert_eq!(content.len(), MEGABYTE + 2);
    content[1..9].parse().unwrap()
}

/// Sends so many of them without waiting for anything.
fn upload(writer: Writer, count: u64) -> JoinHandle<()> {
    tokio::spawn(async move {
        for number in 0..count {
            let content = large(number);
            let argument = format!(r#"{{"conversationId":{ROOM},"content":{content}}}"#);
            writer.emit("message:send", &argument).await.unwrap();
        }
    })
}

/// Reads so many new messages and checks that they are in order.
fn in_order(mut reader: Reader, shape: Shape, count: u64) -> JoinHandle<Reader> {
    tokio::spawn(async move {
        let mut due = 0;
        while due < count {
            let packet = timeout(LONG, reader.packet_whenever()).await;
            let packet = packet
                .expect("something in time")
                .expect("an open connection");
            let received = Event::parse(&packet).and_then(|event| Received::of(shape, &event));
            if let Some(Received { change, .. }) = received {
                match change {
                    Change::New { content, .. } => assert_eq!(number(&content), due),
                    other => panic!("{other:?}"),
                }
                due += 1;
            }
        }
        reader
    })
}

/// Two who talk in another conversation until asked to stop; how long each message took.
async fn exchange_in_another_conversation(
    relay: &Relay,
    over: Arc<AtomicBool>,
) -> JoinHandle<Vec<Duration>> {
    create(relay, ANOTHER, &["ann", "ben"]).await;
    let mut ann = ConversationClient::connect(relay, "ann", Shape::Conversation).await;
    let mut ben = ConversationClient::subscriber(relay, "ben", Shape::Feed, ANOTHER).await;
    tokio::spawn(async move {
        let mut ticks = interval(Duration::from_millis(20));
        let mut times = Vec::new();
        while !over.load(Ordering::SeqCst) {
            ticks.tick().await;
            let began = Instant::now();
            let argument = format!(r#"{{"conversationId":{ANOTHER},"content":"c"}}"#);
            assert!(ann.ask("message:send", &argument).await.succeeded());
            ben.expect("new-message").await;
            times.push(began.elapsed());
        }
        times
    })
}

/// Waits until nobody follows the conversation but these.
async fn until_online(client: &mut ConversationClient, users: &[&str]) {
    let room = format!(r#"{{"conversationId":{ROOM}}}"#);
    let waiting = async {
        let mut looks = interval(Duration::from_millis(20));
        loop {
            looks.tick().await;
            let answer = client.ask("presence:request", &room).await;
            let online = answer.ack.get("onlineUsers");
            let ids: Vec<&Value> = online
                .as_array()
                .unwrap()
                .iter()
                .map(|one| &one["id"])
                .collect();
            if ids == users {
                return;
            }
        }
    };
    timeout(TIMEOUT, waiting)
        .await
        .expect("only those to be left");
}

fn stalled(shape: Shape) -> String {
    format!("stalled-{shape:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_that_stop_reading_are_cut_off_and_the_others_get_everything() {
    const COUNT: u64 = 40;
    let data = tempfile::tempdir().unwrap();
    let settings = [("WRITE_DEADLINE", "3s"), LARGE, RETURNED_AT_ONCE];
    let relay = Arc::new(server_in(data.path(), &settings));
    let slow = SHAPES.map(stalled);
    let others = ["sender", "other-1", "other-2", "other-3"];
    let users = [&others[..], &slow.each_ref().map(|user| &**user)].concat();
    create(&relay, ROOM, &users).await;
    let samples = Samples::of(&relay);
    let exchanging = exchange_in_another_conversation(&relay, samples.over()).await;
    let mut stalled = Vec::new();
    for (user, shape) in slow.iter().zip(SHAPES) {
        let mut client = ConversationClient::connect_by(&relay, user, shape, Dial::narrow()).await;
        assert!(client.subscribe(shape, ROOM).await.succeeded());
        stalled.push((client, shape, user));
    }
    let mut reading = Vec::new();
    for (user, shape) in others[1..].iter().zip(SHAPES) {
        let client = ConversationClient::subscriber(&relay, user, shape, ROOM).await;
        reading.push(in_order(client.connection.reader, shape, COUNT));
    }
    let sender = ConversationClient::subscriber(&relay, "sender", Shape::Conversation, ROOM).await;
    let began = Instant::now();
    let sending = upload(sender.connection.writer.clone(), COUNT);
    reading.push(in_order(
        sender.connection.reader,
        Shape::Conversation,
        COUNT,
    ));
    sending.await.unwrap();
    let mut readers = Vec::new();
    for reading in reading {
        readers.push(reading.await.unwrap());
    }
    println!("everything was received after {:?}", began.elapsed());
    let mut watcher = ConversationClient::connect(&relay, "sender", Shape::Conversation).await;
    until_online(&mut watcher, &["other-1", "other-2", "other-3", "sender"]).await;
    // Each shape has events of its own.
    samples.end(bound(SHAPES.len(), 0.0)).await;
    undisturbed(exchanging.await.unwrap());
    for (mut client, shape, user) in stalled {
        // What reached the kernel's buffers before is still there to be read; then it is over.
        let seen = client.connection.closed().await;
        let received = seen.iter().filter_map(Event::parse);
        let received: Vec<_> = received
            .filter_map(|event| Received::of(shape, &event))
            .collect();
        assert!((received.len() as u64) < COUNT, "{user} got everything");
        catches_up(&relay, user, &received, COUNT).await;
    }
    let mut relay = Arc::into_inner(relay).unwrap();
    stop(&mut relay);
    for user in &slow {
        let records = dump(data.path());
        let mut theirs = records.lines().filter(|record| record.contains(user));
        let was_disconnected = theirs.any(|record| record.contains("\tSLOW_CONSUMER\t"));
        assert!(was_disconnected, "{user} was not disconnected: {records}");
    }
}

/// Back again, it fetches what comes behind the last message that it was sent: that is all that is missing.
async fn catches_up(relay: &Relay, user: &str, received: &[Received], count: u64) {
    let mut seen = 0;
    for received in received {
        match &received.change {
            Change::New { content, .. } => assert_eq!(number(content), seen),
            other => panic!("{other:?}"),
        }
        seen += 1;
    }
    let missed = match received.last() {
        Some(last) => since(relay, user, ROOM, last.change.id(), 50).await,
        None => history(relay, user, ROOM, 50).await,
    };
    let missed: Vec<_> = missed
        .iter()
        .map(|message| number(&message.content))
        .collect();
    assert_eq!(missed, (seen..count).collect::<Vec<_>>());
}

/// All but a few messages came at once: more may be late because this machine is busy.
fn undisturbed(mut times: Vec<Duration>) {
    times.sort();
    let late = times
        .iter()
        .filter(|time| **time > Duration::from_millis(250))
        .count();
    println!(
        "{late} of {} messages in the other conversation were late; median {:?}",
        times.len(),
        times[times.len() / 2]
    );
    assert!(late * 20 <= times.len());
}

/// It takes about 5 s, in which the deadline passes several times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_on_a_slow_line_gets_everything_in_each_shape() {
    const COUNT: u64 = 20;
    let relay = Arc::new(server(&[("WRITE_DEADLINE", "2s"), LARGE, RETURNED_AT_ONCE]));
    let slow = SHAPES.map(stalled);
    let users = [&["sender"][..], &slow.each_ref().map(|user| &**user)].concat();
    create(&relay, ROOM, &users).await;
    let mut reading = Vec::new();
    for (user, shape) in slow.iter().zip(SHAPES) {
        let dial = slow_line(&relay, 4 * MEGABYTE).await;
        let mut client = ConversationClient::connect_by(&relay, user, shape, dial).await;
        assert!(client.subscribe(shape, ROOM).await.succeeded());
        reading.push(in_order(client.connection.reader, shape, COUNT));
    }
    let sender = ConversationClient::subscriber(&relay, "sender", Shape::Conversation, ROOM).await;
    let samples = Samples::of(&relay);
    let sending = upload(sender.connection.writer.clone(), COUNT);
    reading.push(in_order(
        sender.connection.reader,
        Shape::Conversation,
        COUNT,
    ));
    sending.await.unwrap();
    let mut readers = Vec::new();
    for reading in reading {
        readers.push(reading.await.unwrap());
    }
    // Each shape has events of its own.
    samples.end(bound(SHAPES.len(), 0.0)).await;
    stop(&mut Arc::into_inner(relay).unwrap());
}
