//! A device of a user: it does things at random over its connection and over REST, goes and comes back, and keeps a
//! view of each conversation.

use std::collections::HashSet;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::view::View;
use super::world::World;
use crate::conversation::{Answer, ConversationClient, Received, Shape, history, rest, since};
use test_support::raw::http::Response;
use test_support::raw::{Event, Packet};

/// How a device sends a message. Only the first one can name it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Socket,
    Rest(Shape),
}

/// A message that was sent and not acknowledged.
struct Pending {
    room: usize,
    content: String,
    temp_id: String,
}

pub struct Device {
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
    pub fn new(world: &Arc<World>, user: &str, shape: Option<Shape>, seed: u64) -> Self {
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
    pub async fn live(mut self, operations: usize) -> Self {
        for _ in 0..operations {
            self.act().await;
        }
        self
    }

    async fn act(&mut self) {
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

    // Coming and going.

    async fn connect(&mut self) {
        let shape = self.shape.unwrap();
        let world = self.world.clone();
        self.client = Some(ConversationClient::connect(&world.relay, &self.user, shape).await);
        for (number, room) in world.rooms.iter().enumerate() {
            match shape {
                Shape::Chat => {
                    let id = format!("\"{}\"", room.id.trim_matches('"'));
                    self.views[number].subscribe(&id);
                    self.fetch(number).await;
                }
                _ if self.random.random_bool(0.7) => self.subscribe(number).await,
                _ => {}
            }
        }
    }

    async fn subscribe(&mut self, room: usize) {
        let (shape, id) = (self.shape.unwrap(), self.world.rooms[room].id);
        self.views[room].subscribe(id);
        let client = self.client.as_mut().unwrap();
        let answer = client.subscribe(shape, id).await;
        assert!(answer.succeeded(), "{answer:?}");
        self.take_note();
        self.fetch(room).await;
    }

    /// When it is notified that it left, it has seen all that was acknowledged before.
    async fn unsubscribe(&mut self, room: usize) {
        let (shape, id) = (self.shape.unwrap(), self.world.rooms[room].id);
        let due = self.world.rooms[room].due();
        let client = self.client.as_mut().unwrap();
        let answer = client.unsubscribe(shape, id).await;
        assert!(answer.succeeded(), "{answer:?}");
        self.take_note();
        self.views[room].unsubscribe();
        self.views[room].has(&due);
    }

    async fn come_or_leave(&mut self, room: usize) {
        match (self.shape, self.views[room].is_subscribed()) {
            (None, _) => self.fetch(room).await,
            (Some(Shape::Chat), _) => self.see_all().await,
            (_, true) => self.unsubscribe(room).await,
            (_, false) => self.subscribe(room).await,
        }
    }

    /// Goes without a farewell.
    async fn go(&mut self) {
        self.client = None;
        for view in &mut self.views {
            view.unsubscribe();
        }
    }

    /// Sees all that was acknowledged by now wherever it is subscribed.
    pub async fn see_all(&mut self) {
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
    pub async fn fetch(&mut self, room: usize) {
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
    fn take_note(&mut self) {
        let client = self.client.as_mut().unwrap();
        let packets: Vec<Packet> = client.received.drain(..).collect();
        for event in packets.iter().filter_map(Event::parse) {
            if let Some(received) = Received::of(self.shape.unwrap(), &event) {
                let id = received.conversation.trim_matches('"');
                let mut rooms = self.world.rooms.iter();
                let room = rooms.position(|room| room.id.trim_matches('"') == id);
                self.views[room.unwrap()].is_told(&received);
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

    // Sending.

    fn content(&mut self, room: usize) -> String {
        self.contents += 1;
        match room {
            0 => format!("\"{} {}\"", self.name, self.contents),
            _ => format!(r#"{{"by":"{}","number":{}.0}}"#, self.name, self.contents),
        }
    }

    fn way(&mut self) -> Way {
        match (self.shape, self.random.random_range(0..3)) {
            (Some(Shape::Conversation), 1..) => Way::Socket,
            (Some(shape), 1..) => Way::Rest(shape),
            _ => Way::Rest(Shape::Conversation),
        }
    }

    async fn send(&mut self, room: usize) {
        let content = self.content(room);
        let way = self.way();
        let can_name = way == Way::Socket || way == Way::Rest(Shape::Conversation);
        let temp_id = (can_name && self.random.random()).then(|| self.temp_id());
        self.world.rooms[room].tries(&self.user, &content, temp_id.as_deref());
        let id = self
            .post(way, room, &content, temp_id.as_deref(), 201)
            .await;
        self.world.rooms[room].acknowledged(&content, &id);
        self.own.push((room, id));
    }

    fn temp_id(&self) -> String {
        format!("{}:{}", self.name, self.contents)
    }

    /// The same message twice at once, over both ways if there are.
    async fn send_twice(&mut self, room: usize) {
        let content = self.content(room);
        let temp_id = self.temp_id();
        self.world.rooms[room].tries(&self.user, &content, Some(&temp_id));
        let (world, user) = (self.world.clone(), self.user.clone());
        let path = Shape::Conversation;
        let body = body(path, world.rooms[room].id, &content, Some(&temp_id));
        let over_rest = rest(&world.relay, &user, "POST", "/api/messages", &body);
        let (first, second) = match self.shape {
            Some(Shape::Conversation) => {
                let over_socket = self.post(Way::Socket, room, &content, Some(&temp_id), 0);
                let (id, answer) = tokio::join!(over_socket, over_rest);
                (id, answer)
            }
            _ => {
                let again = rest(&world.relay, &user, "POST", "/api/messages", &body);
                let (first, second) = tokio::join!(over_rest, again);
                let statuses = [first.status, second.status];
                let one_is_new = statuses == [200, 201] || statuses == [201, 200];
                assert!(one_is_new, "{first:?} {second:?}");
                (posted(path, &first), second)
            }
        };
        self.world.rooms[room].acknowledged(&content, &first);
        let second = posted(path, &second);
        self.world.rooms[room].acknowledged(&content, &second);
        self.own.push((room, first));
    }

    /// Sends, and goes before it could be acknowledged.
    async fn send_and_go(&mut self, room: usize) {
        let content = self.content(room);
        let temp_id = self.temp_id();
        let named = self.random.random_bool(0.8).then_some(&*temp_id);
        let Some(client) = &self.client else {
            return;
        };
        if self.shape != Some(Shape::Conversation) {
            return self.go().await;
        }
        let id = self.world.rooms[room].id;
        self.world.rooms[room].tries(&self.user, &content, named);
        let argument = message(id, &content, named);
        client.connection.emit("message:send", &argument).await;
        if named.is_some() {
            self.pending.push(Pending {
                room,
                content,
                temp_id,
            });
        }
        self.go().await;
    }

    /// Sends something again that was perhaps kept, or surely.
    async fn send_again(&mut self) {
        let Some(Pending {
            room,
            content,
            temp_id,
        }) = self.pending.pop()
        else {
            return;
        };
        let way = match self.shape {
            Some(Shape::Conversation) => Way::Socket,
            _ => Way::Rest(Shape::Conversation),
        };
        for _ in 0..self.random.random_range(1..3) {
            let id = self.post(way, room, &content, Some(&temp_id), 0).await;
            self.world.rooms[room].acknowledged(&content, &id);
        }
    }

    /// Sends and waits; the id of the message. `status` 0: any that says it was stored.
    async fn post(
        &mut self,
        way: Way,
        room: usize,
        content: &str,
        temp_id: Option<&str>,
        status: u16,
    ) -> String {
        let id = self.world.rooms[room].id;
        match way {
            Way::Socket => {
                let argument = message(id, content, temp_id);
                let answer = self.ask("message:send", &argument).await;
                assert!(answer.succeeded(), "{answer:?}");
                answer.ack.get("messageId").as_str().unwrap().to_owned()
            }
            Way::Rest(form) => {
                let body = body(form, id, content, temp_id);
                let answer = self.rest("POST", "/api/messages", &body).await;
                match status {
                    0 => assert!([200, 201].contains(&answer.status), "{answer:?}"),
                    status => assert_eq!(answer.status, status, "{answer:?}"),
                }
                posted(form, &answer)
            }
        }
    }

    // What is done with messages.

    async fn edit(&mut self) {
        let Some((room, id)) = self.own.choose(&mut self.random).cloned() else {
            return;
        };
        let content = self.content(room);
        let done = if self.way() == Way::Socket {
            let conversation = self.world.rooms[room].id;
            let argument = format!(
                r#"{{"conversationId":{conversation},"messageId":"{id}","content":{content}}}"#
            );
            let answer = self.ask("message:update", &argument).await;
            self.done(&answer, room, &id)
        } else {
            let (method, field) = match self.shape {
                Some(Shape::Feed) => ("PUT", "encrypted_msg_content"),
                _ => ("PATCH", "content"),
            };
            let path = format!("/api/messages/{id}");
            let answer = self
                .rest(method, &path, &format!(r#"{{"{field}":{content}}}"#))
                .await;
            self.done_over_rest(&answer, room, &id)
        };
        if done {
            self.world.rooms[room].edited(&id, &content);
        }
    }

    /// Its own, or any that was acknowledged if it is the admin's.
    async fn delete(&mut self, room: usize) {
        let mut own = self.own.iter().filter(|(own, _)| *own == room);
        let id = match &*self.user {
            "admin" => self.world.rooms[room]
                .due()
                .choose(&mut self.random)
                .cloned(),
            _ => own.next().map(|(_, id)| id.clone()),
        };
        let Some(id) = id else { return };
        self.own.retain(|(_, own)| *own != id);
        // Whoever reads the history from now on finds that it may be deleted.
        self.world.rooms[room].deleted(&id);
        if self.way() == Way::Socket {
            let conversation = self.world.rooms[room].id;
            let argument = format!(r#"{{"conversationId":{conversation},"messageId":"{id}"}}"#);
            let answer = self.ask("message:delete", &argument).await;
            assert!(answer.succeeded(), "{answer:?}");
        } else {
            let path = format!("/api/messages/{id}");
            let answer = self.rest("DELETE", &path, "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }

    async fn react(&mut self, room: usize) {
        let seen = self.views[room].seen();
        if self.shape != Some(Shape::Conversation) || seen.is_empty() {
            return;
        }
        // One of the last, so that others react to it, too.
        let id = seen[seen.len() - self.random.random_range(1..=seen.len().min(5))].clone();
        let emoji = *["👍", "❤️", "plus"].choose(&mut self.random).unwrap();
        let conversation = self.world.rooms[room].id;
        let argument =
            format!(r#"{{"conversationId":{conversation},"messageId":"{id}","emoji":"{emoji}"}}"#);
        let answer = self.ask("reaction:add", &argument).await;
        if self.done(&answer, room, &id) {
            let reaction = answer.ack.get("reactionId").as_str().unwrap().to_owned();
            self.world.rooms[room].reacted(&reaction);
            self.reactions.push((room, id, reaction));
        }
    }

    /// Takes back what it reacted; another device of the user may have done so.
    async fn take_back(&mut self) {
        let Some((room, id, reaction)) = self.reactions.pop() else {
            return;
        };
        let conversation = self.world.rooms[room].id;
        let argument = format!(
            r#"{{"conversationId":{conversation},"messageId":"{id}","reactionId":"{reaction}"}}"#
        );
        let answer = self.ask("reaction:remove", &argument).await;
        assert!(
            answer.succeeded() || answer.ack.get("error")["code"] == "UNAUTHORIZED",
            "{answer:?}"
        );
    }

    async fn read(&mut self, room: usize) {
        let seen = self.views[room].seen();
        let count = self.random.random_range(1..20).min(seen.len());
        if count == 0 {
            return;
        }
        let from = self.random.random_range(0..=seen.len() - count);
        let ids = seen[from..from + count].to_vec();
        let conversation = self.world.rooms[room].id;
        let argument = format!(
            r#"{{"conversationId":{conversation},"messageIds":{}}}"#,
            json!(ids)
        );
        if self.way() == Way::Socket {
            let answer = self.ask("message:read", &argument).await;
            assert!(answer.succeeded(), "{answer:?}");
        } else {
            let answer = self.rest("POST", "/api/messages/read", &argument).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        self.world.rooms[room].read(&self.user, &ids);
    }

    /// Whether it was done; if not, the message was deleted.
    fn done(&self, answer: &Answer, room: usize, id: &str) -> bool {
        if !answer.succeeded() {
            assert_eq!(answer.ack.get("error")["code"], "UNAUTHORIZED");
            assert!(self.world.rooms[room].is_deleted(id), "{answer:?}");
        }
        answer.succeeded()
    }

    fn done_over_rest(&self, answer: &Response, room: usize, id: &str) -> bool {
        if answer.status != 200 {
            assert_eq!(answer.status, 404, "{answer:?}");
            assert!(self.world.rooms[room].is_deleted(id), "{answer:?}");
        }
        answer.status == 200
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

/// The argument of a `message:send`.
fn message(conversation: &str, content: &str, temp_id: Option<&str>) -> String {
    let temp_id = temp_id.map_or_else(String::new, |id| format!(r#","tempId":"{id}""#));
    format!(r#"{{"conversationId":{conversation},"content":{content}{temp_id}}}"#)
}

/// The body of a message in one of the forms.
fn body(form: Shape, conversation: &str, content: &str, temp_id: Option<&str>) -> String {
    match form {
        Shape::Conversation => message(conversation, content, temp_id),
        Shape::Chat => format!(r#"{{"chatId":{conversation},"content":{content}}}"#),
        Shape::Feed => format!(
            r#"{{"conversation_id":{conversation},"content_key_number":1,"encrypted_msg_content":{content}}}"#
        ),
    }
}

/// The id in the answer to a message in one of the forms.
fn posted(form: Shape, answer: &Response) -> String {
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    let message = match form {
        Shape::Conversation => &answer["message"],
        Shape::Chat => &answer["data"],
        Shape::Feed => &answer["messageData"],
    };
    message["id"].as_str().unwrap().to_owned()
}
