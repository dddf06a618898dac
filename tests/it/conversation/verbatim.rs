//! What a message says comes out with the bytes it came in with, whichever way it came and goes: at once in every shape,
//! and from the history in every form.

use std::fmt::Write as _;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use super::received::{field, items};
use super::{Change, ConversationClient, Received, SHAPES, Shape, create, rest, server};
use test_support::harness::Relay;
use test_support::json_text::{SPACES, json, placeholder, resolved, with_attachments};
use test_support::raw::{Event, members};
use test_support::scene::stop;

const CASES: u32 = 120;
/// As JSON text.
const ROOM: &str = "\"room\"";

/// A value as it is sent, with its attachments.
#[derive(Debug, Clone)]
struct Content {
    text: String,
    attachments: Vec<Bytes>,
}

impl Content {
    fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            attachments: Vec::new(),
        }
    }

    /// As JSON has it that cannot hold bytes.
    fn as_numbers(&self) -> String {
        let mut text = self.text.clone();
        for (number, bytes) in self.attachments.iter().enumerate() {
            let mut array = String::from("[");
            for (index, byte) in bytes.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                write!(array, "{comma}{byte}").unwrap();
            }
            array.push(']');
            text = text.replace(&placeholder(number), &array);
        }
        text
    }
}

/// How a message is sent.
#[derive(Debug, Clone)]
enum Way {
    Socket,
    Rest(Shape),
}

/// A message, and what it is changed to.
#[derive(Debug, Clone)]
struct Message {
    way: Way,
    content: Content,
    /// Only `chat` has it.
    media: Option<String>,
    edited: Option<Content>,
    space: &'static str,
}

/// Anything but `null` and an empty string.
fn content() -> impl Strategy<Value = String> {
    json().prop_map(|json| match &*json {
        "null" | "\"\"" => format!("[{json}]"),
        _ => json,
    })
}

fn any_content() -> impl Strategy<Value = Content> {
    let plain = content().prop_map(|text| Content::text(&text));
    let binary = with_attachments().prop_map(|(shape, bytes)| {
        let mut text = shape;
        for number in 0..bytes.len() {
            text = text.replace(&format!("@{number}@"), &placeholder(number));
        }
        // One of them, or all in a list.
        let text = match text.split_once('|') {
            Some(_) => format!("[{}]", text.replace('|', ",")),
            None => text,
        };
        Content {
            text,
            attachments: bytes.into_iter().map(Bytes::from).collect(),
        }
    });
    prop_oneof![3 => plain, 2 => binary]
}

fn message() -> impl Strategy<Value = Message> {
    let ways = prop_oneof![
        3 => Just(Way::Socket),
        2 => select(&SHAPES[..]).prop_map(Way::Rest),
    ];
    let parts = (
        ways,
        any_content(),
        content(),
        option::of(json()),
        option::of(any_content()),
        select(SPACES),
    );
    parts.prop_map(|(way, chosen, plain, media, edited, space)| {
        let over_socket = matches!(way, Way::Socket);
        let is_chat = matches!(way, Way::Rest(Shape::Chat));
        let fits = |chosen: &Content| over_socket || chosen.attachments.is_empty();
        Message {
            content: if over_socket {
                chosen
            } else {
                Content::text(&plain)
            },
            media: media.filter(|media| is_chat && media != "null" && media != "\"\""),
            edited: edited.filter(fits),
            way,
            space,
        }
    })
}

/// Alice and those who are sent what she says, each in a shape.
struct People {
    alice: ConversationClient,
    others: Vec<(Shape, ConversationClient)>,
    /// The last message that was sent.
    last: String,
}

impl People {
    async fn gather(relay: &Relay) -> Self {
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
    async fn send(&mut self, relay: &Relay, message: &Message) -> String {
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
                let shown = members(field(&answer, name));
                assert_eq!(field(&shown, value), message.content.text);
                if let Some(media) = &message.media {
                    assert_eq!(field(&shown, "media"), media);
                }
                serde_json::from_str(field(&shown, "id")).unwrap()
            }
        }
    }

    async fn edit(&mut self, relay: &Relay, message: &Message, id: &str, edited: &Content) {
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

/// The next event about a message, and its content.
async fn next(client: &mut ConversationClient, shape: Shape) -> (Event, String) {
    loop {
        let event = client.next().await;
        match Received::of(shape, &event).map(|received| received.change) {
            Some(Change::New { content, .. } | Change::Edited { content, .. }) => {
                return (event, content);
            }
            other => assert_eq!(other, None),
        }
    }
}

fn same(event: &Event, received: &str, sent: &Content) -> Result<(), TestCaseError> {
    prop_assert_eq!(
        resolved(received, &event.attachments),
        resolved(&sent.text, &sent.attachments)
    );
    prop_assert_eq!(event.attachments.len(), sent.attachments.len());
    Ok(())
}

async fn talk(relay: &Relay, people: &mut People, message: &Message) -> Result<(), TestCaseError> {
    let id = people.send(relay, message).await;
    if let Some(edited) = &message.edited {
        people.edit(relay, message, &id, edited).await;
    }
    for (shape, client) in &mut people.others {
        let (event, received) = next(client, *shape).await;
        same(&event, &received, &message.content)?;
        if let Some(media) = &message.media {
            match shape {
                Shape::Conversation => prop_assert_eq!(event.raw("media"), media),
                Shape::Chat => {
                    let data = members(event.raw("data"));
                    prop_assert_eq!(field(&data, "media"), media);
                }
                Shape::Feed => prop_assert!(!event.text.contains("media")),
            }
        }
        if let Some(edited) = &message.edited {
            let (event, received) = next(client, *shape).await;
            same(&event, &received, edited)?;
        }
    }
    // Whoever comes back reads it.
    let stored = message
        .edited
        .as_ref()
        .unwrap_or(&message.content)
        .as_numbers();
    let after = format!("after={}", people.last);
    for (path, name) in [
        (
            format!("/api/messages?conversationId=room&{after}"),
            "content",
        ),
        (format!("/api/messages?chatId=room&{after}"), "content"),
    ] {
        let answer = rest(relay, "dan", "GET", &path, "").await;
        prop_assert_eq!(answer.status, 200, "{:?}", answer);
        let messages = items(field(&members(&answer.body), "messages"));
        prop_assert_eq!(messages.len(), 1);
        let shown = members(&messages[0]);
        prop_assert_eq!(field(&shown, name), &stored);
        if let Some(media) = &message.media {
            prop_assert_eq!(field(&shown, "media"), media);
        }
    }
    people.last = id;
    Ok(())
}

#[test]
fn message_content_arrives_byte_for_byte() {
    let runtime = Runtime::new().unwrap();
    let mut relay = server(&[]);
    let people = Mutex::new(runtime.block_on(People::gather(&relay)));
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&message(), |message| {
        runtime.block_on(async { talk(&relay, &mut *people.lock().await, &message).await })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    runtime.block_on(by_position(&relay));
    drop(people);
    stop(&mut relay);
}

/// All of it once more by position, and in the form of `feed`: the same texts.
async fn by_position(relay: &Relay) {
    let query = "/api/messages?conversationId=room&limit=200";
    let whole = rest(relay, "bob", "GET", query, "").await;
    let sliced = rest(relay, "bob", "GET", "/api/messages/room?limit=200", "").await;
    let contents = |body: &str, name: &str| -> Vec<String> {
        let messages = items(field(&members(body), "messages"));
        let content = |message: &String| field(&members(message), name).to_owned();
        messages.iter().map(content).collect()
    };
    let all = contents(&whole.body, "content");
    assert!(all.len() as u32 >= CASES);
    assert!(all == contents(&sliced.body, "encrypted_msg_content"));
}

/// What no generator comes upon: depth, length, and text that looks like something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_long_and_misleading_texts_arrive_byte_for_byte() {
    let mut relay = server(&[]);
    let mut people = People::gather(&relay).await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let objects = format!("{}1e1{}", "{\"\":".repeat(1_999), "}".repeat(1_999));
    let long = format!("\"{}\"", "\u{1f600}".repeat(10_000));
    let escaped = format!("\"{}\"", "\\u0041".repeat(10_000));
    let digits = format!("-{}.{}e-9", "9".repeat(5_000), "0".repeat(4_990));
    let texts = [
        &deep,
        &objects,
        &long,
        &escaped,
        &digits,
        "0",
        "false",
        "-0.0",
        "{}",
        "[]",
        "\" \"",
        "\"\\u0000\"",
        r#"{"_placeholder":true,"num":0}"#,
        r#"[{"num":7,"_pl\u0061ceholder":true}]"#,
        r#"{"type":"Buffer","data":[1,2]}"#,
        r#"{"__proto__":{"x":1},"a":1,"a":2.0,"\u0061":3}"#,
        "\"51-[\\\"message:new\\\",{}]\"",
    ];
    for text in texts {
        for way in [
            Way::Socket,
            Way::Rest(Shape::Conversation),
            Way::Rest(Shape::Feed),
        ] {
            let message = Message {
                way,
                content: Content::text(text),
                media: None,
                edited: Some(Content::text(text)),
                space: "",
            };
            let received = talk(&relay, &mut people, &message).await;
            received.unwrap_or_else(|failure| panic!("{text:.100}: {failure}"));
        }
    }
    stop(&mut relay);
}

/// Names, too, though they are not passed on as the bytes they are: they are the same texts.
#[test]
fn names_and_keys_are_the_same_texts() {
    let runtime = Runtime::new().unwrap();
    let mut relay = server(&[]);
    let people = Mutex::new(runtime.block_on(People::gather(&relay)));
    let mut runner = TestRunner::new(Config {
        cases: CASES / 4,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&(name(), name(), content()), |(temp_id, emoji, key)| {
        let (relay, people) = (&relay, &people);
        runtime.block_on(async move {
            let people = &mut *people.lock().await;
            named(relay, people, &temp_id, &emoji).await?;
            with_key(relay, &key).await
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    drop(people);
    stop(&mut relay);
}

/// A text of 1 to 10 characters, none of them a control character.
fn name() -> impl Strategy<Value = String> {
    let pieces = [
        "a", " ", "\"", "\\", "/", "é", "e\u{301}", "漢", "😀", "\u{2028}", "<", "%", "\u{feff}",
    ];
    vec(select(Vec::from(pieces)), 1..=10)
        .prop_map(|pieces| pieces.concat().chars().take(10).collect())
}

async fn named(
    relay: &Relay,
    people: &mut People,
    temp_id: &str,
    emoji: &str,
) -> Result<(), TestCaseError> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    // Never the same twice.
    let temp_id = format!("{}{temp_id}", &people.last[24..]);
    let argument = format!(
        r#"{{"conversationId":{ROOM},"content":"c","tempId":{}}}"#,
        quoted(&temp_id)
    );
    let sent = people.alice.ask("message:send", &argument).await;
    prop_assert!(sent.succeeded(), "{} {:?}", argument, sent);
    let id = sent.ack.get("messageId").as_str().unwrap().to_owned();
    let react = format!(
        r#"{{"conversationId":{ROOM},"messageId":"{id}","emoji":{}}}"#,
        quoted(emoji)
    );
    let reacted = people.alice.ask("reaction:add", &react).await;
    prop_assert!(reacted.succeeded(), "{} {:?}", react, reacted);
    let (_, bob) = &mut people.others[0];
    let received = bob.connection.event("message:new").await;
    prop_assert_eq!(received.get("tempId"), temp_id.as_str());
    let received = bob.connection.event("reaction:added").await;
    prop_assert_eq!(received.get("emoji"), emoji);
    let path = format!("/api/messages?conversationId=room&after={}", people.last);
    let stored = rest(relay, "bob", "GET", &path, "").await;
    let stored: serde_json::Value = serde_json::from_str(&stored.body).unwrap();
    prop_assert_eq!(&stored["messages"][0]["tempId"], temp_id.as_str());
    people.last = id;
    Ok(())
}

/// A key that was given for a user is shown to them as it is.
async fn with_key(relay: &Relay, key: &str) -> Result<(), TestCaseError> {
    let id = format!("\"{}\"", uuid::Uuid::new_v4());
    let body = format!(
        r#"{{"conversation_entries":[{{"id":{id},"username":"Name of alice","encrypted_content_key":{key},"content_key_number":1}}]}}"#
    );
    let made = rest(relay, "alice", "POST", "/api/conversations", &body).await;
    prop_assert_eq!(made.status, 201, "{} {:?}", body, made);
    let listed = rest(relay, "alice", "GET", "/api/conversations?limit=1", "").await;
    let listed = items(field(&members(&listed.body), "conversations"));
    let listed = members(&listed[0]);
    prop_assert_eq!(field(&listed, "id"), &id);
    prop_assert_eq!(field(&listed, "encrypted_content_key"), key);
    Ok(())
}
