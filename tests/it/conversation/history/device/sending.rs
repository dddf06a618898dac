//! How a device sends messages: over its connection or over REST, twice at once, without waiting, and again.

use rand::RngExt;
use serde_json::Value;

use super::Device;
use crate::conversation::history::view::View;
use crate::conversation::{Shape, rest};
use test_support::raw::http::Response;

/// How a device sends a message. Only the first one can name it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Socket,
    Rest(Shape),
}

/// A message that was sent and not acknowledged.
pub(super) struct Pending {
    room: usize,
    content: String,
    temp_id: String,
}

impl Device {
    pub(super) fn content(&mut self, room: usize) -> String {
        self.contents += 1;
        match room {
            0 => format!("\"{} {}\"", self.name, self.contents),
            _ => format!(r#"{{"by":"{}","number":{}.0}}"#, self.name, self.contents),
        }
    }

    pub(super) fn way(&mut self) -> Way {
        match (self.shape, self.random.random_range(0..3)) {
            (Some(Shape::Conversation), 1..) => Way::Socket,
            (Some(shape), 1..) => Way::Rest(shape),
            _ => Way::Rest(Shape::Conversation),
        }
    }

    pub(super) async fn send(&mut self, room: usize) {
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
    pub(super) async fn send_twice(&mut self, room: usize) {
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
    pub(super) async fn send_and_go(&mut self, room: usize) {
        let content = self.content(room);
        let temp_id = self.temp_id();
        let named = self.random.random_bool(0.8).then_some(&*temp_id);
        if self.client.is_none() {
            return;
        }
        if self.shape != Some(Shape::Conversation) {
            return self.go().await;
        }
        // A connection that is subscribed to nothing would end unseen.
        if !self.views.iter().any(View::is_subscribed) {
            self.subscribe(room).await;
        }
        let client = self.client.as_ref().unwrap();
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

    /// Sends something again that was perhaps stored, or surely.
    pub(super) async fn send_again(&mut self) {
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
