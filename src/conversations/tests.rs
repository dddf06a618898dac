//! Who is sent an event or a notification, between real connections of the library.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::value::RawValue;
use tokio::time::Instant;
use uuid::Uuid;

use super::retention::Due;
use super::{Actor, Initiator};
use crate::audit::Source;
use crate::cluster::ConversationMessage;
use crate::config::Config;
use crate::connection::Close;
use crate::model::conversation::{
    ChangeNumber, ChangedBy, ConversationEvent, ConversationId, Extra, History, IdType, MessageId,
    NewConversation, NewMessage, NewParticipant, ReadMessages, Role,
};
use crate::model::{Dialect, DisconnectReason, Identity, UserId};
use crate::payload::OwnedValue;
use crate::server::test_node::TestNode;
use crate::stores::conversations::StoreError;

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn identity(name: &str) -> Identity {
    Identity {
        user: user(name),
        name: name.into(),
        avatar_url: None,
    }
}

fn conversation() -> ConversationId {
    ConversationId::parse("c").unwrap()
}

fn source() -> Arc<Source> {
    Arc::new(Source::nobody())
}

fn participant(name: &str) -> NewParticipant {
    NewParticipant {
        user: user(name),
        role: Role::Member,
        key: None,
        earlier_keys: Vec::new(),
        pending: false,
        is_invited: false,
        joined_at: None,
    }
}

/// Creates the conversation, as an administrator.
async fn create(node: &TestNode, names: &[&str]) {
    let new = NewConversation {
        id: conversation(),
        id_type: IdType::Text,
        description: crate::model::conversation::Description::default(),
        created_by: user(names[0]),
        created_at: None,
        history: History::All,
        participants: names.iter().map(|name| participant(name)).collect(),
    };
    let source = source();
    let admin = Initiator::Admin(&source);
    let created = node.app.conversations.create(admin, &new, Extra::default());
    created.await.unwrap();
}

fn new_message(sender: &str) -> NewMessage {
    let content = RawValue::from_string("\"sealed\"".into()).unwrap();
    NewMessage {
        conversation: conversation(),
        sender: user(sender),
        content: Some(OwnedValue::from(content)),
        media: None,
        key_number: None,
        temp_id: None,
        extra: Extra::default(),
    }
}

/// A message in the history that nobody was sent.
async fn message(node: &TestNode, sender: &str) -> MessageId {
    let messages = &node.app.conversations.stores().messages;
    let appended = messages.append(&new_message(sender)).await;
    appended.unwrap().value.id
}

#[tokio::test]
async fn messages_that_are_stored_together_are_published_in_the_order_of_the_log() {
    let node = TestNode::start().await;
    let (conversations, id) = (&node.app.conversations, conversation());
    create(&node, &["ann", "bo"]).await;
    let ann = node.connect("ann", Dialect::Conversation).await;
    ann.emit("conversation:join", r#"{"conversationId":"c"}"#)
        .await;
    let (bo, source) = (identity("bo"), source());
    let actor = Actor {
        identity: &bo,
        source: &source,
        dialect: None,
    };
    // Those of one user are stored in their order.
    let new = new_message("bo");
    let mut first = Box::pin(conversations.append(actor, &new, 0));
    let mut second = Box::pin(conversations.append(actor, &new, 0));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());

    // The first one is stored, too, and is not published.
    let second = second.await.unwrap();
    assert!(conversations.lock(&id).now_or_never().is_none());
    let later = second.message.id;
    let publishing = tokio::spawn(second.publish());
    let first = first.await.unwrap();
    assert!(!ann.received().await.contains("message:new"));
    let earlier = first.message.id;
    assert!(earlier < later);
    first.publish().await;
    publishing.await.unwrap();

    let received = ann.received().await;
    let at = |id: MessageId| received.find(&format!(r#""message:new",{{"id":"{}""#, id.uuid()));
    let (earlier, later) = (at(earlier).unwrap(), at(later).unwrap());
    assert!(earlier < later, "{received}");
}

#[tokio::test]
async fn typing_on_another_node_is_sent_to_participants_only() {
    let node = TestNode::start().await;
    let conversations = &node.app.conversations;
    let id = conversation();
    create(&node, &["ann", "bo", "cleo"]).await;
    let ann = node.connect("ann", Dialect::Conversation).await;
    let bo = node.connect("bo", Dialect::Conversation).await;
    for client in [&ann, &bo] {
        client
            .emit("conversation:join", r#"{"conversationId":"c"}"#)
            .await;
    }
    // Another node removes a participant, which this one has yet to read.
    let participants = &conversations.stores().participants;
    let ended = participants.end(&id, &user("bo"), &ChangedBy::Admin).await;
    let ended = ended.unwrap().and_then(|ended| ended.change).unwrap();
    // It says so.
    let newest = ConversationMessage::Newest(ended.number);
    assert!(conversations.received(&id, newest).await.is_none());
    conversations.close_gap(&id, ended.number).await;

    let typing = ConversationEvent::Typing {
        typist: Uuid::new_v4(),
        user: identity("cleo"),
        lasts: Some(Duration::from_secs(60)),
        extra: Extra::default(),
    };
    let typing = ConversationMessage::Event(typing);
    let answer = conversations.received(&id, typing).await;
    assert!(answer.is_none());

    let to_ann = ann.received().await;
    assert_eq!(to_ann.matches("typing:user:start").count(), 1, "{to_ann}");
    let to_bo = bo.received().await;
    assert!(!to_bo.contains("typing:user:start"), "{to_bo}");
    assert!(to_bo.contains("conversation:left"), "{to_bo}");
}

#[tokio::test]
async fn who_was_removed_by_a_change_that_is_not_kept_any_more_receives_nothing() {
    let node = TestNode::start().await;
    let conversations = &node.app.conversations;
    let (id, stores) = (conversation(), conversations.stores());
    create(&node, &["ann", "bo"]).await;
    let ann = node.connect("ann", Dialect::Conversation).await;
    let bo = node.connect("bo", Dialect::Conversation).await;
    for client in [&ann, &bo] {
        client
            .emit("conversation:join", r#"{"conversationId":"c"}"#)
            .await;
    }
    // Another node removes a participant, and this one hears of it when the log has forgotten it.
    let participants = &stores.participants;
    let ended = participants.end(&id, &user("bo"), &ChangedBy::Admin).await;
    let ended = ended.unwrap().and_then(|ended| ended.change).unwrap();
    let now = conversations.now_ms();
    while conversations.now_ms() == now {
        tokio::task::yield_now().await;
    }
    let forget = stores.retention.remove_old_changes(Duration::ZERO);
    forget.await.unwrap();
    message(&node, "ann").await;
    conversations.catch_up(&id).await.unwrap();

    let read = stores.log.changes(&id, ended.number.previous(), 1).await;
    assert!(read.unwrap().changes[0].is_forgotten());
    let to_ann = ann.received().await;
    assert_eq!(to_ann.matches("message:new").count(), 1, "{to_ann}");
    let to_bo = bo.received().await;
    assert!(!to_bo.contains("message:new"), "{to_bo}");
    assert!(to_bo.contains("conversation:left"), "{to_bo}");
}

#[tokio::test]
async fn who_was_removed_while_their_conversations_were_read_is_not_subscribed() {
    let node = TestNode::start().await;
    let conversations = &node.app.conversations;
    let (id, stores) = (conversation(), conversations.stores());
    create(&node, &["ann", "bo"]).await;
    let ann = node.connect("ann", Dialect::Conversation).await;
    ann.emit("conversation:join", r#"{"conversationId":"c"}"#)
        .await;
    // Another node stores a message, after which bo is a participant, and then removes bo.
    message(&node, "ann").await;
    let joined = stores.log.memberships(&user("bo")).await.unwrap();
    let [(_, number)] = joined[..] else {
        panic!("{joined:?}")
    };
    let participants = &stores.participants;
    let ended = participants.end(&id, &user("bo"), &ChangedBy::Admin).await;
    assert!(ended.unwrap().is_some());

    let mut guard = conversations.lock(&id).await;
    let followed = guard.follow_from(number, &user("bo")).await;
    assert!(
        matches!(followed, Err(StoreError::NotParticipant)),
        "{followed:?}"
    );
    let followed = guard.follow_from(number, &user("ann")).await;
    assert!(followed.is_ok(), "{followed:?}");
}

#[tokio::test]
async fn each_sender_is_notified_of_the_reading_of_their_messages() {
    let node = TestNode::start().await;
    let (conversations, id) = (&node.app.conversations, conversation());
    create(&node, &["ann", "bo", "cleo"]).await;
    let ann = node.connect("ann", Dialect::Conversation).await;
    let bo = node.connect("bo", Dialect::Conversation).await;
    let cleo = node.connect("cleo", Dialect::Conversation).await;
    let of_ann = [message(&node, "ann").await, message(&node, "ann").await];
    let of_bo = [message(&node, "bo").await];

    let (reader, source) = (identity("cleo"), source());
    let actor = Actor {
        identity: &reader,
        source: &source,
        dialect: None,
    };
    let all = [of_ann[0], of_ann[1], of_bo[0]];
    let read = ReadMessages::These(all.to_vec());
    for _ in 0..2 {
        let read = conversations.mark_read(actor, None, &id, &read);
        read.await.unwrap().publish().await;
    }

    // The reader is told of all of them, in the order of the history.
    for (client, own) in [(ann, &of_ann[..]), (bo, &of_bo[..]), (cleo, &all[..])] {
        let received = client.received().await;
        assert_eq!(
            received.matches("message:read:receipt").count(),
            1,
            "{received}"
        );
        let ids: Vec<_> = own.iter().map(|id| format!("\"{}\"", id.uuid())).collect();
        let ids = format!(r#""messageIds":[{}]"#, ids.join(","));
        assert!(received.contains(&ids), "{ids} in {received}");
        assert!(received.contains(r#""readBy":"cleo""#), "{received}");
    }
}

#[tokio::test]
async fn each_user_concerned_is_notified_of_a_change_of_participants() {
    const CREATED: &str = "conversation-created";
    const ADDED: &str = "conversation-participants-added";
    const REMOVED: &str = "conversation-participants-removed";
    let node = TestNode::start().await;
    let conversations = &node.app.conversations;
    let mut clients = Vec::new();
    for name in ["ann", "bo", "cleo", "dora"] {
        clients.push(node.connect(name, Dialect::Feed).await);
    }

    create(&node, &["ann", "bo"]).await;
    let (source, id) = (source(), conversation());
    let admin = Initiator::Admin(&source);
    let (new, former) = (participant("cleo"), user("bo"));
    let added = conversations.add_participant(admin, &id, &new, Extra::default());
    added.await.unwrap();
    let removed = conversations.remove_participant(admin, &id, &former);
    removed.await.unwrap();

    let expected = [
        [1, 1, 1],
        [1, 1, 1],
        // Who is added, not of the creation before; who has nothing to do with it, of nothing.
        [0, 1, 1],
        [0, 0, 0],
    ];
    for (client, expected) in clients.iter().zip(expected) {
        let received = client.received().await;
        let counts = [CREATED, ADDED, REMOVED].map(|event| received.matches(event).count());
        assert_eq!(counts, expected, "{received}");
    }
}

#[tokio::test]
async fn old_messages_go_when_it_is_due() {
    const SECOND: Duration = Duration::from_secs(1);
    let node = TestNode::start_with(Config {
        message_retention: Duration::from_millis(1),
        changes_retention: Duration::from_millis(1),
        ..Config::default()
    })
    .await;
    let conversations = &node.app.conversations;
    let stores = conversations.stores();
    create(&node, &["ann", "bo"]).await;
    let now = Instant::now();
    let mut due = Due {
        messages: now,
        logs: now,
    };
    let mut is_kept = async |later: Duration| {
        let id = message(&node, "ann").await;
        let sent = conversations.now_ms();
        while conversations.now_ms() < sent + 2 {
            tokio::task::yield_now().await;
        }
        let removed = conversations.remove_old_once(now + later, &mut due);
        removed.await.unwrap();
        stores.messages.find(id).await.unwrap().is_some()
    };
    assert!(!is_kept(Duration::ZERO).await);
    assert!(is_kept(59 * SECOND).await);
    assert!(!is_kept(60 * SECOND).await);
    // Not where a conversation keeps them.
    let (id, retention) = (conversation(), &stores.retention);
    let set = retention.set_message_retention(&id, Some(Duration::ZERO));
    assert!(set.await.unwrap().is_some());
    assert!(is_kept(120 * SECOND).await);

    let first = stores.log.changes(&id, ChangeNumber::START, 1);
    assert!(first.await.unwrap().changes[0].is_forgotten());
}

#[tokio::test]
async fn nobody_types_who_does_not_participate_whatever_another_node_says() {
    let node = TestNode::start().await;
    create(&node, &["ann", "bo"]).await;
    let bo = node.connect("bo", Dialect::Conversation).await;
    bo.emit("conversation:join", r#"{"conversationId":"c"}"#)
        .await;
    let types = async |name, typist, lasts| {
        let typing = ConversationMessage::Event(ConversationEvent::Typing {
            typist,
            user: identity(name),
            lasts,
            extra: Extra::default(),
        });
        let conversations = &node.app.conversations;
        conversations.received(&conversation(), typing).await;
        bo.received().await
    };
    let lasts = Some(Duration::from_secs(60));
    for (name, is_sent) in [("eve", false), ("ann", true)] {
        let typist = Uuid::new_v4();
        for (lasts, event) in [(lasts, "typing:user:start"), (None, "typing:user:stop")] {
            let received = types(name, typist, lasts).await;
            assert_eq!(received.contains(event), is_sent, "{name}: {received}");
        }
    }

    // Who was told that somebody types is told that they stopped, though they are no participant any more.
    let typist = Uuid::new_v4();
    assert!(types("ann", typist, lasts).await.contains("start"));
    let participants = &node.app.conversations.stores().participants;
    let (id, ann) = (conversation(), user("ann"));
    let ended = participants.end(&id, &ann, &ChangedBy::Admin).await;
    assert!(ended.unwrap().is_some());
    let received = types("ann", typist, None).await;
    assert!(received.contains("typing:user:stop"), "{received}");
}

#[tokio::test]
async fn typing_ends_with_the_server_which_waits_for_what_ends_it() {
    let node = TestNode::start().await;
    create(&node, &["ann", "bo"]).await;
    let bo = node.connect("bo", Dialect::Conversation).await;
    bo.emit("conversation:join", r#"{"conversationId":"c"}"#)
        .await;
    bo.emit("typing:start", r#"{"conversationId":"c"}"#).await;
    let drain = &node.app.drain;
    assert!(drain.finished().now_or_never().is_none(), "it ends later");
    drain.begin();
    drain.finished().await;
}

#[tokio::test]
async fn when_a_user_was_seen_last_is_stored_before_the_server_has_stopped() {
    let node = TestNode::start().await;
    let ann = node.connect("ann", Dialect::Direct).await;
    let app = &node.app;
    for connection in app.users.connections("ann") {
        connection.close(Close::Now, DisconnectReason::ServerShutdown);
    }
    while app.users.connected() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(ann);
    app.drain.begin();
    app.drain.finished().await;
    let users = &app.conversations.stores().users;
    let seen = users.find_all(&[user("ann")]).await.unwrap();
    assert!(seen[0].last_seen_at.is_some());
}
