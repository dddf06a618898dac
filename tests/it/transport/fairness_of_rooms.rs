//! What is sent in rooms to one receiver on a slow line: the much of one room does not hold up what is sent elsewhere,
//! and what comes of one sender, and in one room, keeps its order.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::interval;

use crate::conversation::{ConversationClient, Shape, create};
use crate::program::start;
use crate::session;
use test_support::harness::Relay;
use test_support::raw::line::slow_line;
use test_support::raw::{Client, Event, Writer};
use test_support::scene::{message, stop};

/// What the line of the receiver carries in a second.
const LINE: usize = 500_000;
/// Those who send more than that, together, but not so much that the receiver is disconnected.
const OTHERS: [&str; 4] = ["mallory", "nick", "oscar", "peggy"];
/// What each of them sends in a second.
const EACH: usize = 250_000;
/// How many messages are sent beside that.
const MESSAGES: usize = 25;
/// How long each may take. Behind all that waits it would take 6 s and more.
const ANY: Duration = Duration::from_millis(2500);

fn server() -> Relay {
    start(&[("RATE_LIMITS", "off")])
}

/// One of a conversation, whose content begins with a number.
fn numbered(conversation: &str, number: usize, bytes: usize) -> String {
    let filling = "x".repeat(bytes);
    format!(r#"{{"conversationId":"{conversation}","content":"{number} {filling}"}}"#)
}

/// Sends at a pace until it is stopped or the connection ends, and ignores what is sent back.
fn flood(
    client: Client,
    event: &'static str,
    bytes: usize,
    text: impl Fn(usize) -> String + Send + 'static,
) -> [JoinHandle<()>; 2] {
    let (writer, mut reader) = (client.writer, client.reader);
    let mut pace = interval(Duration::from_secs_f64(bytes as f64 / EACH as f64));
    let sending = async move {
        let mut number = 0;
        while writer.emit(event, &text(number)).await.is_ok() {
            number += 1;
            pace.tick().await;
        }
    };
    let ignoring = async move { while reader.packet_whenever().await.is_ok() {} };
    [tokio::spawn(sending), tokio::spawn(ignoring)]
}

/// Everybody sends to a conversation that bob is in, so much that his line is full.
async fn flood_conversation(relay: &Relay, conversation: &'static str) -> Vec<JoinHandle<()>> {
    let mut flooding = Vec::new();
    for user in OTHERS {
        let client = ConversationClient::connect(relay, user, Shape::Conversation).await;
        let text = move |number| numbered(conversation, number, 9_000);
        flooding.extend(flood(client.connection, "message:send", 9_000, text));
    }
    flooding
}

/// Until the receiver is so far behind that events wait for their turn.
async fn fall_behind(bob: &mut Client) {
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        bob.reader.packet().await.expect("no end");
    }
}

async fn bob(relay: &Relay, conversations: &[&str]) -> ConversationClient {
    let dial = slow_line(relay, LINE).await;
    let mut bob = ConversationClient::connect_by(relay, "bob", Shape::Conversation, dial).await;
    for conversation in conversations {
        let id = format!("\"{conversation}\"");
        assert!(bob.subscribe(Shape::Conversation, &id).await.succeeded());
    }
    bob
}

/// What alice sends is with bob soon.
async fn assert_soon(bob: &mut Client, alice: &Writer, event: &str, text: fn(usize) -> String) {
    let sending = async {
        let mut pace = interval(Duration::from_millis(200));
        let mut sent = Vec::new();
        for number in 0..MESSAGES {
            pace.tick().await;
            sent.push(Instant::now());
            alice.emit(event, &text(number)).await.expect("no end");
        }
        sent
    };
    let receiving = async {
        let mut received = Vec::new();
        while received.len() < MESSAGES {
            let packet = bob.reader.packet().await.expect("no end");
            if packet.text.contains("\"alice\"") && packet.text.contains("quiet") {
                received.push(Instant::now());
            }
        }
        received
    };
    let (sent, received) = tokio::join!(sending, receiving);
    let both = sent.iter().zip(&received);
    let mut delays: Vec<_> = both.map(|(sent, received)| *received - *sent).collect();
    delays.sort();
    println!(
        "median {:?}, slowest {:?}",
        delays[MESSAGES / 2],
        delays[MESSAGES - 1]
    );
    assert!(delays[MESSAGES - 1] <= ANY, "{delays:?}");
}

fn quiet_message(number: usize) -> String {
    numbered("quiet", number, 10)
}

fn quiet_one_to_one(number: usize) -> String {
    message("bob", number).replace("\"c\"", "\"quiet\"")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loud_conversation_does_not_hold_up_another_nor_what_is_sent_to_one_alone() {
    let mut relay = server();
    create(&relay, "\"loud\"", &[&OTHERS[..], &["bob"]].concat()).await;
    create(&relay, "\"quiet\"", &["alice", "bob"]).await;
    let bob = bob(&relay, &["loud", "quiet"]).await;
    let alice = ConversationClient::connect(&relay, "alice", Shape::Conversation).await;
    let flooding = flood_conversation(&relay, "loud").await;
    let mut bob = bob.connection;
    fall_behind(&mut bob).await;
    let in_room = &alice.connection.writer;
    assert_soon(&mut bob, in_room, "message:send", quiet_message).await;
    let alice = Client::connect(&relay, "alice").await;
    assert_soon(&mut bob, &alice.writer, "send_message", quiet_one_to_one).await;
    flooding.iter().for_each(JoinHandle::abort);
    drop(bob);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loud_session_does_not_hold_up_what_is_sent_to_one_alone() {
    let mut relay = server();
    let dial = slow_line(&relay, LINE).await;
    let mut bob = session::Guest::new(Client::with(&relay, "bob", dial).await);
    bob.join("loud", "bob").await;
    let mut flooding = Vec::new();
    for user in OTHERS {
        let guest = session::Guest::member(&relay, "loud", user).await;
        let encrypted = format!("\"{}\"", "x".repeat(50_000));
        let text = move |_| session::message("loud", user, &encrypted);
        flooding.extend(flood(guest.connection, "send-message", 50_000, text));
    }
    let mut bob = bob.connection;
    fall_behind(&mut bob).await;
    let alice = Client::connect(&relay, "alice").await;
    assert_soon(&mut bob, &alice.writer, "send_message", quiet_one_to_one).await;
    flooding.iter().for_each(JoinHandle::abort);
    drop(bob);
    stop(&mut relay);
}

/// By whom, in which conversation, and as which of theirs there a message was sent.
fn origin(event: &Event) -> (String, String, usize) {
    let text = |field| event.get(field).as_str().expect("a text").to_owned();
    let content = text("content");
    let number = content.split(' ').next().expect("a number").parse();
    let (sender, conversation) = (text("senderId"), text("conversationId"));
    (sender, conversation, number.expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_sends_in_several_conversations_arrives_in_the_order_of_sending() {
    const TURNS: usize = 40;
    let mut relay = server();
    let all = [&OTHERS[..], &["alice", "bob"]].concat();
    for conversation in ["\"loud\"", "\"quiet\"", "\"third\""] {
        create(&relay, conversation, &all).await;
    }
    let bob = bob(&relay, &["loud", "quiet", "third"]).await;
    let flooding = flood_conversation(&relay, "loud").await;
    let mut bob = bob.connection;
    fall_behind(&mut bob).await;
    let alice = ConversationClient::connect(&relay, "alice", Shape::Conversation).await;
    let alice = flood_in_turn(alice.connection, TURNS);
    let mut last = HashMap::new();
    let mut of_alice = Vec::new();
    while of_alice.len() < 3 * TURNS {
        let event = bob.event("message:new").await;
        let (sender, conversation, number) = origin(&event);
        if sender == "alice" {
            of_alice.push((number, conversation));
        } else if let Some(before) = last.insert(sender.clone(), number) {
            assert_eq!(number, before + 1, "of {sender}");
        }
    }
    let in_turn = |number: usize| ["loud", "quiet", "third"][number % 3].to_owned();
    let expected: Vec<_> = (0..3 * TURNS)
        .map(|number| (number, in_turn(number)))
        .collect();
    assert_eq!(of_alice, expected);
    flooding.iter().chain(&alice).for_each(JoinHandle::abort);
    drop(bob);
    stop(&mut relay);
}

/// Sends to three conversations in turn, so many times.
fn flood_in_turn(client: Client, times: usize) -> [JoinHandle<()>; 2] {
    let (writer, mut reader) = (client.writer, client.reader);
    let sending = async move {
        for number in 0..3 * times {
            let conversation = ["loud", "quiet", "third"][number % 3];
            let text = numbered(conversation, number, 100);
            writer.emit("message:send", &text).await.expect("no end");
        }
    };
    let ignoring = async move { while reader.packet_whenever().await.is_ok() {} };
    [tokio::spawn(sending), tokio::spawn(ignoring)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_a_room_gets_what_waits_of_it_first_and_nothing_afterwards() {
    let mut relay = server();
    create(&relay, "\"loud\"", &[&OTHERS[..], &["bob"]].concat()).await;
    create(&relay, "\"quiet\"", &["alice", "bob"]).await;
    let mut bob = bob(&relay, &["loud", "quiet"]).await;
    let alice = ConversationClient::connect(&relay, "alice", Shape::Conversation).await;
    let flooding = flood_conversation(&relay, "loud").await;
    fall_behind(&mut bob.connection).await;
    let left = bob.unsubscribe(Shape::Conversation, "\"loud\"").await;
    assert!(left.succeeded());
    let numbers = |name: &str| {
        let of_one = left
            .events
            .iter()
            .filter(|event| event.name == "message:new");
        let of_one = of_one.map(origin).filter(|(sender, ..)| sender == name);
        of_one.map(|(.., number)| number).collect::<Vec<_>>()
    };
    for name in OTHERS {
        let numbers = numbers(name);
        let without_gaps: Vec<_> = (numbers[0]..).take(numbers.len()).collect();
        assert_eq!(numbers, without_gaps, "of {name}");
    }
    let alice = flood(alice.connection, "message:send", EACH, quiet_message);
    for number in 0..3 {
        let event = bob.connection.event("message:new").await;
        let from = ("alice".to_owned(), "quiet".to_owned());
        assert_eq!(origin(&event), (from.0, from.1, number));
    }
    flooding.iter().chain(&alice).for_each(JoinHandle::abort);
    drop(bob);
    stop(&mut relay);
}
