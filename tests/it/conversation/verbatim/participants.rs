//! Those who exchange messages.

use super::ROOM;
use super::content::{Content, Message, Way};
use crate::conversation::received::field;
use crate::conversation::{ConversationClient, SHAPES, Shape, create, rest};
use test_support::harness::Relay;
use test_support::raw::members;

/// Alice and those who are sent what she says, each in a shape.
pub(super) struct Participants {
    pub alice: ConversationClient,
    pub others: Vec<(Shape, ConversationClient)>,
    /// The last message that was sent.
    pub last: String,
}

impl Participants {
    pub(super) async fn gather(relay: &Relay) -> Self {
        create(relay, ROOM, &["alice", "bob", "cem", "dan"]).await;
        let mut others = Vec::new();
        for (user, shape) in ["bob", "cem", "dan"].into_iter().zip(SHAPES) {
            others.push((
                shape,
                ConversationClient::subscriber(relay, user, shape, ROOM).await,
            ));
        }
        let alice = ConversationClient::connect(relay, "alice", Shape::Conversation).await;
        Self {
            alice,
            others,
            last: "00000000-0000-7000-8000-000000000000".to_owned(),
        }
    }

    /// Sends it; its id.
    pub(super) async fn send(&mut self, relay: &Relay, message: &Message) -> String {
        let (space, content) = (message.space, &message.content.text);
        let content = format!("{space}{content}{space}");
        let media = message.media.as_ref();
        let media = media.map_or_else(String::new, |media| format!(r#","media":{space}{media}"#));
        let body = match message.way {
            Way::Socket | Way::Rest(Shape::Conversation) => {
                format!(r#"{{"conversationId":{ROOM},"content":{content}}}"#)
            }
            Way::Rest(Shape::Chat) => {
                format!(r#"{{"chatId":{ROOM}{media},"content":{content}}}"#)
            }
            Way::Rest(Shape::Feed) => format!(
                r#"{{"encrypted_msg_content":{content},"conversation_id":{ROOM},"content_key_number":1}}"#
            ),
        };
        match message.way {
            Way::Socket => {
                let attachments = &message.content.attachments;
                let sent = self
                    .alice
                    .ask_with("message:send", &body, attachments)
                    .await;
                assert!(sent.succeeded(), "{body} {sent:?}");
                sent.ack.get("messageId").as_str().unwrap().to_owned()
            }
            Way::Rest(form) => {
                let posted = rest(relay, "alice", "POST", "/api/messages", &body).await;
                assert_eq!(posted.status, 201, "{body} {posted:?}");
                let (name, value) = match form {
                    Shape::Conversation => ("message", "content"),
                    Shape::Chat => ("data", "content"),
                    Shape::Feed => ("messageData", "encrypted_msg_content"),
                };
                let answer = members(&posted.body);
                let fields = members(field(&answer, name));
                assert_eq!(field(&fields, value), message.content.text);
                if let Some(media) = &message.media {
                    assert_eq!(field(&fields, "media"), media);
                }
                serde_json::from_str(field(&fields, "id")).unwrap()
            }
        }
    }

    pub(super) async fn edit(
        &mut self,
        relay: &Relay,
        message: &Message,
        id: &str,
        edited: &Content,
    ) {
        let text = format!("{}{}{}", message.space, edited.text, message.space);
        if let Way::Rest(form) = message.way {
            let (method, name) = match form {
                Shape::Feed => ("PUT", "encrypted_msg_content"),
                _ => ("PATCH", "content"),
            };
            let path = format!("/api/messages/{id}");
            let body = format!(r#"{{"{name}":{text}}}"#);
            let answer = rest(relay, "alice", method, &path, &body).await;
            assert_eq!(answer.status, 200, "{body} {answer:?}");
            return;
        }
        let argument =
            format!(r#"{{"conversationId":{ROOM},"messageId":"{id}","content":{text}}}"#);
        let attachments = &edited.attachments;
        let answer = self
            .alice
            .ask_with("message:update", &argument, attachments)
            .await;
        assert!(answer.succeeded(), "{argument} {answer:?}");
    }
}
