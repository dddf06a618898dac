//! What users send is stored where conversations are, returned to those who may read it, and nowhere else: marks in all that is
//! said, attached, named, reacted with or encrypted are found in no log at the finest level, not in the audit, in no
//! error, and what was deleted or refused is not even stored.

use bytes::Bytes;
use serde_json::Value;

use super::{Answer, ConversationClient, Shape, rest, server_in};
use test_support::canary::{canary, found_in};
use test_support::harness::Relay;
use test_support::raw::http::{self, Response};
use test_support::scene::stop;

/// One mark for each kind of secret; all but one begin alike.
struct Marks {
    all: String,
    emoji: String,
}

const CONTENT: &str = "content";
const MEDIA: &str = "media";
const EMOJI: &str = "emoji";
const TEMP_ID: &str = "temp-id";
/// What was deleted, or edited away.
const GONE: &str = "gone";
const KEY_OF_ALICE: &str = "key-of-alice";
const KEY_OF_BOB: &str = "key-of-bob";
/// In fields that nobody knows.
const UNKNOWN: &str = "unknown";
/// In everything that is refused.
const REFUSED: &str = "refused";

const ALL: [&str; 9] = [
    CONTENT,
    MEDIA,
    EMOJI,
    TEMP_ID,
    GONE,
    KEY_OF_ALICE,
    KEY_OF_BOB,
    UNKNOWN,
    REFUSED,
];
/// What is still stored in the end.
const KEPT: [&str; 7] = [
    CONTENT,
    MEDIA,
    EMOJI,
    TEMP_ID,
    UNKNOWN,
    KEY_OF_ALICE,
    KEY_OF_BOB,
];

impl Marks {
    fn new() -> Self {
        let random = canary();
        Self {
            // An emoji is short.
            emoji: format!("~{}~", &random[random.len() - 8..]),
            all: random,
        }
    }

    fn of(&self, kind: &str) -> String {
        match kind {
            EMOJI => self.emoji.clone(),
            kind => format!("{}-{kind}", self.all),
        }
    }

    /// Which kinds are in a text.
    fn in_text(&self, text: &str) -> Vec<&'static str> {
        let found = ALL.into_iter().filter(|kind| text.contains(&self.of(kind)));
        found.collect()
    }
}

/// Which of the marks someone was sent: these, and no others.
fn received_only(client: &ConversationClient, marks: &Marks, expected: &[&str]) {
    let user = &client.connection.user;
    for kind in ALL {
        let mark = marks.of(kind);
        let holds = |bytes: &Bytes| {
            let mut parts = bytes.windows(mark.len());
            parts.any(|part| part == mark.as_bytes())
        };
        let mut received = client.received.iter();
        let found = received
            .find(|packet| packet.text.contains(&mark) || packet.attachments.iter().any(holds));
        match expected.contains(&kind) {
            true => assert!(found.is_some(), "{user} was not sent {kind}"),
            false => assert!(found.is_none(), "{user} was sent {kind}: {found:?}"),
        }
    }
}

/// Fields that nobody knows.
fn unknown(marks: &Marks) -> String {
    let mark = marks.of(UNKNOWN);
    format!(r#""{mark}":{{"{mark}":["{mark}"]}},"sender":"{mark}""#)
}

/// Alice does all there is to do over her socket, and is answered that it is done.
async fn talk(alice: &mut ConversationClient, marks: &Marks) {
    let [content, gone, temp_id] = [CONTENT, GONE, TEMP_ID].map(|kind| marks.of(kind));
    let unknown = unknown(marks);
    let sends = [
        format!(r#""content":"{content}","tempId":"{temp_id}""#),
        // The same once more is answered, and not sent.
        format!(r#""content":"{content}","tempId":"{temp_id}""#),
        format!(r#""content":{{"{content}":["{content}"]}}"#),
        format!(r#""content":"{gone}""#),
        format!(r#""content":"{gone}""#),
    ];
    let mut ids = Vec::new();
    for send in sends {
        let argument = format!(r#"{{"conversationId":"room",{send},{unknown}}}"#);
        let sent = done(alice, "message:send", &argument).await;
        ids.push(sent.ack.get("messageId").as_str().unwrap().to_owned());
    }
    let binary = r#"{"conversationId":"room","content":{"b":{"_placeholder":true,"num":0}}}"#;
    let bytes = [Bytes::from(content.clone().into_bytes())];
    let sent = alice.ask_with("message:send", binary, &bytes).await;
    assert!(sent.succeeded(), "{sent:?}");
    let about = |id: &str, rest: &str| {
        format!(r#"{{"conversationId":"room","messageId":"{id}",{unknown}{rest}}}"#)
    };
    let [first, edited, deleted] = [&ids[0], &ids[3], &ids[4]];
    let edit = about(edited, &format!(r#","content":"{content}""#));
    done(alice, "message:update", &edit).await;
    done(alice, "message:delete", &about(deleted, "")).await;
    let emoji = marks.of(EMOJI);
    let react = about(first, &format!(r#","emoji":"{emoji}""#));
    done(alice, "reaction:add", &react).await;
    let read = format!(r#"{{"conversationId":"room","messageIds":["{first}"],{unknown}}}"#);
    done(alice, "message:read", &read).await;
    let in_room = format!(r#"{{"conversationId":"room",{unknown}}}"#);
    for event in ["typing:start", "typing:stop", "presence:request"] {
        done(alice, event, &in_room).await;
    }
}

async fn done(client: &mut ConversationClient, event: &str, argument: &str) -> Answer {
    let answer = client.ask(event, argument).await;
    assert!(answer.succeeded(), "{event} {argument}: {answer:?}");
    answer
}

/// The same over REST, in the three forms.
async fn post(relay: &Relay, marks: &Marks) {
    let [content, gone, media] = [CONTENT, GONE, MEDIA].map(|kind| marks.of(kind));
    let temp_id = marks.of(TEMP_ID);
    let unknown = unknown(marks);
    let bodies = [
        format!(
            r#"{{"conversationId":"room","content":"{content}","tempId":"{temp_id}-2",{unknown}}}"#
        ),
        format!(r#"{{"chatId":"room","content":"{gone}","media":{{"url":"{media}"}},{unknown}}}"#),
        format!(
            r#"{{"conversation_id":"room","content_key_number":1,"encrypted_msg_content":"{gone}",{unknown}}}"#
        ),
    ];
    let mut ids = Vec::new();
    for (body, message) in bodies.iter().zip(["message", "data", "messageData"]) {
        let posted = rest(relay, "alice", "POST", "/api/messages", body).await;
        assert_eq!(posted.status, 201, "{posted:?}");
        let answer: Value = serde_json::from_str(&posted.body).unwrap();
        ids.push(answer[message]["id"].as_str().unwrap().to_owned());
    }
    let made = format!(r#"{{"participantIds":["bob"],{unknown}}}"#);
    for path in ["/api/conversations", "/api/chats"] {
        let made = rest(relay, "alice", "POST", path, &made).await;
        assert!([200, 201].contains(&made.status), "{path} {made:?}");
    }
    let titled = format!(r#"{{"title":"A title",{unknown}}}"#);
    let path = |id: &str| format!("/api/messages/{id}");
    let edit = format!(r#"{{"content":"{content}",{unknown}}}"#);
    let put = format!(r#"{{"encrypted_msg_content":"{content}",{unknown}}}"#);
    let read = format!(
        r#"{{"conversationId":"room","messageIds":["{}"],{unknown}}}"#,
        ids[0]
    );
    let body =
        format!(r#"{{"conversationId":"room","content":"{gone}","more":"{gone}",{unknown}}}"#);
    let posted = rest(relay, "alice", "POST", "/api/messages", &body).await;
    let answer: Value = serde_json::from_str(&posted.body).unwrap();
    let deleted = answer["message"]["id"].as_str().unwrap();
    for (method, path, body) in [
        ("PATCH", path(&ids[1]), &*edit),
        ("PUT", path(&ids[2]), &put),
        ("POST", "/api/messages/read".to_owned(), &read),
        ("DELETE", path(deleted), ""),
        ("PATCH", "/api/conversations/room".to_owned(), &titled),
    ] {
        let done = rest(relay, "alice", method, &path, body).await;
        assert_eq!(done.status, 200, "{method} {path} {done:?}");
    }
}

/// What is refused over sockets, for as many reasons as there are. The mark is in all of it, but not in ids that are
/// sent to who sent them.
fn refused(marks: &Marks) -> Vec<(&'static str, String)> {
    let mark = marks.of(REFUSED);
    let opaque = format!(
        r#""content":"{mark}","emoji":"{}","{mark}":"{mark}","reactionId":"{mark}""#,
        &mark[..9]
    );
    let absent = "01890000-0000-7000-8000-000000000000";
    let long = format!("\"{mark}{}\"", "x".repeat(10_000));
    let ways = [
        format!(r#"["{mark}"]"#),
        format!(r#"{{{opaque}}}"#),
        format!(r#"{{{opaque},"conversationId":"nowhere","messageId":"{absent}"}}"#),
        format!(r#"{{{opaque},"conversationId":["{mark}"],"messageId":"{absent}"}}"#),
        format!(r#"{{{opaque},"conversationId":{{"{mark}":1}},"messageId":"{absent}"}}"#),
        format!(
            r#"{{{opaque},"conversationId":"room","messageId":{{"{mark}":1}},"content":null}}"#
        ),
        format!(r#"{{{opaque},"conversationId":"room","messageId":"{absent}","content":null}}"#),
        format!(r#"{{{opaque},"conversationId":"room","messageId":"{absent}","content":{long}}}"#),
        format!(r#"{{{opaque},"conversationId":"room","tempId":["{mark}"]}}"#),
        format!(
            r#"{{{opaque},"conversationId":"room","messageId":"{absent}","emoji":"{mark}","content":null}}"#
        ),
        format!(r#"{{{opaque},"conversationId":"room","messageIds":"{mark}","content":null}}"#),
        format!(r#"{{{opaque},"conversationId":"room","messageIds":[["{mark}"]],"content":null}}"#),
    ];
    let events = [
        "conversation:join",
        "conversation:leave",
        "message:send",
        "message:update",
        "message:delete",
        "message:read",
        "typing:start",
        "typing:stop",
        "reaction:add",
        "reaction:remove",
        "presence:request",
        "join-conversation",
        "leave-conversation",
        "user:typing",
        "user:stop-typing",
        "authenticate-me",
    ];
    let each = |event: &'static str| ways.iter().map(move |way| (event, way.clone()));
    let mut all: Vec<_> = events.into_iter().flat_map(each).collect();
    // These have all that they need, but there is no such message.
    for event in ["message:update", "reaction:add", "reaction:remove"] {
        let whole = format!(r#"{{{opaque},"conversationId":"room","messageId":"{absent}"}}"#);
        all.push((event, whole));
    }
    all
}

/// What is refused over REST.
fn refused_posts(marks: &Marks) -> Vec<(&'static str, String, String)> {
    let mark = marks.of(REFUSED);
    let absent = "01890000-0000-7000-8000-000000000000";
    let long = format!("\"{mark}{}\"", "x".repeat(10_000));
    let opaque = format!(r#""content":"{mark}","{mark}":"{mark}""#);
    let bodies = [
        mark.clone(),
        format!(r#"["{mark}"]"#),
        format!(r#"{{"conversationId":"room","content":"{mark}"#),
        format!(r#"{{{opaque}}}"#),
        format!(r#"{{{opaque},"conversationId":"nowhere"}}"#),
        format!(r#"{{{opaque},"conversationId":["{mark}"]}}"#),
        format!(r#"{{{opaque},"conversationId":"room","tempId":["{mark}"]}}"#),
        format!(r#"{{"conversationId":"room","content":{long}}}"#),
        format!(r#"{{"chatId":"room","content":{long}}}"#),
        format!(r#"{{"chatId":"nowhere","content":"{mark}","media":"{mark}"}}"#),
        format!(r#"{{"conversation_id":"room","encrypted_msg_content":"{mark}"}}"#),
        format!(
            r#"{{"conversation_id":"nowhere","content_key_number":1,"encrypted_msg_content":"{mark}"}}"#
        ),
        format!(
            r#"{{"conversation_id":"room","content_key_number":"{mark}","encrypted_msg_content":"{mark}"}}"#
        ),
    ];
    let mut all = Vec::new();
    for body in &bodies {
        all.push(("POST", "/api/messages".to_owned(), body.clone()));
        // Without ids of messages it would mean all.
        let named = body.replacen('{', &format!(r#"{{"messageIds":"{mark}","#), 1);
        all.push(("POST", "/api/messages/read".to_owned(), named));
        for id in [absent, &mark] {
            all.push(("PATCH", format!("/api/messages/{id}"), body.clone()));
            all.push(("PUT", format!("/api/messages/{id}"), body.clone()));
        }
    }
    let entry = |rest: &str| {
        format!(
            r#"{{"conversation_entries":[{{"id":"new","encrypted_content_key":"{mark}"{rest}}}]}}"#
        )
    };
    for body in [
        entry(r#","username":"Name of nobody","content_key_number":1"#),
        entry(""),
        format!(r#"{{"conversation_entries":"{mark}"}}"#),
        format!(r#"{{"participantIds":["{mark}\u0000"]}}"#),
        format!(r#"{{"participantIds":{{"{mark}":1}},"title":"{mark}"}}"#),
        format!(r#"{{"participantIds":["bob"],"title":["{mark}"]}}"#),
        format!(r#"{{"id":"room","participantIds":["bob"],"title":"{mark}"}}"#),
    ] {
        all.push(("POST", "/api/conversations".to_owned(), body));
    }
    for body in [
        format!(r#"{{"entries":[{{"username":"bob","encrypted_content_key":"{mark}"}}]}}"#),
        format!(
            r#"{{"entries":[{{"username":"{mark}","{mark}":"{mark}"}}],"content_key_number":9}}"#
        ),
        format!(
            r#"{{"share_history":true,"entries":[{{"username":"Name of nobody","keys":[{{"content_key_number":9,"encrypted_content_key":"{mark}"}}]}}],"system_broadcast":{{"encrypted_msg_content":"{mark}"}}}}"#
        ),
    ] {
        all.push((
            "POST",
            "/api/conversations/room/participants".to_owned(),
            body,
        ));
    }
    let broadcast = format!(r#"{{"system_broadcast":"{mark}"}}"#);
    all.push(("DELETE", "/api/conversations/room".to_owned(), broadcast));
    let user = format!(r#"{{"userId":{{"{mark}":1}},"role":"{mark}"}}"#);
    all.push((
        "POST",
        "/api/conversations/room/participants".to_owned(),
        user,
    ));
    for path in [
        format!("/api/messages?conversationId=room&after={mark}"),
        format!("/api/messages?conversationId=room&limit={mark}"),
        format!("/api/messages/room?offset={mark}"),
        format!("/api/{mark}?{mark}"),
    ] {
        all.push(("GET", path, String::new()));
    }
    all.push(("DELETE", format!("/api/messages/{mark}"), String::new()));
    all
}

/// The conversation in the form of `feed`, where each one has a key; and each receives their own only.
async fn found(relay: &Relay, marks: &Marks) {
    let key = |user: &str, kind: &str| {
        let mark = marks.of(kind);
        format!(
            r#"{{"id":"room","username":"Name of {user}","encrypted_content_key":"{mark}","content_key_number":1}}"#
        )
    };
    let body = format!(
        r#"{{"conversation_entries":[{},{},{},{}]}}"#,
        key("alice", KEY_OF_ALICE),
        key("bob", KEY_OF_BOB),
        key("cem", KEY_OF_BOB),
        key("dan", KEY_OF_BOB)
    );
    let made = rest(relay, "alice", "POST", "/api/conversations", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(marks.in_text(&made.body), [KEY_OF_ALICE]);
    for (user, expected) in [
        ("alice", &[KEY_OF_ALICE][..]),
        ("bob", &[KEY_OF_BOB]),
        ("outsider", &[]),
    ] {
        let listed = rest(relay, user, "GET", "/api/conversations", "").await;
        assert_eq!(listed.status, 200, "{listed:?}");
        assert_eq!(marks.in_text(&listed.body), expected, "{user}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_is_stored_with_conversations_and_nowhere_else() {
    for format in ["text", "json"] {
        let data = tempfile::tempdir().unwrap();
        let marks = Marks::new();
        let env = [
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", format),
            ("ACCESS_LOG", format),
            ("ACCESS_LOG_USERS", "true"),
            ("METRICS_PUBLIC", "true"),
        ];
        let mut relay = server_in(data.path(), &env);
        converse(&relay, &marks).await;
        for kind in ALL {
            assert!(!http::metrics_have(&relay, &marks.of(kind)).await, "{kind}");
        }
        stop(&mut relay);
        let log = relay.log();
        for kind in ALL {
            let expected: &[&str] = match KEPT.contains(&kind) {
                true => &["conversations.db"],
                false => &[],
            };
            let found = found_in(&log, data.path(), &marks.of(kind));
            assert_eq!(found, expected, "{kind}");
        }
    }
}

async fn converse(relay: &Relay, marks: &Marks) {
    let mut clients = Vec::new();
    for (user, shape) in [
        ("alice", Shape::Conversation),
        ("bob", Shape::Feed),
        ("cem", Shape::Chat),
        ("dan", Shape::Conversation),
        ("outsider", Shape::Conversation),
    ] {
        clients.push((ConversationClient::connect(relay, user, shape).await, shape));
    }
    found(relay, marks).await;
    for (client, shape) in &mut clients {
        let joined = client.subscribe(*shape, "\"room\"").await;
        assert_eq!(joined.succeeded(), client.connection.user != "outsider");
    }
    talk(&mut clients[0].0, marks).await;
    post(relay, marks).await;
    read(relay, marks).await;
    let mut failed = 0;
    for (event, argument) in refused(marks) {
        for (client, _) in &mut clients {
            failed += usize::from(!client.ask(event, &argument).await.succeeded());
        }
    }
    assert!(failed >= 800, "only {failed} were refused");
    for (method, path, body) in refused_posts(marks) {
        for user in ["alice", "outsider"] {
            let answer: Response = rest(relay, user, method, &path, &body).await;
            assert!(
                (400..500).contains(&answer.status),
                "{method} {path} {body}: {answer:?}"
            );
            let said = format!("{}{}", answer.head, answer.body);
            assert_eq!(marks.in_text(&said), [""; 0], "{method} {path} {body}");
        }
    }
    for (client, shape) in &mut clients {
        // All that was sent before is read now.
        client.subscribe(*shape, "\"room\"").await;
        let expected: &[&str] = match (&*client.connection.user, shape) {
            ("outsider", _) => &[],
            (_, Shape::Conversation) => &[CONTENT, MEDIA, EMOJI, TEMP_ID, GONE, UNKNOWN],
            (_, Shape::Chat) => &[CONTENT, MEDIA, GONE, UNKNOWN],
            (_, Shape::Feed) => &[CONTENT, GONE, UNKNOWN],
        };
        received_only(client, marks, expected);
    }
    // The stop finds them connected, with what they have not read.
    let last = format!(
        r#"{{"conversationId":"room","content":"{}"}}"#,
        marks.of(CONTENT)
    );
    clients[0].0.connection.emit("message:send", &last).await;
}

/// The history shows what is stored to those who are participants.
async fn read(relay: &Relay, marks: &Marks) {
    for (path, expected) in [
        (
            "/api/messages?conversationId=room",
            &[CONTENT, MEDIA, EMOJI, TEMP_ID, UNKNOWN][..],
        ),
        (
            "/api/messages?chatId=room",
            &[CONTENT, MEDIA, EMOJI, UNKNOWN],
        ),
        ("/api/messages/room", &[CONTENT, EMOJI, UNKNOWN]),
        ("/api/conversations/room", &[KEY_OF_BOB]),
    ] {
        let answer = rest(relay, "dan", "GET", path, "").await;
        assert_eq!(marks.in_text(&answer.body), expected, "{path}");
        let hidden = rest(relay, "outsider", "GET", path, "").await;
        assert!((403..405).contains(&hidden.status), "{hidden:?}");
        assert_eq!(marks.in_text(&hidden.body), [""; 0], "{path}");
    }
}
