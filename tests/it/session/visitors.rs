//! Clients that come and go all at once: in the end all of them see the same members.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::{Guest, argument, as_text, server};
use test_support::harness::Relay;
use test_support::raw::{Client, Event, TIMEOUT};
use test_support::scene::stop;

const USERS: [&str; 3] = ["ann", "ben", "cem"];

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

    /// Joins, leaves and is disconnected again and again, and hardly ever waits for anything.
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

    /// Who it is and which members it sees now, if it is one.
    async fn sees(&mut self) -> Option<(&'static str, BTreeSet<String>)> {
        let typing = format!("421[\"typing\",{}]", self.argument());
        self.client.writer.text(typing).await.unwrap();
        let answer = read_until(&mut self.client, "31", &mut self.view).await;
        let members = self.view.members.clone();
        let members = members.filter(|_| answer.contains("true"))?;
        Some((self.user, members))
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
        // The ends of those that were disconnected may be sent later.
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let seen = join_all(visitors.iter_mut().map(Visitor::sees)).await;
            let seen: Vec<_> = seen.into_iter().flatten().collect();
            // A member may be on several connections.
            let there: BTreeSet<_> = seen.iter().map(|(user, _)| (*user).to_owned()).collect();
            if seen.iter().all(|(_, members)| *members == there) {
                break;
            }
            assert!(Instant::now() < deadline, "{seen:?}");
        }
    }
    stop(&mut relay);
}
