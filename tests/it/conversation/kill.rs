//! The server is killed while many send: what was acknowledged is stored, once and in order, and whoever sends again what
//! was not learns what became of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::Connection;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{
    Change, ConversationClient, Received, SHAPES, Shape, StoredMessage, create, history, rest,
    server_in,
};
use test_support::harness::Relay;
use test_support::mongo::Database;
use test_support::raw::acknowledged;
use test_support::raw::{Client, Event};
use test_support::scene::stop;

const ROUNDS: u64 = 5;
/// The conversations, as JSON text.
const ROOMS: [&str; 2] = ["\"one\"", "2"];
/// How many a sender has sent and not been acknowledged.
const WINDOW: usize = 16;
/// Who sends over sockets, and who over REST.
const SENDERS: [&str; 4] = ["ann", "ben", "cem", "dan"];
const POSTERS: [&str; 2] = ["eve", "fay"];

/// What a sender knows of one of its messages.
#[derive(Default, Clone)]
struct Sent {
    id: Option<String>,
    edit: Edit,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Edit {
    #[default]
    No,
    Asked,
    Acknowledged,
}

/// One who sends, and all that it has sent: the number of a message is its `tempId` and what it says.
struct Sender {
    user: &'static str,
    room: &'static str,
    sent: Vec<Sent>,
}

/// What an acknowledgement will be for.
enum Asked {
    Send(usize),
    Edit(usize),
}

impl Sender {
    /// The argument of a `message:send`, and the body of `POST /api/messages`.
    fn message(&self, number: usize) -> String {
        let room = self.room;
        format!(r#"{{"conversationId":{room},"content":{number},"tempId":"{number}"}}"#)
    }

    /// Sends over a socket, many at a time, until it is cut off.
    async fn send(mut self, client: Client, count: watch::Sender<usize>) -> Self {
        let Client {
            writer, mut reader, ..
        } = client;
        let mut asked = VecDeque::new();
        let mut number = 0;
        loop {
            while asked.len() < WINDOW {
                let due = self.due_edit(&asked);
                number += 1;
                let text = match due {
                    Some((edited, id)) => {
                        self.sent[edited].edit = Edit::Asked;
                        asked.push_back(Asked::Edit(edited));
                        let room = self.room;
                        format!(
                            r#"42{number}["message:update",{{"conversationId":{room},"messageId":"{id}","content":"edited {edited}"}}]"#
                        )
                    }
                    None => {
                        let new = self.sent.len();
                        asked.push_back(Asked::Send(new));
                        self.sent.push(Sent::default());
                        format!(r#"42{number}["message:send",{}]"#, self.message(new))
                    }
                };
                if writer.text(text).await.is_err() {
                    return self;
                }
            }
            let Ok(packet) = reader.packet_whenever().await else {
                return self;
            };
            let Some((acknowledged, ack)) = acknowledged(&packet) else {
                continue;
            };
            assert_eq!(acknowledged, number + 1 - asked.len() as u64, "in order");
            assert_eq!(ack.get("success"), true, "{}", ack.text);
            match asked.pop_front().unwrap() {
                Asked::Send(sent) => {
                    self.sent[sent].id = Some(id_of(&ack.get("messageId")));
                    count.send_modify(|count| *count += 1);
                }
                Asked::Edit(edited) => self.sent[edited].edit = Edit::Acknowledged,
            }
        }
    }

    /// Every fifth message is edited when it is the last one that was acknowledged.
    fn due_edit(&self, asked: &VecDeque<Asked>) -> Option<(usize, String)> {
        let oldest = asked.iter().find_map(|asked| match asked {
            Asked::Send(number) => Some(*number),
            Asked::Edit(_) => None,
        });
        let last = oldest.unwrap_or(self.sent.len()).checked_sub(1)?;
        let sent = self.sent.get(last).filter(|_| last % 5 == 0)?;
        let is_new = sent.edit == Edit::No;
        is_new.then(|| Some((last, sent.id.clone()?))).flatten()
    }

    /// Sends over REST, one at a time, until nobody answers.
    async fn post(mut self, relay: &Relay, count: watch::Sender<usize>) -> Self {
        loop {
            let number = self.sent.len();
            self.sent.push(Sent::default());
            let message = self.message(number);
            let answer = rest(relay, self.user, "POST", "/api/messages", &message).await;
            // What was cut off in the middle says nothing.
            let Ok(body) = serde_json::from_str::<Value>(&answer.body) else {
                return self;
            };
            assert_eq!(answer.status, 201, "{answer:?}");
            self.sent[number].id = Some(id_of(&body["message"]["id"]));
            count.send_modify(|count| *count += 1);
        }
    }

    /// What is stored of its messages is what it knows.
    fn check(&self, history: &[StoredMessage]) {
        let own: Vec<_> = history
            .iter()
            .filter(|one| one.sender == self.user)
            .collect();
        let mut stored = HashMap::new();
        for message in &own {
            let number: usize = message.temp_id.as_ref().unwrap().parse().unwrap();
            assert!(
                stored.insert(number, message).is_none(),
                "twice: {message:?}"
            );
            assert!(number < self.sent.len(), "not sent: {message:?}");
        }
        let mut last = "";
        for (number, sent) in self.sent.iter().enumerate() {
            let Some(id) = &sent.id else { continue };
            let message = stored.get(&number);
            let message = message.unwrap_or_else(|| panic!("{number} of {} is lost", self.user));
            assert_eq!(message.id, *id);
            assert!(last < &**id, "acknowledged in another order than stored");
            last = id;
        }
        for (number, message) in stored {
            let plain = number.to_string();
            let edited = format!("\"edited {number}\"");
            let can_be = match self.sent[number].edit {
                Edit::No => vec![plain],
                Edit::Asked => vec![plain, edited],
                Edit::Acknowledged => vec![edited],
            };
            assert!(can_be.contains(&message.content), "{message:?}");
        }
    }

    /// Sends again all that was not acknowledged, and some that was. What is stored already has the same id.
    async fn send_again(&mut self, relay: &Relay, stored: &[StoredMessage], random: &mut StdRng) {
        let mut client = ConversationClient::connect(relay, self.user, Shape::Conversation).await;
        let own = stored.iter().filter(|message| message.sender == self.user);
        let known: HashMap<_, _> = own
            .map(|message| (message.temp_id.as_deref().unwrap(), &message.id))
            .collect();
        for number in 0..self.sent.len() {
            if self.sent[number].id.is_some() && random.random_bool(0.95) {
                continue;
            }
            let answer = client.ask("message:send", &self.message(number)).await;
            assert!(answer.succeeded(), "{answer:?}");
            let id = id_of(&answer.ack.get("messageId"));
            match known.get(&*number.to_string()) {
                Some(known) => assert_eq!(id, **known),
                None => assert!(stored.last().is_none_or(|last| last.id < id)),
            }
            self.sent[number].id = Some(id);
        }
    }
}

fn ids(history: &[StoredMessage]) -> Vec<String> {
    history.iter().map(|message| message.id.clone()).collect()
}

fn id_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The ids of all new messages of a conversation that a connection is sent until it is cut off.
fn listen(
    mut client: ConversationClient,
    shape: Shape,
    room: &'static str,
) -> JoinHandle<Vec<String>> {
    tokio::spawn(async move {
        let mut ids = Vec::new();
        while let Ok(packet) = client.connection.reader.packet_whenever().await {
            let received = Event::parse(&packet).and_then(|event| Received::of(shape, &event));
            let Some(received) = received else { continue };
            let in_room = received.conversation.trim_matches('"') == room.trim_matches('"');
            if let (true, Change::New { id, .. }) = (in_room, received.change) {
                ids.push(id);
            }
        }
        ids
    })
}

/// What was sent is stored: a part of the history without a gap.
fn is_part_of(history: &[StoredMessage], received: &[String]) {
    let Some(first) = received.first() else {
        panic!("nothing was received");
    };
    let from = history.iter().position(|message| message.id == *first);
    let stored: Vec<_> = history[from.expect("to be stored")..]
        .iter()
        .map(|message| &message.id)
        .take(received.len())
        .collect();
    assert!(stored == received.iter().collect::<Vec<_>>());
}

/// Everybody sends until so many were acknowledged and the server is killed; the senders, and what was sent where.
async fn until_it_is_killed(
    relay: &mut Relay,
    senders: Vec<Sender>,
    acknowledged: usize,
) -> (Vec<Sender>, Vec<(&'static str, Vec<String>)>) {
    let count = watch::channel(0).0;
    let mut listening = Vec::new();
    for room in ROOMS {
        for shape in SHAPES {
            let client = ConversationClient::subscriber(relay, "listener", shape, room).await;
            listening.push((room, listen(client, shape, room)));
        }
    }
    let (mut sending, mut posting) = (Vec::new(), Vec::new());
    for sender in senders {
        if SENDERS.contains(&sender.user) {
            let client = ConversationClient::connect(relay, sender.user, Shape::Conversation).await;
            sending.push(tokio::spawn(sender.send(client.connection, count.clone())));
        } else {
            posting.push(sender.post(relay, count.clone()));
        }
    }
    let killing = async {
        let mut count = count.subscribe();
        count
            .wait_for(|count| *count >= acknowledged)
            .await
            .unwrap();
        relay.kill();
    };
    let (posted, ()) = tokio::join!(join_all(posting), killing);
    assert_eq!(relay.wait().signal(), Some(9), "{}", relay.log());
    let mut senders: Vec<_> = join_all(sending)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    senders.extend(posted);
    let mut received = Vec::new();
    for (room, listening) in listening {
        received.push((room, listening.await.unwrap()));
    }
    (senders, received)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_the_server() {
    let data = tempfile::tempdir().unwrap();
    outlives_the_server(data.path(), &[]).await;
    is_sound(data.path());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_the_server_in_mongodb() {
    if let Some(database) = Database::new() {
        let data = tempfile::tempdir().unwrap();
        let store = [("MONGODB_URI", database.uri())];
        outlives_the_server(data.path(), &store).await;
    }
}

async fn outlives_the_server(data: &Path, more: &[(&str, &str)]) {
    let mut relay = server_in(data, more);
    let users = [&SENDERS[..], &POSTERS, &["listener"]].concat();
    let mut senders = Vec::new();
    for room in ROOMS {
        create(&relay, room, &users).await;
        senders.extend(SENDERS.into_iter().chain(POSTERS).map(|user| Sender {
            user,
            room,
            sent: Vec::new(),
        }));
    }
    let mut random = StdRng::seed_from_u64(7);
    let mut before: HashMap<_, Vec<String>> = HashMap::new();
    let mut unacknowledged = 0;
    for round in 0..ROUNDS {
        println!("round {round}"); // shown when what follows fails
        let acknowledged = random.random_range(30..400);
        let (after, received) = until_it_is_killed(&mut relay, senders, acknowledged).await;
        senders = after;
        relay = server_in(data, more);
        for room in ROOMS {
            let stored = history(&relay, "listener", room, 200).await;
            // What is new comes after all that was stored before.
            let old = before.get(room).map_or(&[][..], Vec::as_slice);
            assert!(ids(&stored).starts_with(old), "what was stored has changed");
            let received = received.iter().filter(|(where_to, _)| *where_to == room);
            for (_, received) in received {
                is_part_of(&stored, received);
            }
            let in_room = || senders.iter().filter(|sender| sender.room == room);
            in_room().for_each(|sender| sender.check(&stored));
            let from: HashSet<_> = stored.iter().map(|message| &*message.sender).collect();
            assert!(from.is_subset(&in_room().map(|sender| sender.user).collect()));
            unacknowledged += in_room()
                .flat_map(|sender| &sender.sent)
                .filter(|sent| sent.id.is_none())
                .count();
            for sender in senders.iter_mut().filter(|sender| sender.room == room) {
                sender.send_again(&relay, &stored, &mut random).await;
            }
            let now = history(&relay, "listener", room, 200).await;
            assert!(now.starts_with(&stored), "what is stored has changed");
            let all: usize = senders
                .iter()
                .filter(|sender| sender.room == room)
                .map(|sender| sender.sent.len())
                .sum();
            assert_eq!(now.len(), all);
            before.insert(room, ids(&now));
        }
    }
    assert!(unacknowledged > 0, "nothing was on its way at any kill");
    stop(&mut relay);
}

/// The database says of itself that it is whole.
fn is_sound(data: &Path) {
    let database = Connection::open(data.join("conversations.db")).unwrap();
    let said: String = database
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(said, "ok");
}
