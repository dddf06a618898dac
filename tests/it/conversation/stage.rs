//! A conversation whose members must not notice anything, and those who send what they should not: what the tests of
//! misshapen and hostile events and of spoofing share.

use bytes::Bytes;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Answer, ConversationClient, SHAPES, Shape, create, server_in};
use test_support::database::dump_of;
use test_support::harness::Relay;
use test_support::memory;
use test_support::raw::{Event, members};
use test_support::scene::stop;

/// The conversation that hostile events are about, as JSON text.
pub(super) const ROOM: &str = "\"room\"";
/// One with mallory, who is no participant of [`ROOM`].
pub(super) const ANOTHER: &str = "\"another\"";
/// Who sends something hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// Someone without a token.
    Guest,
    /// A user who is a participant in another conversation.
    NonMember,
    /// A member.
    Member,
}

/// Those who have a token.
pub(super) const USERS: [Sender; 2] = [Sender::NonMember, Sender::Member];

/// A conversation that is followed in every shape, with something of everything that is stored.
pub(super) struct Stage {
    pub relay: Relay,
    data: TempDir,
    pub alice: ConversationClient,
    pub bob: ConversationClient,
    pub cem: ConversationClient,
    /// A member who misbehaves: a connection for each shape.
    pub mallory: Vec<ConversationClient>,
    /// A user of another conversation who misbehaves.
    pub eve: Vec<ConversationClient>,
    /// The ids of alice's message and of her reaction to it, of mallory's, and of eve's message in the other conversation.
    pub first: String,
    pub reaction: String,
    pub own: String,
    pub own_reaction: String,
    pub other: String,
    before: String,
}

impl Stage {
    pub(super) async fn set(more: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let more = [more, &[memory::RETURNED_AT_ONCE]].concat();
        let relay = server_in(data.path(), &more);
        create(&relay, ROOM, &["alice", "bob", "cem", "mallory"]).await;
        create(&relay, ANOTHER, &["eve"]).await;
        let alice =
            ConversationClient::subscriber(&relay, "alice", Shape::Conversation, ROOM).await;
        let bob = ConversationClient::subscriber(&relay, "bob", Shape::Feed, ROOM).await;
        let cem = ConversationClient::subscriber(&relay, "cem", Shape::Chat, ROOM).await;
        let (mut mallory, mut eve) = (Vec::new(), Vec::new());
        for shape in SHAPES {
            mallory.push(ConversationClient::subscriber(&relay, "mallory", shape, ROOM).await);
            eve.push(ConversationClient::subscriber(&relay, "eve", shape, ANOTHER).await);
        }
        let mut stage = Self {
            relay,
            data,
            alice,
            bob,
            cem,
            mallory,
            eve,
            first: String::new(),
            reaction: String::new(),
            own: String::new(),
            own_reaction: String::new(),
            other: String::new(),
            before: String::new(),
        };
        (stage.first, stage.reaction) = say(&mut stage.alice, ROOM).await;
        (stage.own, stage.own_reaction) = say(&mut stage.mallory[0], ROOM).await;
        (stage.other, _) = say(&mut stage.eve[0], ANOTHER).await;
        stage.accept().await;
        stage
    }

    /// The argument with the ids that stand for these names: `<first>`, `<own>` and the like.
    pub(super) fn with_ids(&self, argument: &str) -> String {
        argument
            .replace("<first>", &self.first)
            .replace("<reaction>", &self.reaction)
            .replace("<own>", &self.own)
            .replace("<own reaction>", &self.own_reaction)
            .replace("<other>", &self.other)
    }

    /// Has someone ask for something on a connection of this shape. A guest is a new one each time.
    pub(super) async fn ask(
        &mut self,
        sender: Sender,
        shape: Shape,
        event: &str,
        argument: &str,
        attachments: &[Bytes],
    ) -> Answer {
        let asker = match sender {
            Sender::Member => &mut self.mallory[shape as usize],
            Sender::NonMember => &mut self.eve[shape as usize],
            Sender::Guest => {
                let mut guest = ConversationClient::enter(&self.relay).await;
                return guest.ask_with(event, argument, attachments).await;
            }
        };
        let mut answer = asker.ask_with(event, argument, attachments).await;
        // What is wrong is said beside the callback, and after it.
        answer.events.extend(asker.settled(shape).await);
        answer
    }

    /// Nobody was sent anything.
    pub(super) async fn silent(&mut self, input: &str) {
        println!("after {input:.300}"); // shown when what follows fails
        let names = |events: Vec<Event>| -> Vec<String> {
            events.into_iter().map(|event| event.name).collect()
        };
        assert_eq!(
            names(self.alice.settled(Shape::Conversation).await),
            [""; 0]
        );
        assert_eq!(names(self.bob.settled(Shape::Feed).await), [""; 0]);
        assert_eq!(names(self.cem.settled(Shape::Chat).await), [""; 0]);
    }

    /// The server lives, nobody was sent anything and nothing was changed.
    pub(super) async fn unharmed(&mut self, input: &str) {
        self.silent(input).await;
        assert!(self.relay.is_running(), "{}", self.relay.log());
        assert_eq!(self.stored(), self.before);
        let held = memory::held(&self.relay);
        assert!(held <= memory::bound(0, 0.0), "{held:.0} MiB");
    }

    /// What is stored is, from now on, what it is now. What was sent until now is over.
    pub(super) async fn accept(&mut self) {
        self.alice.settled(Shape::Conversation).await;
        self.bob.settled(Shape::Feed).await;
        self.cem.settled(Shape::Chat).await;
        for talkers in [&mut self.mallory, &mut self.eve] {
            for (client, shape) in talkers.iter_mut().zip(SHAPES) {
                client.settled(shape).await;
            }
        }
        self.before = self.stored();
    }

    /// All that is stored of conversations.
    fn stored(&self) -> String {
        dump_of(self.data.path(), "conversations.db")
    }

    pub(super) fn strike(mut self) {
        stop(&mut self.relay);
    }
}

/// Says something and reacts to it; the ids of both.
async fn say(client: &mut ConversationClient, room: &str) -> (String, String) {
    let said = format!(r#"{{"conversationId":{room},"content":"said","tempId":"t"}}"#);
    let said = client.ask("message:send", &said).await;
    let message = said.ack.get("messageId").as_str().unwrap().to_owned();
    let react = format!(r#"{{"conversationId":{room},"messageId":"{message}","emoji":"said"}}"#);
    let reacted = client.ask("reaction:add", &react).await;
    let reaction = reacted.ack.get("reactionId").as_str().unwrap().to_owned();
    (message, reaction)
}

/// Why something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Payload,
    Field(&'static str),
    NotParticipant,
    /// Where nobody else is notified of it, neither is its sender, but by a callback.
    NotInRoom,
    Unauthorized,
}

impl Refused {
    fn code(self) -> &'static str {
        match self {
            Self::Payload | Self::Field(_) => "INVALID_INPUT",
            Self::NotParticipant | Self::NotInRoom => "NOT_PARTICIPANT",
            Self::Unauthorized => "UNAUTHORIZED",
        }
    }

    fn message(self, shape: Shape) -> String {
        let said = match (self, shape) {
            (Self::Payload, Shape::Conversation) => "Missing or invalid payload",
            (Self::Field(field), Shape::Conversation) => {
                return format!("Missing or invalid {field}");
            }
            (Self::Unauthorized, _) => "Message not found or not authorized",
            (_, Shape::Conversation) => "Not authorized to join conversation",
            (Self::Payload | Self::Field(_), Shape::Feed) => "Missing or invalid conversation id",
            (_, Shape::Feed) => "Access denied to this conversation",
            (Self::Payload | Self::Field(_), Shape::Chat) => "chatId is required",
            (_, Shape::Chat) => "You are not a participant of this chat",
        };
        said.to_owned()
    }
}

/// The answer is this refusal and nothing else.
pub(super) fn assert_refused(
    answer: &Answer,
    shape: Shape,
    event: &str,
    argument: &str,
    why: Refused,
) {
    let (code, message) = (why.code(), why.message(shape));
    let failed = json!([{"success": false, "error": {"message": message, "code": code}}]);
    let ack: Value = serde_json::from_str(&answer.ack.text).unwrap();
    assert_eq!(ack, failed, "{event} {argument:.300}");
    let sent = members(argument);
    let names = answer.names();
    if shape != Shape::Conversation || why == Refused::NotInRoom {
        return assert_eq!(names, [""; 0], "{answer:?}");
    }
    if event == "conversation:join" {
        assert_eq!(names, ["conversation:join:error"], "{answer:?}");
        let received = &answer.events[0];
        assert_eq!(received.get("message"), message);
        assert_eq!(received.get("code"), code);
        let id = repeated(&sent, "conversationId").unwrap_or("null");
        assert_eq!(received.raw("conversationId"), id);
        return;
    }
    assert_eq!(names, ["error"], "{answer:?}");
    let received = &answer.events[0];
    assert_eq!(received.get("message"), message);
    assert_eq!(received.get("code"), code);
    let context = members(received.raw("context"));
    let mut expected = vec![("event", json!(event).to_string())];
    if let Refused::Field(field) = why {
        expected.push(("field", json!(field).to_string()));
    }
    // Of what is no payload nothing is known.
    let ids = ["conversationId", "messageId", "tempId"];
    for id in ids.into_iter().filter(|_| why != Refused::Payload) {
        expected.extend(repeated(&sent, id).map(|value| (id, value.to_owned())));
    }
    expected.sort();
    let mut context: Vec<_> = context
        .iter()
        .map(|(name, value)| (&**name, value.clone()))
        .collect();
    context.sort();
    assert_eq!(context, expected, "{event} {argument:.300}");
}

/// A guest's answer is that it is one.
pub(super) fn assert_guest_refused(answer: &Answer) {
    let failed = json!({"message": "Authentication token required", "code": "MISSING_TOKEN"});
    assert_eq!(answer.names(), ["auth:error"], "{answer:?}");
    assert_eq!(answer.ack.get("error"), failed);
}

/// What is sent to its sender again as an id: anything short that is no object and no list.
fn repeated<'a>(sent: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut sent = sent.iter().rev();
    let (_, value) = sent.find(|(field, _)| field == name)?;
    let is_simple = !value.starts_with(['{', '[']);
    (is_simple && value.len() <= 256).then_some(value)
}
