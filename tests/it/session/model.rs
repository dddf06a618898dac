//! Members who join, come back on another socket, leave and are cut off, in any order: after each step every socket
//! has been sent exactly what a simple model of a session says, in that order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Guest, server};
use test_support::harness::Relay;
use test_support::raw::{Client, Event, TIMEOUT, http};
use test_support::scene::stop;

const CASES: u32 = 150;
const USERS: [&str; 3] = ["ann", "ben", "cem"];
const SOCKETS: usize = 5;

/// What one client does. Sockets and users are given by number.
#[derive(Debug, Clone)]
enum Step {
    Join {
        socket: usize,
        user: usize,
        creator: bool,
        with_key: bool,
    },
    Leave(usize),
    Disconnect(usize),
    Send {
        socket: usize,
        to: Option<usize>,
    },
    SaveKey(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let socket = 0..SOCKETS;
    let join = (socket.clone(), 0..USERS.len(), any::<bool>(), any::<bool>()).prop_map(
        |(socket, user, creator, with_key)| Step::Join {
            socket,
            user,
            creator,
            with_key,
        },
    );
    let send = (socket.clone(), proptest::option::of(0..USERS.len()))
        .prop_map(|(socket, to)| Step::Send { socket, to });
    prop_oneof![
        5 => join,
        1 => socket.clone().prop_map(Step::Leave),
        2 => socket.clone().prop_map(Step::Disconnect),
        3 => send,
        1 => socket.prop_map(Step::SaveKey),
    ]
}

/// What a socket was sent, without what the model cannot know.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Received {
    Joined(String),
    Left(String),
    History(Vec<String>),
    Metadata,
    /// Members with a key: who, which key, and which membership of theirs.
    Keys(Vec<(String, String, Membership)>),
    Message(String),
    Sent(String),
    Refused(String),
}

/// Numbers what has one `joinedAt`.
type Membership = usize;

#[derive(Debug, Clone)]
struct Member {
    user: usize,
    socket: usize,
    key: Option<String>,
    membership: Membership,
}

#[derive(Debug, Default)]
struct Model {
    exists: bool,
    members: Vec<Member>,
    /// Keys of those who were cut off and may come back.
    stored: BTreeMap<usize, String>,
    /// Messages: id, from, to.
    history: Vec<(String, usize, Option<usize>)>,
    memberships: usize,
    keys: usize,
    messages: usize,
    /// What each socket is sent by the present step.
    received: [Vec<Received>; SOCKETS],
}

impl Model {
    fn on(&self, socket: usize) -> Option<&Member> {
        self.members.iter().find(|member| member.socket == socket)
    }

    fn send_to(&mut self, to: impl Fn(usize) -> bool, what: &Received) {
        for member in &self.members {
            if to(member.socket) {
                self.received[member.socket].push(what.clone());
            }
        }
    }

    fn keys(&self, but: Option<usize>) -> Received {
        let received = self
            .members
            .iter()
            .filter(|member| Some(member.user) != but);
        let entry = |member: &Member| {
            let key = member.key.clone()?;
            Some((USERS[member.user].to_owned(), key, member.membership))
        };
        Received::Keys(received.filter_map(entry).collect())
    }

    fn tell_keys(&mut self) {
        let keys = self.keys(None);
        self.send_to(|_| true, &keys);
    }

    fn join(&mut self, socket: usize, user: usize, creator: bool, key: Option<String>) {
        if !self.exists && !creator {
            self.received[socket].push(Received::Refused("SESSION_NOT_FOUND".to_owned()));
            return;
        }
        self.exists = true;
        let known = self.members.iter().position(|member| member.user == user);
        let stored = self.stored.remove(&user);
        match known {
            Some(at) => {
                let member = &mut self.members[at];
                member.socket = socket;
                member.key = key.or(member.key.take());
            }
            None => {
                self.memberships += 1;
                let membership = self.memberships;
                self.members.push(Member {
                    user,
                    socket,
                    key: key.or(stored),
                    membership,
                });
            }
        }
        // A socket is one member: who it was before is gone, which is sent first.
        let was = |member: &Member| member.socket == socket && member.user != user;
        if let Some(at) = self.members.iter().position(was) {
            let before = self.members.remove(at);
            self.gone(&before);
            let left = Received::Left(USERS[before.user].to_owned());
            self.send_to(|other| other != socket, &left);
        }
        if known.is_none() {
            let joined = Received::Joined(USERS[user].to_owned());
            self.send_to(|other| other != socket, &joined);
        }
        let may_see = |(_, from, to): &&(String, usize, Option<usize>)| {
            to.is_none() || *from == user || *to == Some(user)
        };
        let seen = self.history.iter().filter(may_see);
        let history = Received::History(seen.map(|(id, ..)| id.clone()).collect());
        self.received[socket].extend([history, Received::Metadata]);
        self.tell_keys();
    }

    /// A member whose connection is not its any more.
    fn gone(&mut self, member: &Member) {
        if let Some(key) = &member.key {
            self.stored.insert(member.user, key.clone());
        }
    }

    fn depart(&mut self, socket: usize, leaves: bool) {
        let Some(at) = self
            .members
            .iter()
            .position(|member| member.socket == socket)
        else {
            if leaves {
                self.received[socket].push(Received::Refused("NOT_A_MEMBER".to_owned()));
            }
            return;
        };
        let member = self.members.remove(at);
        if leaves && self.members.is_empty() {
            let (memberships, keys, messages) = (self.memberships, self.keys, self.messages);
            *self = Self {
                memberships,
                keys,
                messages,
                ..Self::default()
            };
            return;
        }
        if !leaves {
            self.gone(&member);
        }
        self.send_to(|_| true, &Received::Left(USERS[member.user].to_owned()));
        self.tell_keys();
    }

    fn send(&mut self, socket: usize, to: Option<usize>, id: &str) {
        let Some(from) = self.on(socket).map(|member| member.user) else {
            self.received[socket].push(Received::Refused("NOT_A_MEMBER".to_owned()));
            return;
        };
        self.history.push((id.to_owned(), from, to));
        let message = Received::Message(id.to_owned());
        let recipient = self.members.iter().find(|member| Some(member.user) == to);
        let recipient = recipient.map(|member| member.socket);
        match to {
            None => self.send_to(|other| other != socket, &message),
            Some(_) => self.send_to(|other| Some(other) == recipient, &message),
        }
        self.received[socket].push(Received::Sent(id.to_owned()));
    }

    fn save_key(&mut self, socket: usize, key: &str) {
        match self
            .members
            .iter_mut()
            .find(|member| member.socket == socket)
        {
            Some(member) => {
                member.key = Some(key.to_owned());
                self.tell_keys();
            }
            None => self.received[socket].push(Received::Refused("NOT_A_MEMBER".to_owned())),
        }
    }

    /// What `get-public-keys` answers.
    fn keys_for(&self, socket: usize) -> Received {
        match self.on(socket) {
            Some(member) => self.keys(Some(member.user)),
            None => Received::Keys(Vec::new()),
        }
    }
}

/// The sockets, the session, and what the model says.
struct Play<'a> {
    relay: &'a Relay,
    session: String,
    sockets: [Option<Client>; SOCKETS],
    /// As whom each socket says it is: as whom it joined last.
    names: [usize; SOCKETS],
    model: Model,
    joined_at: BTreeMap<Membership, u64>,
}

impl Play<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Join {
                socket,
                user,
                creator,
                with_key,
            } => {
                if self.sockets[socket].is_none() {
                    self.sockets[socket] = Some(Guest::enter(self.relay).await.connection);
                }
                self.model.keys += 1;
                let key = with_key.then(|| format!("key-{}", self.model.keys));
                let join = json!({
                    "sessionId": self.session, "userId": USERS[user], "displayName": "N",
                    "publicKey": key, "isCreator": creator, "authKey": "k",
                });
                self.names[socket] = user;
                self.model.join(socket, user, creator, key);
                self.ask(socket, "join-session", &join).await;
            }
            Step::Leave(socket) => {
                if self.sockets[socket].is_some() {
                    self.model.depart(socket, true);
                    let leave = self.by(socket, "userId");
                    self.ask(socket, "leave-session", &leave).await;
                }
            }
            Step::Disconnect(socket) => {
                if let Some(client) = self.sockets[socket].take() {
                    self.model.depart(socket, false);
                    drop(client);
                    self.until_members_are(self.model.members.len()).await;
                }
            }
            Step::Send { socket, to } => {
                if self.sockets[socket].is_some() {
                    self.model.messages += 1;
                    let id = format!("m{}", self.model.messages);
                    self.model.send(socket, to, &id);
                    let mut message = self.by(socket, "from");
                    message["encrypted"] = json!("c");
                    message["clientMessageId"] = json!(id);
                    message["to"] = to.map_or(json!("all"), |to| json!(USERS[to]));
                    self.ask(socket, "send-message", &message).await;
                }
            }
            Step::SaveKey(socket) => {
                if self.sockets[socket].is_some() {
                    self.model.keys += 1;
                    let key = format!("key-{}", self.model.keys);
                    self.model.save_key(socket, &key);
                    let mut save = self.by(socket, "userId");
                    save["publicKey"] = json!(key);
                    self.ask(socket, "save-public-key", &save).await;
                }
            }
        }
        self.compare(step).await
    }

    fn by(&self, socket: usize, name: &str) -> Value {
        let mut by = json!({ "sessionId": self.session });
        by[name] = json!(USERS[self.names[socket]]);
        by
    }

    /// Sends with a callback, whose answer is the first thing read in `compare`.
    async fn ask(&self, socket: usize, event: &str, argument: &Value) {
        let client = self.sockets[socket].as_ref().unwrap();
        let packet = format!("421[\"{event}\",{argument}]");
        client.writer.text(packet).await.unwrap();
        if let Some(client) = &self.sockets[socket] {
            // The answer to this one comes after everything above.
            let keys = self.by(socket, "userId");
            let packet = format!("422[\"get-public-keys\",{keys}]");
            client.writer.text(packet).await.unwrap();
        }
    }

    /// Reads what every socket was sent by this step, and compares.
    async fn compare(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let asked = match *step {
            Step::Join { socket, .. } | Step::Send { socket, .. } => Some(socket),
            Step::Leave(socket) | Step::SaveKey(socket) => Some(socket),
            Step::Disconnect(_) => None,
        };
        // First the one who acted: when its last answer is there, the others have been sent theirs.
        let order = asked
            .into_iter()
            .chain((0..SOCKETS).filter(|other| Some(*other) != asked));
        for socket in order {
            if self.sockets[socket].is_none() {
                continue;
            }
            if Some(socket) != asked {
                let keys = self.by(socket, "userId");
                let packet = format!("422[\"get-public-keys\",{keys}]");
                let client = self.sockets[socket].as_ref().unwrap();
                client.writer.text(packet).await.unwrap();
            }
            let received = self.read(socket).await;
            let mut expected = std::mem::take(&mut self.model.received[socket]);
            expected.push(self.model.keys_for(socket));
            prop_assert_eq!(received, expected, "socket {} after {:?}", socket, step);
        }
        self.model.received = Default::default();
        Ok(())
    }

    /// Everything up to the answer of the last `get-public-keys`.
    async fn read(&mut self, socket: usize) -> Vec<Received> {
        let mut received = Vec::new();
        loop {
            let client = self.sockets[socket].as_mut().unwrap();
            let packet = client.reader.packet().await.expect("an open connection");
            if packet.text.starts_with("32") {
                return received;
            }
            if let Some(event) = Event::parse(&packet) {
                received.push(self.received(&event));
            }
        }
    }

    fn received(&mut self, event: &Event) -> Received {
        let text = |field| event.get(field).as_str().unwrap().to_owned();
        match &*event.name {
            "user-joined" => Received::Joined(text("userId")),
            "user-left" => Received::Left(text("userId")),
            "session-metadata" => Received::Metadata,
            "session-error" => Received::Refused(text("error")),
            "new-message" => Received::Message(text("id")),
            "message-sent" => Received::Sent(text("id")),
            "messages-history" => {
                let ids = argument(event)
                    .into_iter()
                    .map(|message| as_text(&message["id"]));
                Received::History(ids.collect())
            }
            "public-keys-updated" => {
                let entries = argument(event).into_iter().map(|entry| {
                    let user = as_text(&entry["userId"]);
                    let joined_at = entry["joinedAt"].as_u64().unwrap();
                    let membership = self.membership(&user, joined_at);
                    (user, as_text(&entry["publicKey"]), membership)
                });
                Received::Keys(entries.collect())
            }
            other => panic!("unexpected {other}: {}", event.text),
        }
    }

    /// The membership of a user at present, if its `joinedAt` is the one sent first; else none there is.
    fn membership(&mut self, user: &str, joined_at: u64) -> Membership {
        let mut members = self.model.members.iter();
        let member = members.find(|member| USERS[member.user] == user);
        let membership = member.map_or(0, |member| member.membership);
        match *self.joined_at.entry(membership).or_insert(joined_at) {
            known if known == joined_at => membership,
            _ => usize::MAX,
        }
    }

    /// The end of a connection is sent to others; when there is none, only the server's counts show it.
    async fn until_members_are(&self, wanted: usize) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let listed = http::get(self.relay, "/sessions").await.body;
            let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
            let session = listed
                .iter()
                .find(|entry| entry["sessionId"] == self.session.as_str());
            let members = session.map_or(0, |entry| entry["members"].as_u64().unwrap());
            if members == wanted as u64 {
                return;
            }
            assert!(Instant::now() < deadline, "{members} members, not {wanted}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn argument(event: &Event) -> Vec<Value> {
    let (_, argument) = serde_json::from_str::<(String, Vec<Value>)>(&event.text).unwrap();
    argument
}

fn as_text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What one client saw of a session: who is in it, by the announcements and by the lists of keys.
#[derive(Default)]
struct View {
    members: Option<BTreeSet<String>>,
}

impl View {
    /// Takes note of an event; lists and announcements have to agree.
    fn note(&mut self, event: &Event) {
        let user = || event.get("userId").as_str().unwrap().to_owned();
        match (&*event.name, &mut self.members) {
            ("session-metadata", members) => *members = None,
            ("public-keys-updated", members) => {
                let entries = argument(event);
                let listed = entries
                    .iter()
                    .map(|entry| as_text(&entry["userId"]))
                    .collect();
                let before = members.get_or_insert_with(|| Clone::clone(&listed));
                assert_eq!(*before, listed, "{}", event.text);
            }
            ("user-joined", Some(members)) => assert!(members.insert(user()), "{}", event.text),
            ("user-left", Some(members)) => assert!(members.remove(&user()), "{}", event.text),
            _ => {}
        }
    }
}

/// A client that comes and goes, and what it saw.
struct Visitor {
    client: Client,
    user: &'static str,
    view: View,
}

impl Visitor {
    async fn new(relay: &Relay) -> Self {
        Self {
            client: Guest::enter(relay).await.connection,
            user: USERS[0],
            view: View::default(),
        }
    }

    /// Joins, leaves and is cut off again and again, and hardly ever waits for anything.
    async fn come_and_go(mut self, relay: &Relay, mut random: StdRng) -> Self {
        for _ in 0..60 {
            match random.random_range(0..10) {
                0..6 => {
                    self.user = USERS[random.random_range(0..USERS.len())];
                    let join = json!({
                        "sessionId": "busy", "userId": self.user, "publicKey": "k", "isCreator": true, "authKey": "k",
                    });
                    self.client.emit("join-session", &join.to_string()).await;
                }
                6 | 7 => self.client.emit("leave-session", &self.argument()).await,
                8 => self = Self::new(relay).await,
                _ => {
                    self.sees().await;
                }
            }
        }
        self
    }

    /// The members that it sees now, if it is one.
    async fn sees(&mut self) -> Option<BTreeSet<String>> {
        let typing = format!("421[\"typing\",{}]", self.argument());
        self.client.writer.text(typing).await.unwrap();
        let answer = read_until(&mut self.client, "31", &mut self.view).await;
        let members = self.view.members.clone();
        members.filter(|_| answer.contains("true"))
    }

    fn argument(&self) -> String {
        json!({ "sessionId": "busy", "userId": self.user }).to_string()
    }
}

/// Reads until the answer with this number, which is returned.
async fn read_until(client: &mut Client, answer: &str, view: &mut View) -> String {
    loop {
        let packet = client.reader.packet().await.expect("an open connection");
        match Event::parse(&packet) {
            Some(event) => view.note(&event),
            None if packet.text.starts_with(answer) => return packet.text,
            None => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_joins_and_leaves_show_everyone_the_same_members() {
    const CLIENTS: u64 = 8;
    let mut relay = server(&[("LOG_LEVEL", "warn")]);
    for round in 0..10 {
        let visits = (0..CLIENTS).map(async |client| {
            let random = StdRng::seed_from_u64(round * CLIENTS + client);
            Visitor::new(&relay).await.come_and_go(&relay, random).await
        });
        let mut visitors = join_all(visits).await;
        // The ends of those that were cut off may be sent later.
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let seen = join_all(visitors.iter_mut().map(Visitor::sees)).await;
            let seen: Vec<_> = seen.into_iter().flatten().collect();
            if seen
                .iter()
                .all(|members| *members == seen[0] && members.len() == seen.len())
            {
                break;
            }
            assert!(Instant::now() < deadline, "{seen:?}");
        }
    }
    stop(&mut relay);
}

#[test]
fn a_session_agrees_with_its_model_through_joins_and_leaves() {
    let mut relay = server(&[("LOG_LEVEL", "warn")]);
    let runtime = Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let sessions = std::cell::Cell::new(0);
    let result = runner.run(&vec(step(), 1..40), |steps| {
        sessions.set(sessions.get() + 1);
        runtime.block_on(async {
            let mut play = Play {
                relay: &relay,
                session: format!("s{}", sessions.get()),
                sockets: Default::default(),
                names: [0; SOCKETS],
                model: Model::default(),
                joined_at: BTreeMap::new(),
            };
            for step in &steps {
                play.step(step).await?;
            }
            Ok(())
        })
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    stop(&mut relay);
}
