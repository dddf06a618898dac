//! What a device does with messages: it edits, deletes, reacts and reads.

use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::json;

use super::Device;
use super::sending::Way;
use crate::conversation::{Answer, Shape};
use test_support::raw::http::Response;

impl Device {
    pub(super) async fn edit(&mut self) {
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
    pub(super) async fn delete(&mut self, room: usize) {
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

    pub(super) async fn react(&mut self, room: usize) {
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
    pub(super) async fn take_back(&mut self) {
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

    pub(super) async fn read(&mut self, room: usize) {
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
}
