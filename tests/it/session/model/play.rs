//! The steps over real sockets, and what each of these was sent beside what the model says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use super::state::{Membership, Model, Received};
use super::{JoinKey, SOCKETS, Step, USERS};
use crate::session::{Guest, argument, as_text};
use test_support::harness::Relay;
use test_support::raw::{Client, Event, http};
use test_support::wait::until;

/// The sockets, the session, and what the model says.
pub(super) struct Play<'a> {
    relay: &'a Relay,
    session: String,
    sockets: [Option<Client>; SOCKETS],
    /// As whom each socket says it is: as whom it joined last.
    names: [usize; SOCKETS],
    model: Model,
    joined_at: BTreeMap<Membership, u64>,
}

impl<'a> Play<'a> {
    pub(super) fn new(relay: &'a Relay, session: String) -> Self {
        Self {
            relay,
            session,
            sockets: Default::default(),
            names: [0; SOCKETS],
            model: Model::default(),
            joined_at: BTreeMap::new(),
        }
    }

    pub(super) async fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Join {
                socket,
                user,
                creator,
                key,
            } => {
                if self.sockets[socket].is_none() {
                    self.sockets[socket] = Some(Guest::enter(self.relay).await.connection);
                }
                self.model.keys += 1;
                let key = match key {
                    JoinKey::None => None,
                    JoinKey::Known => self.model.key_of(user),
                    JoinKey::New => Some(format!("key-{}", self.model.keys)),
                };
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
                    self.model.leave(socket, self.names[socket]);
                    let leave = self.by(socket, "userId");
                    self.ask(socket, "leave-session", &leave).await;
                }
            }
            Step::Disconnect(socket) => {
                if self.model.is_on_another(socket) {
                    // Nothing would show when the end of this one is handled.
                    let leave = self.by(socket, "userId");
                    self.model.note_left(socket, self.names[socket]);
                    self.ask(socket, "leave-session", &leave).await;
                    self.read(socket).await;
                }
                if let Some(client) = self.sockets[socket].take() {
                    self.model.depart(socket, false);
                    self.model.left_on[socket].clear();
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
                    let is_changed = entry.get("keyChangedAt").is_some();
                    (user, as_text(&entry["publicKey"]), membership, is_changed)
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
        until(&format!("{wanted} members"), async || {
            let listed = http::get(self.relay, "/sessions").await.body;
            let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
            let session = listed
                .iter()
                .find(|entry| entry["sessionId"] == self.session.as_str());
            let members = session.map_or(0, |entry| entry["members"].as_u64().unwrap());
            members == wanted as u64
        })
        .await;
    }
}
