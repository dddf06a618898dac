//! What a message says comes out with the bytes it came in with, whichever way it came and goes: at once in every shape,
//! and from the history in every form.

mod content;
mod participants;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use self::content::{Content, Message, Way, content, message};
use self::participants::Participants;
use super::received::{field, items};
use super::{Change, ConversationClient, Received, Shape, rest, server};
use test_support::harness::Relay;
use test_support::json_text::resolved;
use test_support::raw::{Event, members};
use test_support::scene::stop;

const CASES: u32 = 120;
/// As JSON text.
const ROOM: &str = "\"room\"";

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

async fn talk(
    relay: &Relay,
    participants: &mut Participants,
    message: &Message,
) -> Result<(), TestCaseError> {
    let id = participants.send(relay, message).await;
    if let Some(edited) = &message.edited {
        participants.edit(relay, message, &id, edited).await;
    }
    for (shape, client) in &mut participants.others {
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
    let after = format!("after={}", participants.last);
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
        let fields = members(&messages[0]);
        prop_assert_eq!(field(&fields, name), &stored);
        if let Some(media) = &message.media {
            prop_assert_eq!(field(&fields, "media"), media);
        }
    }
    participants.last = id;
    Ok(())
}

#[test]
fn message_content_arrives_byte_for_byte() {
    let runtime = Runtime::new().unwrap();
    let mut relay = server(&[]);
    let participants = Mutex::new(runtime.block_on(Participants::gather(&relay)));
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&message(), |message| {
        runtime.block_on(async { talk(&relay, &mut *participants.lock().await, &message).await })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    runtime.block_on(by_position(&relay));
    drop(participants);
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
    let mut participants = Participants::gather(&relay).await;
    let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
    let objects = format!("{}1e1{}", "{\"\":".repeat(60), "}".repeat(60));
    let long = format!("\"{}\"", "\u{1f600}".repeat(10_000));
    let escaped = format!("\"{}\"", "\\u0041".repeat(10_000));
    let digits = format!("-{}.{}e-9", "9".repeat(300), "0".repeat(9_690));
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
        r#"{"constructor":{"x":1},"a":1,"a":2.0,"\u0061":3}"#,
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
            let received = talk(&relay, &mut participants, &message).await;
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
    let participants = Mutex::new(runtime.block_on(Participants::gather(&relay)));
    let mut runner = TestRunner::new(Config {
        cases: CASES / 4,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&(name(), name(), content()), |(temp_id, emoji, key)| {
        let (relay, participants) = (&relay, &participants);
        runtime.block_on(async move {
            let participants = &mut *participants.lock().await;
            named(relay, participants, &temp_id, &emoji).await?;
            with_key(relay, &key).await
        })
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    drop(participants);
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
    participants: &mut Participants,
    temp_id: &str,
    emoji: &str,
) -> Result<(), TestCaseError> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    // Never the same twice.
    let temp_id = format!("{}{temp_id}", &participants.last[24..]);
    let argument = format!(
        r#"{{"conversationId":{ROOM},"content":"c","tempId":{}}}"#,
        quoted(&temp_id)
    );
    let sent = participants.alice.ask("message:send", &argument).await;
    prop_assert!(sent.succeeded(), "{} {:?}", argument, sent);
    let id = sent.ack.get("messageId").as_str().unwrap().to_owned();
    let react = format!(
        r#"{{"conversationId":{ROOM},"messageId":"{id}","emoji":{}}}"#,
        quoted(emoji)
    );
    let reacted = participants.alice.ask("reaction:add", &react).await;
    prop_assert!(reacted.succeeded(), "{} {:?}", react, reacted);
    let (_, bob) = &mut participants.others[0];
    let received = bob.connection.event("message:new").await;
    prop_assert_eq!(received.get("tempId"), temp_id.as_str());
    let received = bob.connection.event("reaction:added").await;
    prop_assert_eq!(received.get("emoji"), emoji);
    let path = format!(
        "/api/messages?conversationId=room&after={}",
        participants.last
    );
    let stored = rest(relay, "bob", "GET", &path, "").await;
    let stored: serde_json::Value = serde_json::from_str(&stored.body).unwrap();
    prop_assert_eq!(&stored["messages"][0]["tempId"], temp_id.as_str());
    participants.last = id;
    Ok(())
}

/// A key that was given for a user is returned to them as it is.
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
