mod golden;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{join_all, try_join_all};
use mongodb::Collection;
use mongodb::bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use tempfile::tempdir;

use super::db::Db;
use super::store::MongoConversations;
use crate::config::Secret;
use crate::model::TokenUser;
use crate::model::clock::Clock;
use crate::model::conversation::{
    ContentKey, Emoji, Ending, MessageId, NewMessage, ParticipantStatus, Role, TempId, UserStatus,
    Window,
};
use crate::payload::OwnedValue;
use crate::stores::conversations::ConversationStores;
use crate::stores::conversations::contract::contract_suite;
use crate::stores::conversations::contract::subject::*;
use crate::stores::drivers::mongo::Mongo;
use test_support::mongo::{Database, Server, is_ready};

async fn store_at(uri: &str, clock: Arc<ManualClock>) -> Arc<MongoConversations> {
    let mongo = Mongo::open(&Secret::new(uri.to_owned())).await.unwrap();
    Arc::new(MongoConversations::new(&mongo, clock))
}

async fn stores_at(uri: &str, clock: Arc<ManualClock>) -> ConversationStores {
    let stores = ConversationStores::of(store_at(uri, clock).await);
    stores.health.check().await.unwrap();
    stores
}

async fn open(clock: Arc<ManualClock>) -> Option<(ConversationStores, Database)> {
    let database = Database::new()?;
    let stores = stores_at(database.uri(), clock).await;
    Some((stores, database))
}

mod contract {
    use super::{contract_suite, open};
    contract_suite!(open);
}

/// A database as an application sees it, and a node's store of it.
struct Stage {
    clock: Arc<ManualClock>,
    stores: ConversationStores,
    db: Arc<Db>,
    subject: Subject,
    database: mongodb::Database,
    uri: String,
}

impl Stage {
    async fn set() -> Option<Self> {
        let database = Database::new()?;
        let uri = database.uri().to_owned();
        let clock = Arc::new(ManualClock::new());
        let store = store_at(&uri, clock.clone()).await;
        let db = store.db.clone();
        let stores = ConversationStores::of(store);
        stores.health.check().await.unwrap();
        let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
        Some(Self {
            subject: Subject::new(stores.clone(), clock.clone(), database),
            database: client.default_database().unwrap(),
            clock,
            stores,
            db,
            uri,
        })
    }

    fn collection(&self, name: &str) -> Collection<Document> {
        self.database.collection(name)
    }

    async fn insert(&self, name: &str, document: Document) {
        self.collection(name).insert_one(document).await.unwrap();
    }

    async fn update(&self, name: &str, filter: Document, update: Document) {
        let updated = self.collection(name).update_one(filter, update).await;
        assert_eq!(updated.unwrap().modified_count, 1);
    }

    async fn found(&self, name: &str, filter: Document) -> Document {
        let found = self.collection(name).find_one(filter).await.unwrap();
        found.unwrap_or_else(|| panic!("nothing in {name}"))
    }

    /// Another node, or the same one after it was killed.
    async fn another(&self, clock: &Arc<ManualClock>) -> ConversationStores {
        stores_at(&self.uri, clock.clone()).await
    }

    async fn unread(&self, who: &str) -> u64 {
        self.subject.unread("c", who).await
    }
}

fn date(ms: u64) -> DateTime {
    DateTime::from_millis(ms as i64)
}

fn named(at: &str, who: &str, what: &str, name: &str) -> NewMessage {
    NewMessage {
        temp_id: TempId::parse(name),
        ..new_message(at, who, what)
    }
}

fn names(document: &Document) -> Vec<&str> {
    document.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn documents_have_the_fields_of_the_contract() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let (stores, at) = (&stage.stores, stage.subject.tick());
    let token = TokenUser {
        id: user("bo"),
        name: Some("Bo".into()),
        avatar_url: Some("b.png".into()),
    };
    stores.users.upsert(&token).await.unwrap();
    stores
        .users
        .record_last_seen(&user("bo"), at)
        .await
        .unwrap();
    let mut new = new_conversation("c", &["ann", "bo"]);
    new.title = Some("Plans".into());
    stores.conversations.create(&new).await.unwrap();
    let message = NewMessage {
        media: Some(json("[1.0]")),
        key_number: Some(3),
        ..named("c", "ann", "\"cipher\"", "t")
    };
    let id = stores.messages.append(&message).await.unwrap().message.id;
    let (c, bo) = (conversation("c"), user("bo"));
    stores.receipts.mark_read(&c, &bo, &[id]).await.unwrap();
    let emoji = Emoji::parse("👍").unwrap();
    let reacted = stores.reactions.add(&c, id, &bo, &emoji).await.unwrap();

    let bo = stage.found("users", doc! { "id": "bo" }).await;
    let expected = doc! {
        "_id": "bo", "name": "Bo", "avatarUrl": "b.png", "status": "active", "id": "bo",
        "lastSeenAt": date(at),
    };
    assert_eq!(sorted(bo), sorted(expected));
    let c = stage.found("conversations", doc! { "id": "c" }).await;
    let expected = doc! {
        "_id": "c", "id": "c", "title": "Plans", "createdBy": "ann", "createdAt": date(at),
        "lastMessageAt": date(at), "messageCount": 1_i64,
    };
    assert_eq!(sorted(c), sorted(expected));
    let ann = doc! { "conversationId": "c", "userId": "ann" };
    let ann = stage.found("participants", ann).await;
    assert_eq!(ann.get_str("role").unwrap(), "admin");
    assert_eq!(ann.get_str("status").unwrap(), "active");
    assert_eq!(ann.get_datetime("joinedAt").unwrap(), &date(at));
    let id = id.to_string();
    let message = stage.found("messages", doc! { "id": &id }).await;
    let expected = doc! {
        "_id": &id, "id": &id, "conversationId": "c", "senderId": "ann", "content": "cipher",
        "media": { "json": "[1.0]" }, "keyNumber": 3_i64, "tempId": "t", "createdAt": date(at),
        "seq": 1_i64, "sentAs": { "senderId": "ann", "tempId": "t" },
    };
    assert_eq!(sorted(message), sorted(expected));
    let mut receipt = stage.found("receipts", doc! { "messageId": &id }).await;
    receipt.remove("_id");
    let expected = doc! {
        "messageId": &id, "userId": "bo", "conversationId": "c", "deliveredAt": date(at),
        "readAt": date(at),
    };
    assert_eq!(sorted(receipt), sorted(expected));
    let reaction = stage.found("reactions", doc! { "messageId": &id }).await;
    let reacted = reacted.reaction.id.to_string();
    let expected = doc! {
        "_id": &reacted, "id": reacted, "messageId": &id, "conversationId": "c", "userId": "bo",
        "emoji": "👍", "createdAt": date(at),
    };
    assert_eq!(sorted(reaction), sorted(expected));
    // Of a message that was deleted is left what it was, and nothing of what it said.
    let (c, ann) = (conversation("c"), user("ann"));
    let id = MessageId::parse(&id).unwrap();
    stores.messages.delete(&c, id, &ann).await.unwrap();
    let deleted = stage.found("messages", doc! {}).await;
    assert!(
        !names(&deleted)
            .iter()
            .any(|name| ["content", "media", "uncounted"].contains(name))
    );
    assert_eq!(deleted.get_datetime("deletedAt").unwrap(), &date(at));
}

fn sorted(document: Document) -> Vec<(String, Bson)> {
    let mut fields: Vec<_> = document.into_iter().collect();
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

#[tokio::test]
async fn indexes_are_made_at_the_start() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    for (collection, expected) in [
        ("users", &["id_1", "name_1"][..]),
        ("conversations", &["id_1"]),
        (
            "participants",
            &["conversationId_1_userId_1", "userId_1_status_1"],
        ),
        (
            "messages",
            &[
                "conversationId_1_id_1",
                "conversationId_1_sentAs_1",
                "conversationId_1_seq_1",
                "deletedFor_1",
                "uncounted_1",
            ],
        ),
        ("receipts", &["messageId_1_userId_1"]),
        ("reactions", &["messageId_1_userId_1_emoji_1"]),
    ] {
        let names = stage.collection(collection).list_index_names().await;
        let mut names = names.unwrap();
        names.retain(|name| name != "_id_");
        names.sort();
        assert_eq!(names, expected, "{collection}");
    }
}

#[tokio::test]
async fn an_application_adds_participants_and_users_itself() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let stores = &stage.stores;
    stage.subject.with("c", &["ann", "bo"]).await;
    stage.subject.send("c", "ann", "1").await;
    let at = stage.subject.tick();
    stage.subject.send("c", "ann", "2").await;
    let gone = stage.subject.send("c", "ann", "3").await.id;
    stores
        .messages
        .delete(&conversation("c"), gone, &user("ann"))
        .await
        .unwrap();
    let cy = doc! {
        "_id": ObjectId::new(), "conversationId": "c", "userId": "cy", "role": "admin",
        "status": "active", "joinedAt": date(at),
    };
    stage.insert("participants", cy).await;
    // What came since they were added is news.
    assert_eq!(stage.unread("cy").await, 1);
    assert_eq!(stage.subject.seen("c", "cy").await, ["1", "2", "deleted"]);
    stage.subject.send("c", "cy", "4").await;
    stage.subject.send("c", "bo", "5").await;
    assert_eq!(stage.unread("cy").await, 2);
    let (c, cy) = (conversation("c"), user("cy"));
    let delivered = stores
        .receipts
        .mark_delivered(&c, &cy, limit(9))
        .await
        .unwrap();
    assert_eq!(delivered.messages.len(), 2);
    let known = stores.participants.find(&c, &cy).await.unwrap().unwrap();
    assert_eq!((known.role, known.joined_at), (Role::Admin, at));

    // It ends and begins again.
    let this = || doc! { "userId": "cy" };
    stage
        .update(
            "participants",
            this(),
            doc! { "$set": { "status": "left" } },
        )
        .await;
    let late = new_message("c", "cy", "6");
    refused!(stores.messages.append(&late).await, NotParticipant);
    stage.subject.send("c", "bo", "7").await;
    let again = stage.subject.tick();
    let back = doc! { "$set": { "status": "active", "joinedAt": date(again) } };
    stage.update("participants", this(), back).await;
    assert_eq!(stage.unread("cy").await, 0);
    stage.subject.send("c", "bo", "8").await;
    assert_eq!(stage.unread("cy").await, 1);

    // What is not as documented lets nobody in, and stops nobody else.
    for (number, bad) in [
        doc! { "status": "banned" },
        doc! {},
        doc! { "status": 1 },
        doc! { "status": "active", "joinedAt": "yesterday" },
    ]
    .into_iter()
    .enumerate()
    {
        let mut document = doc! { "conversationId": "c", "userId": format!("eve{number}") };
        document.extend(bad);
        stage.insert("participants", document).await;
        let late = new_message("c", &format!("eve{number}"), "9");
        assert!(stores.messages.append(&late).await.is_err());
    }
    let all = stores.participants.list(&c).await.unwrap();
    let active: Vec<_> = all.iter().filter(|one| one.is_active()).collect();
    assert_eq!(active.len(), 3, "{active:?}");
}

#[tokio::test]
async fn an_application_without_conversations_of_its_own_writes_participants_only() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let at = stage.subject.tick();
    for who in ["ann", "bo"] {
        let participant = doc! {
            "conversationId": "c", "userId": who, "status": "active", "joinedAt": date(at),
        };
        stage.insert("participants", participant).await;
    }
    let at = stage.subject.tick();
    stage.subject.send("c", "ann", "1").await;
    assert_eq!(stage.unread("bo").await, 1);
    assert_eq!(stage.unread("ann").await, 0);
    let found = stage.stores.conversations.find(&conversation("c")).await;
    let found = found.unwrap().unwrap();
    assert_eq!((found.created_by, found.last_message_at), (user("ann"), at));
}

#[tokio::test]
async fn users_are_those_of_the_application() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let id = ObjectId::new();
    let eve = doc! { "_id": id, "id": "eve", "name": "Eve", "status": "suspended", "theirs": 1 };
    stage.insert("users", eve).await;
    stage.insert("users", doc! { "id": "ann" }).await;
    let token = |id| TokenUser {
        id: user(id),
        name: Some("New".into()),
        avatar_url: None,
    };
    let eve = stage.stores.users.upsert(&token("eve")).await.unwrap();
    assert_eq!((&*eve.name, eve.status), ("New", UserStatus::Suspended));
    let kept = stage.found("users", doc! { "id": "eve" }).await;
    assert_eq!(kept.get_object_id("_id").unwrap(), id);
    assert_eq!(kept.get_i32("theirs").unwrap(), 1);
    let ann = stage
        .stores
        .users
        .find(&user("ann"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&*ann.name, ann.status), ("ann", UserStatus::Active));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_make_one_order_whatever_their_clocks_say() {
    const EACH: usize = 40;
    let Some(stage) = Stage::set().await else {
        return;
    };
    let ahead = Arc::new(ManualClock::new());
    ahead.set(1_900_000_000_000);
    let other = stage.another(&ahead).await;
    stage.subject.with("c", &["ann", "bo", "cy"]).await;
    let nodes = [&stage.stores, &other];
    let write = async |node: usize, who: &str| {
        let mut ids = Vec::new();
        for number in 0..EACH {
            let new = named("c", who, "1", &format!("{node} {number}"));
            let sent = nodes[node].messages.append(&new).await.unwrap();
            assert!(!sent.repeated);
            ids.push(sent.message.id);
        }
        ids
    };
    let all = join_all([
        write(0, "ann"),
        write(1, "ann"),
        write(0, "bo"),
        write(1, "bo"),
    ])
    .await;
    let mut sent: Vec<_> = all.iter().flatten().copied().collect();
    sent.sort();
    let (c, cy) = (conversation("c"), user("cy"));
    let page = other
        .messages
        .page(&c, &cy, Window::default(), limit(200))
        .await;
    let read: Vec<_> = page.unwrap().messages.iter().map(|one| one.id).collect();
    assert_eq!(read, sent);
    assert_eq!(stage.unread("cy").await, 4 * EACH as u64);
    assert_eq!(stage.unread("ann").await, 2 * EACH as u64);
    let mut seqs = stage
        .collection("messages")
        .find(doc! {})
        .sort(doc! { "id": 1 })
        .await
        .unwrap();
    for seq in 1..=4 * EACH as i64 {
        assert!(seqs.advance().await.unwrap());
        assert_eq!(seqs.current().get_i64("seq").unwrap(), seq);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_devices_on_two_nodes_read_at_once_is_counted_once() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let other = stage.another(&stage.clock).await;
    stage.subject.with("c", &["ann", "bo", "cy"]).await;
    let mut ids = Vec::new();
    for _ in 0..70 {
        ids.push(stage.subject.send("c", "ann", "1").await.id);
    }
    let (c, bo) = (&conversation("c"), &user("bo"));
    let nodes = [&stage.stores, &other];
    let reading = (0..8).map(|turn| {
        nodes[turn % 2]
            .receipts
            .mark_read(c, bo, &ids[turn..60 + turn])
    });
    let deleting = ids[60..].iter().enumerate();
    let (c, ann) = (conversation("c"), user("ann"));
    let deleting = deleting.map(|(turn, id)| nodes[turn % 2].messages.delete(&c, *id, &ann));
    let (read, deleted) = tokio::join!(try_join_all(reading), try_join_all(deleting));
    read.unwrap();
    deleted.unwrap();
    assert_eq!(stage.unread("bo").await, 0);
    assert_eq!(stage.unread("cy").await, 60);
}

#[tokio::test]
async fn a_message_that_was_kept_and_not_counted_is_counted_by_who_comes_next() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann", "bo"]).await;
    let first = named("c", "ann", "1", "t");
    let sent = stage.stores.messages.append(&first).await.unwrap().message;
    // As it is when a node is killed between the two.
    let uncount = async || {
        let at = stage.found("conversations", doc! { "id": "c" }).await;
        let at = at.get_datetime("createdAt").unwrap();
        let set = doc! { "$set": { "messageCount": 0_i64, "lastMessageAt": at } };
        let c = stage.collection("conversations");
        c.update_one(doc! { "id": "c" }, set).await.unwrap();
        let ann = doc! { "userId": "ann" };
        let less = doc! { "$inc": { "counts.passed": -1_i64 }, "$set": { "counts.own": 0_i64 } };
        stage.update("participants", ann, less).await;
    };
    uncount().await;
    let restarted = stage.another(&stage.clock).await;
    let again = restarted.messages.append(&first).await.unwrap();
    assert!(again.repeated && again.message.id == sent.id);
    assert_eq!(
        (stage.unread("ann").await, stage.unread("bo").await),
        (0, 1)
    );

    uncount().await;
    let restarted = stage.another(&stage.clock).await;
    restarted
        .messages
        .append(&new_message("c", "bo", "2"))
        .await
        .unwrap();
    assert_eq!(
        (stage.unread("ann").await, stage.unread("bo").await),
        (1, 1)
    );
}

#[tokio::test]
async fn what_was_counted_and_not_noted_is_not_counted_again() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let stores = &stage.stores;
    stage.subject.with("c", &["ann", "bo"]).await;
    let read = stage.subject.send("c", "ann", "1").await.id;
    let hidden = stage.subject.send("c", "ann", "2").await.id;
    stage.subject.send("c", "ann", "3").await;
    let (c, bo) = (conversation("c"), user("bo"));
    stores.receipts.mark_read(&c, &bo, &[read]).await.unwrap();
    assert!(stores.messages.hide(&c, hidden, &bo).await.unwrap());
    assert_eq!(stage.unread("bo").await, 1);
    let receipts = stage.collection("receipts");
    receipts.delete_many(doc! {}).await.unwrap();
    let shown = doc! { "$unset": { "deletedFor": "" } };
    stage
        .update("messages", doc! { "id": hidden.to_string() }, shown)
        .await;
    let told = stores.receipts.mark_read(&c, &bo, &[read]).await.unwrap();
    assert_eq!(told.messages, [(user("ann"), vec![read])]);
    assert!(stores.messages.hide(&c, hidden, &bo).await.unwrap());
    assert_eq!(stage.unread("bo").await, 1);
}

#[tokio::test]
async fn a_deletion_that_was_left_in_the_middle_is_finished_at_the_next_start() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann", "bo", "cy"]).await;
    let id = stage.subject.send("c", "ann", "1").await.id;
    let (c, cy) = (conversation("c"), user("cy"));
    stage
        .stores
        .receipts
        .mark_read(&c, &cy, &[id])
        .await
        .unwrap();
    let deleted = doc! {
        "$set": { "deletedAt": date(stage.clock.now_ms()), "uncounted": true },
        "$unset": { "content": "" },
    };
    stage
        .update("messages", doc! { "id": id.to_string() }, deleted)
        .await;
    assert_eq!(stage.unread("bo").await, 1);
    for _ in 0..2 {
        stage
            .another(&stage.clock)
            .await
            .health
            .check()
            .await
            .unwrap();
        assert_eq!((stage.unread("bo").await, stage.unread("cy").await), (0, 0));
    }
    let again = stage
        .stores
        .messages
        .delete(&c, id, &user("ann"))
        .await
        .unwrap();
    assert!(again.repeated);
    assert_eq!(stage.unread("bo").await, 0);
}

#[tokio::test]
async fn a_conversation_that_was_left_half_made_is_made_by_who_began_it() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let stores = &stage.stores;
    let making = doc! {
        "_id": "c", "id": "c", "createdBy": "ann", "createdAt": date(stage.clock.now_ms()),
        "messageCount": 0_i64, "making": date(stage.clock.now_ms()),
    };
    stage.insert("conversations", making).await;
    let new = new_conversation("c", &["ann", "bo"]);
    refused!(stores.conversations.create(&new).await, ConversationExists);
    stage.clock.set(stage.clock.now_ms() + 61_000);
    let others = new_conversation("c", &["eve", "ann"]);
    refused!(
        stores.conversations.create(&others).await,
        ConversationExists
    );
    let made = stores.conversations.create(&new).await.unwrap();
    assert_eq!(made.participants.len(), 2);
    refused!(stores.conversations.create(&new).await, ConversationExists);
}

#[tokio::test]
async fn a_message_whose_sender_was_told_that_it_failed_is_a_new_one_when_it_comes_again() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann"]).await;
    let new = named("c", "ann", "1", "t");
    let sent = stage.stores.messages.append(&new).await.unwrap().message;
    let mark_unconfirmed = async |id| {
        let end = stage.db.sequences.of(&conversation("c"));
        end.lock().await.mark_unconfirmed(id);
    };
    mark_unconfirmed(sent.id).await;
    for repeated in [false, true] {
        let again = stage.stores.messages.append(&new).await.unwrap();
        assert_eq!((again.message.id, again.repeated), (sent.id, repeated));
        assert!(again.before.is_empty());
    }
    // Others are told of it before they are told of what came after it.
    mark_unconfirmed(sent.id).await;
    mark_unconfirmed(MessageId::new(uuid::Uuid::now_v7()).unwrap()).await;
    stage.clock.set(4_000_000_000_000);
    let other = named("c", "ann", "2", "u");
    let next = stage.stores.messages.append(&other).await.unwrap();
    let before: Vec<_> = next.before.iter().map(|message| message.id).collect();
    assert_eq!((before, next.repeated), (vec![sent.id], false));
    let next = stage.stores.messages.append(&other).await.unwrap();
    assert!(next.before.is_empty() && next.repeated);
}

#[tokio::test]
async fn a_server_that_is_away_fails_soon_and_recovers() {
    if !is_ready() {
        return;
    }
    let folder = tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let stores = stores_at(&server.uri("away"), Arc::new(ManualClock::new())).await;
    let new = new_conversation("c", &["ann", "bo"]);
    stores.conversations.create(&new).await.unwrap();
    let message = new_message("c", "ann", "1");
    server.stop();
    refused!(stores.messages.append(&message).await, Failed);
    // Those who come then do not wait.
    for _ in 0..100 {
        let asked = stores.health.check().now_or_never();
        refused!(asked.expect("an answer at once"), Failed);
    }
    server.restart();
    let deadline = Instant::now() + Duration::from_secs(30);
    while stores.messages.append(&message).await.is_err() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (c, bo) = (conversation("c"), user("bo"));
    let page = stores
        .messages
        .page(&c, &bo, Window::default(), limit(9))
        .await;
    assert_eq!(page.unwrap().messages.len(), 1);
    let ended = stores.participants.end(&c, &bo, Ending::Left).await;
    assert_eq!(ended.unwrap().unwrap().status, ParticipantStatus::Left);
}
