//! A device of a user: it does things at random over its connection and over REST, goes and comes back, and keeps a
//! view of each conversation.

mod changing;
mod sending;

use std::collections::HashSet;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use self::sending::Pending;
use super::view::View;
use super::world::World;
use crate::conversation::{Answer, ConversationClient, Received, Shape, history, rest, since};
use test_support::raw::http::Response;
use test_support::raw::{Event, Packet};

pub(super) struct Device {
    world: Arc<World>,
    pub user: String,
    name: String,
    /// `None`: it has no connection, only REST.
    shape: Option<Shape>,
    client: Option<ConversationClient>,
    pub views: Vec<View>,
    random: StdRng,
    contents: usize,
    /// Its own messages that were acknowledged and not deleted, and where.
    own: Vec<(usize, String)>,
    /// Its own reactions, where, and to which message.
    reactions: Vec<(usize, String, String)>,
    pending: Vec<Pending>,
    /// The messages that it was notified of as delivered, and to whom.
    delivered: HashSet<(String, String)>,
}

impl Device {
    pub(super) fn new(world: &Arc<World>, user: &str, shape: Option<Shape>, seed: u64) -> Self {
        Self {
            world: world.clone(),
            user: user.to_owned(),
            name: format!("{user}-{seed}"),
            shape,
            client: None,
            views: world.rooms.iter().map(|_| View::default()).collect(),
            random: StdRng::seed_from_u64(seed),
            contents: 0,
            own: Vec::new(),
            reactions: Vec::new(),
            pending: Vec::new(),
            delivered: HashSet::new(),
        }
    }

    /// Does this many things.
    pub(super) async fn live(mut self, operations: usize) -> Self {
        for _ in 0..operations {
            self.act().await;
        }
        self
    }

    pub(super) async fn act(&mut self) {
        if self.client.is_none() && self.shape.is_some() {
            self.connect().await;
        }
        let room = self.random.random_range(0..self.world.rooms.len());
        match self.random.random_range(0..100) {
            0..40 => self.send(room).await,
            40..46 => self.send_twice(room).await,
            46..52 => self.send_and_go(room).await,
            52..57 => self.send_again().await,
            57..67 => self.edit().await,
            67..71 => self.delete(room).await,
            71..77 => self.react(room).await,
            77..80 => self.take_back().await,
            80..88 => self.read(room).await,
            88..94 => self.come_or_leave(room).await,
            94..97 => self.fetch(room).await,
            _ => self.go().await,
        }
    }

    pub(super) async fn connect(&mut self) {
        let shape = self.shape.unwrap();
        let world = self.world.clone();
        self.client = Some(ConversationClient::connect(&world.relay, &self.user, shape).await);
        for (number, room) in world.rooms.iter().enumerate() {
            match shape {
                Shape::Chat => {
                    self.views[number].subscribe(room.id);
                    self.fetch(number).await;
                }
                _ if self.random.random_bool(0.7) => self.subscribe(number).await,
                _ => {}
            }
        }
    }

    pub(super) async fn subscribe(&mut self, room: usize) {
        let (shape, id) = (self.shape.unwrap(), self.world.rooms[room].id);
        self.views[room].subscribe(id);
        let client = self.client.as_mut().unwrap();
        let answer = client.subscribe(shape, id).await;
        assert!(answer.succeeded(), "{answer:?}");
        self.take_note();
        self.fetch(room).await;
    }

    /// When it is notified that it left, it has seen all that was acknowledged before.
    pub(super) async fn unsubscribe(&mut self, room: usize) {
        let (shape, id) = (self.shape.unwrap(), self.world.rooms[room].id);
        let due = self.world.rooms[room].due();
        let client = self.client.as_mut().unwrap();
        let answer = client.unsubscribe(shape, id).await;
        assert!(answer.succeeded(), "{answer:?}");
        self.take_note();
        self.views[room].unsubscribe();
        self.views[room].has(&due);
    }

    pub(super) async fn come_or_leave(&mut self, room: usize) {
        match (self.shape, self.views[room].is_subscribed()) {
            (None, _) => self.fetch(room).await,
            (Some(Shape::Chat), _) => self.see_all().await,
            (_, true) => self.unsubscribe(room).await,
            (_, false) => self.subscribe(room).await,
        }
    }

    /// Goes without leaving first.
    pub(super) async fn go(&mut self) {
        self.client = None;
        for view in &mut self.views {
            view.unsubscribe();
        }
    }

    /// Whether its connection counts as one of those in the room `conversation`.
    pub(super) fn is_in_room(&self, room: usize) -> bool {
        self.shape == Some(Shape::Conversation) && self.views[room].is_subscribed()
    }

    /// Sees all that was acknowledged by now wherever it is subscribed.
    pub(super) async fn see_all(&mut self) {
        let world = self.world.clone();
        for (number, room) in world.rooms.iter().enumerate() {
            if !self.views[number].is_subscribed() {
                continue;
            }
            let due = room.due();
            let shape = self.shape.unwrap();
            let client = self.client.as_mut().unwrap();
            let answer = client.subscribe(shape, room.id).await;
            assert!(answer.succeeded(), "{answer:?}");
            self.take_note();
            self.views[number].has(&due);
        }
    }

    /// Fetches what it missed.
    pub(super) async fn fetch(&mut self, room: usize) {
        let limit = *[3, 50, 200].choose(&mut self.random).unwrap();
        let (relay, id) = (&self.world.relay, self.world.rooms[room].id);
        let due = self.world.rooms[room].due();
        let missed = match self.views[room].last() {
            Some(last) => since(relay, &self.user, id, last, limit).await,
            None => history(relay, &self.user, id, 200).await,
        };
        self.views[room].fetched(&missed);
        self.views[room].has(&due);
    }

    /// Everything that it was sent.
    pub(super) fn take_note(&mut self) {
        let client = self.client.as_mut().unwrap();
        let packets: Vec<Packet> = client.received.drain(..).collect();
        for event in packets.iter().filter_map(Event::parse) {
            if let Some(received) = Received::of(self.shape.unwrap(), &event) {
                let id = received.conversation.trim_matches('"');
                let mut rooms = self.world.rooms.iter();
                let room = rooms.position(|room| room.id.trim_matches('"') == id);
                self.views[room.unwrap()].receive(&received);
            }
            if event.name == "message:delivered" {
                let message = event.get("messageId").as_str().unwrap().to_owned();
                for user in event.get("deliveredTo").as_array().unwrap() {
                    let notice = (message.clone(), user.as_str().unwrap().to_owned());
                    assert!(self.delivered.insert(notice), "twice: {}", event.text);
                }
            }
        }
    }

    async fn ask(&mut self, event: &str, argument: &str) -> Answer {
        let client = self.client.as_mut().unwrap();
        let answer = client.ask(event, argument).await;
        self.take_note();
        answer
    }

    async fn rest(&self, method: &str, path: &str, body: &str) -> Response {
        rest(&self.world.relay, &self.user, method, path, body).await
    }
}
