//! Conversations in MongoDB: it goes, hangs and comes back while they are used, and an application writes to
//! it beside the relay.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mongodb::bson::{DateTime, Document, doc};
use tempfile::tempdir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::{
    Change, ConversationClient, Received, SHAPES, Shape, create, history, rest, server, unread,
};
use test_support::harness::Relay;
use test_support::mongo::{self, Database, Server, is_ready};
use test_support::proxy::Proxy;
use test_support::raw::{Client, Dial, token};
use test_support::scene::{Bystanders, stop};
use test_support::wait::until_ready_says;

const ROOMS: [&str; 2] = ["\"one\"", "2"];
const SENDERS: [&str; 3] = ["ann", "ben", "cem"];
const LISTENER: &str = "listener";
const AWAY: &str = "MongoDB";
const TIMEOUT: Duration = Duration::from_secs(90);
/// What asks a MongoDB that hangs takes longer.
const GIVEN_UP: Duration = Duration::from_secs(5);
/// It takes at most 5 s until what an application wrote is seen; and the machine may be busy.
const SEEN: Duration = Duration::from_secs(10);
/// What is last in each room.
const END: &str = "\"the end\"";

fn relay_with(uri: &str) -> Relay {
    let all = "direct,conversation,feed,chat";
    server(&[("MONGODB_URI", uri), ("DIALECTS", all)])
}

/// Senders who send one message after the other, each until it is acknowledged, and listeners.
struct Talk {
    relay: Arc<Relay>,
    senders: Vec<JoinHandle<Vec<String>>>,
    listeners: Vec<(&'static str, JoinHandle<Vec<String>>)>,
    goes_on: watch::Sender<bool>,
    acknowledged: watch::Receiver<usize>,
    failed: watch::Receiver<usize>,
}

impl Talk {
    async fn begin(relay: Arc<Relay>) -> Self {
        let goes_on = watch::channel(true).0;
        let (acknowledge, acknowledged) = watch::channel(0);
        let (fail, failed) = watch::channel(0);
        let (mut senders, mut listeners) = (Vec::new(), Vec::new());
        for room in ROOMS {
            create(&relay, room, &[&SENDERS[..], &[LISTENER]].concat()).await;
            for shape in SHAPES {
                let client = ConversationClient::subscriber(&relay, LISTENER, shape, room).await;
                listeners.push((room, tokio::spawn(listen(client, shape, room))));
            }
            for user in SENDERS {
                let client = ConversationClient::connect(&relay, user, Shape::Conversation).await;
                let (goes_on, counts) = (goes_on.subscribe(), (acknowledge.clone(), fail.clone()));
                senders.push(tokio::spawn(send(client, room, goes_on, counts)));
            }
        }
        Self {
            relay,
            senders,
            listeners,
            goes_on,
            acknowledged,
            failed,
        }
    }

    /// Waits until so many more were acknowledged.
    async fn goes_on(&mut self, more: usize) {
        reaches(&mut self.acknowledged, more).await;
    }

    /// Waits until so many more have failed.
    async fn fails(&mut self, more: usize) {
        reaches(&mut self.failed, more).await;
    }

    /// Ends it: what was acknowledged is stored, once, in order, and was sent to all, once.
    async fn check(self) -> Arc<Relay> {
        self.goes_on.send_replace(false);
        let sent = timeout(TIMEOUT, join_all(self.senders)).await.unwrap();
        let sent: Vec<_> = sent.into_iter().map(Result::unwrap).collect();
        for room in ROOMS {
            let body = format!(r#"{{"conversationId":{room},"content":{END}}}"#);
            let last = rest(&self.relay, LISTENER, "POST", "/api/messages", &body).await;
            assert_eq!(last.status, 201, "{last:?}");
        }
        for (number, room) in ROOMS.into_iter().enumerate() {
            let stored = history(&self.relay, LISTENER, room, 200).await;
            let ids: Vec<_> = stored.iter().map(|message| message.id.clone()).collect();
            let from = number * SENDERS.len();
            for (user, sent) in SENDERS.iter().zip(&sent[from..from + SENDERS.len()]) {
                let own = stored.iter().filter(|message| message.sender == *user);
                let own: Vec<_> = own.map(|message| message.id.clone()).collect();
                assert!(
                    own == *sent,
                    "{user} in {room}: {} of {}",
                    own.len(),
                    sent.len()
                );
            }
            assert_eq!(unread(&self.relay, LISTENER, room).await, ids.len() - 1);
            for user in SENDERS {
                let own = stored
                    .iter()
                    .filter(|message| message.sender == user)
                    .count();
                assert_eq!(unread(&self.relay, user, room).await, ids.len() - own);
            }
            none_is_twice(room, &ids);
        }
        for (room, listener) in self.listeners {
            let received = timeout(TIMEOUT, listener).await.unwrap().unwrap();
            let stored = history(&self.relay, LISTENER, room, 200).await;
            let stored: Vec<_> = stored.into_iter().map(|message| message.id).collect();
            assert!(
                received == stored,
                "{room}: received {}, stored {}",
                received.len(),
                stored.len()
            );
        }
        self.relay
    }
}

/// No id is there twice.
fn none_is_twice(room: &str, ids: &[String]) {
    let mut once = ids.to_vec();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{room}");
}

async fn reaches(count: &mut watch::Receiver<usize>, more: usize) {
    let target = *count.borrow() + more;
    let reached = timeout(TIMEOUT, count.wait_for(|count| *count >= target)).await;
    reached.expect("progress").expect("senders at work");
}

/// Sends until it is asked to end; the ids that were acknowledged.
async fn send(
    mut client: ConversationClient,
    room: &'static str,
    goes_on: watch::Receiver<bool>,
    (acknowledged, failed): (watch::Sender<usize>, watch::Sender<usize>),
) -> Vec<String> {
    let mut ids = Vec::new();
    while *goes_on.borrow() {
        let number = ids.len();
        let message =
            format!(r#"{{"conversationId":{room},"content":{number},"tempId":"{number}"}}"#);
        loop {
            let answer = client.ask("message:send", &message).await;
            if answer.succeeded() {
                ids.push(answer.ack.get("messageId").as_str().unwrap().to_owned());
                acknowledged.send_modify(|count| *count += 1);
                break;
            }
            assert!(
                answer.ack.text.contains("MESSAGE_SEND_FAILED"),
                "{answer:?}"
            );
            failed.send_modify(|count| *count += 1);
            // As a client does that waits before it tries again.
            sleep(Duration::from_millis(20)).await;
        }
    }
    ids
}

/// The ids of all new messages, until the last one.
async fn listen(mut client: ConversationClient, shape: Shape, room: &'static str) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let packet = client.connection.reader.packet_whenever().await;
        let packet = packet.expect("an open connection");
        let received =
            test_support::raw::Event::parse(&packet).and_then(|event| Received::of(shape, &event));
        let Some(received) = received else { continue };
        let in_room = received.conversation.trim_matches('"') == room.trim_matches('"');
        if let (true, Change::New { id, content, .. }) = (in_room, received.change) {
            ids.push(id);
            if content == END {
                return ids;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_messages_are_stored_and_sent_once_whatever_mongodb_does() {
    if !is_ready() {
        return;
    }
    let folder = tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let relay = Arc::new(relay_with(&server.uri("talk")));
    let mut bystanders = Bystanders::connect(&relay).await;
    let mut talk = Talk::begin(relay.clone()).await;
    talk.goes_on(200).await;
    for round in 1..=2 {
        server.stop();
        talk.fails(20).await;
        until_ready_says(&relay, Some(AWAY)).await;
        // Who only relays is let in by the token, and does not notice.
        Client::connect(&relay, &format!("late-{round}")).await;
        bystanders.exchange().await;
        server.restart();
        until_ready_says(&relay, None).await;
        talk.goes_on(150).await;
    }
    server.pause();
    until_ready_says(&relay, Some(AWAY)).await;
    talk.fails(6).await;
    let began = Instant::now();
    Client::connect(&relay, "late").await;
    bystanders.exchange().await;
    assert!(began.elapsed() < GIVEN_UP, "{:?}", began.elapsed());
    server.resume();
    until_ready_says(&relay, None).await;
    talk.goes_on(150).await;
    // A connection from before that breaks only now is one time more.
    let away = relay.log_lines("MongoDB is away; conversations fail");
    assert!((3..=6).contains(&away), "{away}");
    assert_eq!(
        relay.log_lines("MongoDB is back; conversations go on"),
        away
    );
    drop(relay);
    let relay = talk.check().await;
    stop(&mut Arc::into_inner(relay).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_to_mongodb_that_breaks_in_the_middle_costs_no_message_and_doubles_none() {
    if !is_ready() {
        return;
    }
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path());
    let mut proxy = Proxy::to(server.port()).await;
    let relay = Arc::new(relay_with(&mongo::uri(proxy.port, "talk")));
    let mut talk = Talk::begin(relay).await;
    talk.goes_on(60).await;
    for cut in 0..12 {
        // In the middle of whatever is under way.
        proxy.cut_after(15_000 + 777 * cut).await;
        talk.goes_on(30).await;
    }
    let relay = talk.check().await;
    stop(&mut Arc::into_inner(relay).unwrap());
}

/// The database of an application that shares it with the relay.
struct Application(mongodb::Database);

impl Application {
    async fn of(database: &Database) -> Self {
        let client = mongodb::Client::with_uri_str(database.uri()).await.unwrap();
        Self(client.default_database().unwrap())
    }

    async fn insert(&self, collection: &str, document: Document) {
        let collection = self
            .0
            .collection::<Document>(&format!("relay_{collection}"));
        collection.insert_one(document).await.unwrap();
    }

    async fn set(&self, collection: &str, filter: Document, set: Document) {
        let collection = self
            .0
            .collection::<Document>(&format!("relay_{collection}"));
        let update = doc! { "$set": set };
        let updated = collection.update_one(filter, update).await.unwrap();
        assert_eq!(updated.modified_count, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_manages_participants_and_users_beside_the_relay() {
    let Some(database) = Database::new() else {
        return;
    };
    let application = Application::of(&database).await;
    let mut relay = relay_with(database.uri());
    create(&relay, ROOMS[0], &["ann"]).await;
    let mut ann =
        ConversationClient::subscriber(&relay, "ann", Shape::Conversation, ROOMS[0]).await;
    let mut bo = ConversationClient::connect(&relay, "bo", Shape::Conversation).await;
    assert!(
        !bo.subscribe(Shape::Conversation, ROOMS[0])
            .await
            .succeeded()
    );

    let id = doc! { "conversationId": "one", "userId": "bo" };
    let mut participant = id.clone();
    participant.extend(doc! { "role": "member", "status": "active", "joinedAt": DateTime::now() });
    application.insert("participants", participant).await;
    let began = Instant::now();
    while !bo
        .subscribe(Shape::Conversation, ROOMS[0])
        .await
        .succeeded()
    {
        assert!(began.elapsed() < SEEN);
    }
    let hello = format!(r#"{{"conversationId":{},"content":"hello"}}"#, ROOMS[0]);
    assert!(ann.ask("message:send", &hello).await.succeeded());
    assert_eq!(
        bo.connection.event("message:new").await.get("content"),
        "hello"
    );
    assert_eq!(unread(&relay, "bo", ROOMS[0]).await, 1);

    application
        .set("participants", id, doc! { "status": "removed" })
        .await;
    let refused = bo.ask("message:send", &hello).await;
    assert_eq!(refused.ack.get("error")["code"], "NOT_PARTICIPANT");
    let began = Instant::now();
    let mut received = HashMap::new();
    while !received.contains_key("conversation:left") {
        assert!(began.elapsed() < SEEN, "{received:?}");
        assert!(ann.ask("message:send", &hello).await.succeeded());
        let events = bo.settled(Shape::Conversation).await;
        received.extend(events.into_iter().map(|event| (event.name, event.text)));
    }

    // A user whom it suspends is not let in, five seconds later at most.
    application
        .set("users", doc! { "id": "bo" }, doc! { "status": "suspended" })
        .await;
    let began = Instant::now();
    loop {
        let mut client = Client::open(&relay, Dial::default()).await.unwrap();
        match client.enter(&token::for_user("bo")).await {
            Ok(()) => assert!(began.elapsed() < SEEN),
            Err(refused) => {
                assert!(refused.contains("User not authorized"), "{refused}");
                break;
            }
        }
    }
    application
        .insert("users", doc! { "id": "cy", "name": "Cyrus" })
        .await;
    create(&relay, ROOMS[1], &["ann", "cy"]).await;
    let answer = rest(&relay, "ann", "GET", "/api/conversations/2", "").await;
    assert!(answer.body.contains(r#""name":"Cyrus""#), "{answer:?}");
    stop(&mut relay);
}
