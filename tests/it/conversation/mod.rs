//! `conversation`, `feed` and `chat` over raw frames and over REST. Here is what their tests share: a server, users
//! with connections that see conversations in one of the three shapes, and the history.

mod canary;
mod collections;
mod data_folder;
mod history;
mod hostile;
mod kill;
mod misshapen;
mod mongodb;
mod order;
mod received;
mod slow;
mod spoofing;
mod stage;
mod verbatim;

use std::path::Path;

pub(crate) use received::{Change, Received};

use crate::program;
use crate::request_client::{Answer, RequestClient};
use test_support::harness::Relay;
use test_support::raw::http::{self, Response};
use test_support::raw::{Client, Dial, Event, members, token};

/// Opens the admin routes.
pub(crate) const ADMIN_TOKEN: &str = "an admin token for tests, longer than thirty-two bytes";

/// A server for these three dialects without rate limits.
pub(crate) fn server(more: &[(&str, &str)]) -> Relay {
    program::start(&settings(more))
}

/// The same, in a data directory that outlives it.
pub(crate) fn server_in(data: &Path, more: &[(&str, &str)]) -> Relay {
    program::start_in(data, &settings(more))
}

fn settings<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let basics = [
        ("DIALECTS", "conversation,feed,chat"),
        ("RATE_LIMITS", "off"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ];
    [&basics, more].concat()
}

/// In which shape a connection sees conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Conversation,
    Feed,
    Chat,
}

pub(crate) const SHAPES: [Shape; 3] = [Shape::Conversation, Shape::Feed, Shape::Chat];

impl Shape {
    fn dialect(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Feed => "feed",
            Self::Chat => "chat",
        }
    }
}

/// A connection of a user that speaks one dialect.
pub(crate) type ConversationClient = RequestClient;

impl ConversationClient {
    /// Connects and authenticates.
    pub(crate) async fn connect(relay: &Relay, user: &str, shape: Shape) -> Self {
        Self::connect_by(relay, user, shape, Dial::default()).await
    }

    /// The same, dialling in an unusual way.
    pub(crate) async fn connect_by(
        relay: &Relay,
        user: &str,
        shape: Shape,
        mut dial: Dial,
    ) -> Self {
        dial.query += &format!("&dialect={}", shape.dialect());
        Self::new(Client::with(relay, user, dial).await)
    }

    /// Connects and subscribes to a conversation.
    pub(crate) async fn subscriber(
        relay: &Relay,
        user: &str,
        shape: Shape,
        conversation: &str,
    ) -> Self {
        let mut client = Self::connect(relay, user, shape).await;
        let subscribed = client.subscribe(shape, conversation).await;
        assert!(subscribed.succeeded(), "{subscribed:?}");
        client
    }

    /// Subscribes to the conversation whose id is this JSON text; in `chat`, where one is subscribed already, says that
    /// one types no more. Either way, all that was sent before is in the answer.
    pub(crate) async fn subscribe(&mut self, shape: Shape, conversation: &str) -> Answer {
        match shape {
            Shape::Conversation => {
                let argument = format!(r#"{{"conversationId":{conversation}}}"#);
                self.ask("conversation:join", &argument).await
            }
            Shape::Feed => self.ask("join-conversation", conversation).await,
            Shape::Chat => {
                // Ids have one JSON type there.
                let id = format!("\"{}\"", conversation.trim_matches('"'));
                self.ask("user:stop-typing", &id).await
            }
        }
    }

    /// All that it is sent until now: it asks for something that is refused, of which nobody is notified.
    pub(crate) async fn settled(&mut self, shape: Shape) -> Vec<Event> {
        let (event, argument) = match shape {
            Shape::Conversation => ("typing:stop", r#"{"conversationId":"nowhere"}"#),
            Shape::Feed => ("join-conversation", "null"),
            Shape::Chat => ("user:typing", "null"),
        };
        let answer = self.ask(event, argument).await;
        assert!(!answer.succeeded(), "{answer:?}");
        answer.events
    }

    /// Unsubscribes, where that can be done.
    pub(crate) async fn unsubscribe(&mut self, shape: Shape, conversation: &str) -> Answer {
        match shape {
            Shape::Conversation => {
                let argument = format!(r#"{{"conversationId":{conversation}}}"#);
                self.ask("conversation:leave", &argument).await
            }
            Shape::Feed => self.ask("leave-conversation", conversation).await,
            Shape::Chat => panic!("a chat is not left"),
        }
    }
}

/// A message, as REST shows it in the form of `conversation`; values are their JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredMessage {
    pub(crate) id: String,
    pub(crate) sender: String,
    pub(crate) content: String,
    pub(crate) temp_id: Option<String>,
}

impl StoredMessage {
    fn of(object: &str) -> Self {
        let members = members(object);
        let optional = |name: &str| {
            let found = members.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.clone())
        };
        let text = |name: &str| {
            let value = optional(name).unwrap_or_else(|| panic!("no {name} in {object}"));
            serde_json::from_str(&value).unwrap()
        };
        Self {
            id: text("id"),
            sender: text("senderId"),
            content: optional("content").unwrap(),
            temp_id: optional("tempId").map(|value| serde_json::from_str(&value).unwrap()),
        }
    }
}

/// The conversation whose id is this JSON text, as part of a path or a query.
pub(crate) fn encoded(conversation: &str) -> String {
    let id = conversation.trim_matches('"');
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Asks over REST for a user.
pub(crate) async fn rest(
    relay: &Relay,
    user: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Response {
    let token = format!("Bearer {}", token::for_user(user));
    let headers = [
        ("Authorization", &*token),
        ("Content-Type", "application/json"),
    ];
    http::request(relay, method, path, &headers, body.as_bytes()).await
}

/// Makes a conversation whose id is this JSON text. The first user makes it.
pub(crate) async fn create(relay: &Relay, conversation: &str, users: &[&str]) {
    let body = format!(
        r#"{{"id":{conversation},"participantIds":{}}}"#,
        serde_json::json!(users)
    );
    let made = rest(relay, users[0], "POST", "/api/conversations", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
}

/// A page of the history.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) messages: Vec<StoredMessage>,
    pub(crate) next: Option<String>,
}

/// A page of the history; `query` may have a cursor and a limit, with a leading `&`.
pub(crate) async fn page(relay: &Relay, user: &str, conversation: &str, query: &str) -> Page {
    let id = encoded(conversation);
    let path = format!("/api/messages?conversationId={id}{query}");
    let answer = rest(relay, user, "GET", &path, "").await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    let fields = members(&answer.body);
    let field = |name: &str| {
        let found = fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| &**value)
    };
    let messages = received::items(field("messages").unwrap());
    let messages: Vec<_> = messages
        .iter()
        .map(|item| StoredMessage::of(item))
        .collect();
    let ascending = messages.is_sorted_by(|one, next| one.id < next.id);
    assert!(ascending, "not in order: {}", answer.body);
    Page {
        messages,
        next: field("nextCursor").map(|next| serde_json::from_str(next).unwrap()),
    }
}

/// All messages after this one, in pages of so many at most.
pub(crate) async fn since(
    relay: &Relay,
    user: &str,
    conversation: &str,
    after: &str,
    limit: usize,
) -> Vec<StoredMessage> {
    let mut all: Vec<StoredMessage> = Vec::new();
    let mut cursor = Some(after.to_owned());
    while let Some(after) = cursor {
        let query = format!("&after={after}&limit={limit}");
        let page = page(relay, user, conversation, &query).await;
        assert!(page.messages.len() <= limit);
        let first = page.messages.first();
        assert!(first.is_none_or(|first| first.id > after), "{page:?}");
        all.extend(page.messages);
        cursor = page.next;
        if let Some(cursor) = &cursor {
            assert_eq!(Some(cursor), all.last().map(|last| &last.id));
        }
    }
    all
}

/// The whole history, from the newest page backwards.
pub(crate) async fn history(
    relay: &Relay,
    user: &str,
    conversation: &str,
    limit: usize,
) -> Vec<StoredMessage> {
    let mut all: Vec<StoredMessage> = Vec::new();
    let mut query = format!("&limit={limit}");
    loop {
        let mut page = page(relay, user, conversation, &query).await;
        assert!(page.messages.len() <= limit);
        let (last, first) = (page.messages.last(), all.first());
        if let Some((last, first)) = last.zip(first) {
            assert!(last.id < first.id, "{last:?} before {first:?}");
        }
        page.messages.append(&mut all);
        all = page.messages;
        match page.next {
            Some(next) => {
                assert_eq!(Some(&next), all.first().map(|first| &first.id));
                query = format!("&before={next}&limit={limit}");
            }
            None => return all,
        }
    }
}

/// How many messages of the conversation whose id is this JSON text a user has not read.
pub(crate) async fn unread(relay: &Relay, user: &str, room: &str) -> usize {
    let answer = rest(relay, user, "GET", "/api/conversations", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let all: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let all = all["conversations"].as_array().unwrap();
    let id = room.trim_matches('"');
    let has_id = |one: &&serde_json::Value| one["id"].to_string().trim_matches('"') == id;
    let found = all.iter().find(has_id).unwrap();
    found["unreadCount"].as_u64().unwrap() as usize
}
