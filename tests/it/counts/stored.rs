//! Messages of conversations, which are stored before they are confirmed.

use futures_util::future::join_all;
use test_support::harness::Relay;
use test_support::raw::Client;
use test_support::scene::stop;

use super::counted::{Call, Calls, Counted};
use crate::conversation::create;
use crate::request_client::RequestClient;

const ROOM: &str = "\"room\"";
const USERS: [&str; 8] = ["ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal"];
const EACH: u64 = 25;

/// The calls while these send so many messages each, one after the other.
async fn sent(counted: &Counted, senders: &mut [RequestClient]) -> Calls {
    let before = counted.calls();
    let sending = senders.iter_mut().map(|client| async {
        for number in 0..EACH {
            let argument =
                format!(r#"{{"conversationId":{ROOM},"content":"c","tempId":{number}}}"#);
            client.ask("message:send", &argument).await;
        }
    });
    join_all(sending).await;
    counted.calls() - before
}

/// A conversation of these users, who all have joined.
async fn joined(relay: &Relay, room: &str, users: &[&str]) -> Vec<RequestClient> {
    create(relay, room, users).await;
    let mut clients = Vec::new();
    for user in users {
        let mut client = RequestClient::new(Client::connect(relay, user).await);
        let argument = format!(r#"{{"conversationId":{room}}}"#);
        assert!(client.ask("conversation:join", &argument).await.succeeded());
        clients.push(client);
    }
    clients
}

/// The first of those who have joined sends messages that reach all of them, each after the receipts of the one before.
async fn send(room: &str, clients: &mut [RequestClient]) {
    let (sender, others) = clients.split_first_mut().unwrap();
    for number in 0..EACH {
        let argument = format!(r#"{{"conversationId":{room},"content":"c","tempId":"{number}"}}"#);
        sender.ask("message:send", &argument).await;
        for client in &mut *others {
            client.connection.event("message:new").await;
        }
        let delivered = sender.connection.event("message:delivered").await;
        let all = delivered.get("deliveredTo").as_array().map(Vec::len);
        assert_eq!(all, Some(others.len()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_and_its_receipts() {
    let mut counted = Counted::start(&[("DIALECTS", "conversation"), ("RATE_LIMITS", "off")]);
    let mut clients = joined(&counted.relay, ROOM, &USERS).await;
    let before = counted.calls();
    send(ROOM, &mut clients).await;
    let calls = counted.calls() - before;
    // The message is on the disk before anybody hears of it, and its receipts before the sender does.
    calls.at_most(EACH, Call::Flush, 2.2);
    calls.at_most(EACH, Call::Write, 24.0);
    stop(&mut counted.relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_many_conversations_at_once() {
    const CONVERSATIONS: usize = 32;
    let mut counted = Counted::start(&[("DIALECTS", "conversation"), ("RATE_LIMITS", "off")]);
    let mut rooms = Vec::new();
    for number in 0..CONVERSATIONS {
        let room = format!("\"room-{number}\"");
        let users = USERS.map(|user| format!("{user}-{number}"));
        let users = users.each_ref().map(String::as_str);
        rooms.push((joined(&counted.relay, &room, &users[..4]).await, room));
    }
    let before = counted.calls();
    let sending = rooms.iter_mut().map(|(clients, room)| send(room, clients));
    join_all(sending).await;
    let calls = counted.calls() - before;
    // Nothing is copied into a file for the case that one of those fails that are committed together.
    let count = EACH * CONVERSATIONS as u64;
    calls.at_most(count, Call::Flush, 2.2);
    // How many share a flush is for the disk to say.
    let flushes = calls.each(count, Call::Flush);
    calls.at_most(count, Call::Write, 2.5 + 18.0 * flushes);
    stop(&mut counted.relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message() {
    let mut counted = Counted::start(&[("DIALECTS", "conversation"), ("RATE_LIMITS", "off")]);
    create(&counted.relay, ROOM, &USERS).await;
    let mut clients = Vec::new();
    for user in USERS {
        let client = Client::connect(&counted.relay, user).await;
        clients.push(RequestClient::new(client));
    }
    let alone = sent(&counted, &mut clients[..1]).await;
    let together = sent(&counted, &mut clients).await;
    // The message, its receipts and its change are one commit. What waits meanwhile shares the next one, also in the
    // same conversation.
    let count = EACH * USERS.len() as u64;
    for (calls, count, flushes) in [(alone, EACH, 1.3), (together, count, 0.9)] {
        calls.at_most(count, Call::Flush, flushes);
        calls.at_most(count, Call::Write, 24.0);
    }
    stop(&mut counted.relay);
}
