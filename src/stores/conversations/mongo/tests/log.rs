//! Changes that were committed and not applied, or are applied again and late.

use std::collections::BTreeMap;

use super::super::apply::apply;
use super::super::documents::TailDocument;
use super::*;

impl Stage {
    /// The last change of the conversation `c`.
    async fn tail(&self) -> TailDocument {
        #[derive(serde::Deserialize)]
        struct Tail {
            tail: TailDocument,
        }
        let tails = self.collection("conversations").clone_with_type::<Tail>();
        let tail = tails.find_one(doc! { "id": "c" }).await.unwrap();
        tail.unwrap().tail
    }

    /// Everything that is stored, but for what the end of the log says.
    async fn everything(&self) -> Vec<Document> {
        let mut all = Vec::new();
        for name in ["participants", "messages", "reactions", "changes"] {
            let collection = self.collection(name);
            let find = collection.find(doc! {}).sort(doc! { "_id": 1 });
            let mut cursor = find.await.unwrap();
            while cursor.advance().await.unwrap() {
                all.push(cursor.deserialize_current().unwrap());
            }
        }
        all
    }
}

/// One change of each kind after the other, with what is stored before each.
async fn one_of_each(stage: &Stage) -> Vec<TailDocument> {
    let stores = &stage.stores;
    let (c, ann, bo) = (conversation("c"), user("ann"), user("bo"));
    let emoji = Emoji::parse("+").unwrap();
    let mut tails = Vec::new();
    let new = new_conversation("c", &["ann", "bo"]);
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    tails.push(stage.tail().await);
    let id = stage.subject.send("c", "ann", "1").await.id;
    tails.push(stage.tail().await);
    let _ = stores
        .messages
        .edit(&c, id, &ann, &edit("2"))
        .await
        .unwrap();
    tails.push(stage.tail().await);
    for _ in 0..2 {
        let reacted = stores.reactions.add(&c, id, &bo, &emoji).await.unwrap();
        tails.push(stage.tail().await);
        let reacted = reacted.value.id;
        let _ = stores.reactions.remove(&c, id, reacted, &bo).await.unwrap();
        tails.push(stage.tail().await);
    }
    let _ = stores.messages.delete(&c, id, &ann).await.unwrap();
    tails.push(stage.tail().await);
    for ending in [by("cy"), ChangedBy::Admin] {
        let new = participant("cy", Role::Member);
        let _ = stores
            .participants
            .add(&c, &new, &by("ann"), MAX_ACTIVE)
            .await
            .unwrap();
        tails.push(stage.tail().await);
        let ended = stores.participants.end(&c, &user("cy"), &ending).await;
        assert!(ended.unwrap().is_some());
        tails.push(stage.tail().await);
    }
    let admin = doc! { "$set": { "role": "admin" } };
    stage
        .update("participants", doc! { "userId": "bo" }, admin)
        .await;
    stage
        .store
        .log_applications(&[], std::slice::from_ref(&c))
        .await
        .unwrap();
    tails.push(stage.tail().await);
    for (who, author) in [("bo", by("bo")), ("ann", by("ann"))] {
        if who == "ann" {
            let new = participant("dan", Role::Member);
            let admin = by("ann");
            let added = stores.participants.add(&c, &new, &admin, MAX_ACTIVE);
            let _ = added.await.unwrap();
            tails.push(stage.tail().await);
        }
        let ended = stores.participants.end(&c, &user(who), &author).await;
        assert!(ended.unwrap().is_some());
        tails.push(stage.tail().await);
    }
    tails
}

const LOG: [&str; 17] = [
    "1 ann created with 2",
    "2 ann sent deleted",
    "3 ann edited deleted",
    "4 bo reacted +",
    "5 bo unreacted +",
    "6 bo reacted +",
    "7 bo unreacted +",
    "8 ann deleted deleted",
    "9 ann added cy Member",
    "10 cy left cy",
    "11 ann added cy Member",
    "12 admin removed cy",
    "13 application changed bo Admin",
    "14 bo left bo",
    "15 ann added dan Member",
    // Committed at once.
    "16 ann left ann",
    "17 ann changed dan Admin",
];

#[tokio::test]
async fn a_late_apply_changes_nothing() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let tails = one_of_each(&stage).await;
    let before = stage.everything().await;
    for tail in tails.iter().chain(tails.iter().rev()) {
        apply(&stage.store.db, tail).await.unwrap();
        assert_eq!(stage.everything().await, before, "{:?}", tail.change);
    }
    assert_eq!(stage.log(&stage.stores).await, LOG);
    assert_eq!(stage.unread("dan").await, 0);
}

/// What a node that reads the log, or changes something, finds of a change that another node has committed
/// and not applied.
#[tokio::test]
async fn what_a_node_leaves_is_finished_by_the_next_one() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let tails = one_of_each(&stage).await;
    let expected = stage.everything().await;
    for name in ["participants", "messages", "reactions", "changes"] {
        stage.collection(name).delete_many(doc! {}).await.unwrap();
    }
    let conversations = stage.collection("conversations");
    for tail in &tails {
        // As it is when a node is killed between the two.
        let number = tail.last().number;
        let bson = mongodb::bson::serialize_to_bson(tail).unwrap();
        let set = doc! { "$set": { "changes": number, "tail": bson } };
        conversations
            .update_one(doc! { "id": "c" }, set)
            .await
            .unwrap();
        let next = stage.another(&stage.clock).await;
        let log = stage.log(&next).await;
        assert_eq!(log.len() as i64, number);
        let (c, start) = (conversation("c"), tail.change.number - 1);
        let start = ChangeNumber::new(start as u64);
        let last = next.log.changes(&c, start, 9).await.unwrap();
        assert_eq!(last.changes.len(), tail.changes().count());
        assert_eq!(last.last.get() as i64, number);
    }
    assert_eq!(comparable(stage.everything().await), comparable(expected));
}

/// Documents without what differs if they are made again: their `_id`s, and the role that an application
/// has written between two changes.
fn comparable(documents: Vec<Document>) -> Vec<BTreeMap<String, Bson>> {
    let fields = |document: Document| {
        let all = document.into_iter();
        all.filter(|(field, _)| field != "_id" && field != "role")
            .collect()
    };
    let mut all: Vec<BTreeMap<_, _>> = documents.into_iter().map(fields).collect();
    all.sort_by_key(|document| format!("{document:?}"));
    all
}

#[tokio::test]
async fn a_creation_that_ended_half_way_is_finished_by_the_next_operation() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann", "bo"]).await;
    let undo = async || {
        for name in ["participants", "changes"] {
            stage.collection(name).delete_many(doc! {}).await.unwrap();
        }
        stage.another(&stage.clock).await
    };
    let next = undo().await;
    let snapshot = next.log.snapshot(&conversation("c")).await.unwrap();
    assert_eq!((snapshot.number.get(), snapshot.participants.len()), (1, 2));
    let next = undo().await;
    let again = new_conversation("c", &["eve"]);
    assert_rejected!(
        next.conversations.create(&again, &by("eve")).await,
        ConversationExists
    );
    assert_eq!(
        next.participants
            .list(&conversation("c"))
            .await
            .unwrap()
            .len(),
        2
    );
    let next = undo().await;
    let sent = next
        .messages
        .append(&new_message("c", "bo", "1"))
        .await
        .unwrap();
    assert_eq!(sent.change.unwrap().number.get(), 2);
    // Where nothing was left, nobody else becomes a participant.
    let late = new_message("c", "eve", "2");
    assert_rejected!(next.messages.append(&late).await, NotParticipant);
    assert_eq!(stage.unread("ann").await, 1);
    assert_eq!(stage.unread("bo").await, 0);
}

/// A head that this node knows, and another node has gone on since.
#[tokio::test]
async fn the_same_message_sent_again_is_found_where_another_node_left_it() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann", "bo"]).await;
    let other = stage.another(&stage.clock).await;
    let new = named("c", "ann", "1", "t");
    let sent = other.messages.append(&new).await.unwrap().value;
    stage
        .collection("messages")
        .delete_many(doc! {})
        .await
        .unwrap();
    let less = doc! { "$inc": { "counts.passed": -1_i64 }, "$set": { "counts.own": 1_i64 } };
    stage
        .update("participants", doc! { "userId": "ann" }, less)
        .await;
    let again = stage.stores.messages.append(&new).await.unwrap();
    assert!(again.change.is_none() && again.value.id == sent.id);
    assert_eq!(
        (stage.unread("ann").await, stage.unread("bo").await),
        (0, 1)
    );
}

#[tokio::test]
async fn a_removed_reaction_is_forgotten_after_a_day() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    one_of_each(&stage).await;
    let count = async || {
        stage
            .collection("reactions")
            .count_documents(doc! {})
            .await
            .unwrap()
    };
    stage.another(&stage.clock).await;
    assert_eq!(count().await, 1);
    stage.clock.advance(24 * 60 * 60 * 1_000 + 1);
    stage.another(&stage.clock).await;
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_user_is_a_member_after_the_numbers_of_memberships() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let stores = &stage.stores;
    let memberships = async |who: &str| {
        let found = stores
            .log
            .memberships(&user(who))
            .await
            .unwrap()
            .into_iter();
        let mut found: Vec<_> = found
            .map(|(id, number)| (id.as_str().to_owned(), number.get()))
            .collect();
        found.sort();
        found
    };
    let of = |expected: &[(&str, u64)]| -> Vec<(String, u64)> {
        let owned = |(id, number): &(&str, u64)| ((*id).to_owned(), *number);
        expected.iter().map(owned).collect()
    };
    stage.subject.with("c", &["ann", "bo"]).await;
    stage.subject.with("d", &["bo"]).await;
    stage.subject.send("c", "ann", "1").await;
    assert_eq!(memberships("bo").await, of(&[("c", 2), ("d", 1)]));
    assert_eq!(memberships("cy").await, of(&[]));
    // Another program has added one; it is no change yet.
    let cy = doc! { "conversationId": "new", "userId": "cy", "status": "active" };
    stage.insert("participants", cy).await;
    assert_eq!(memberships("cy").await, of(&[("new", 0)]));
    // An end that is committed counts, also where it is not applied.
    let before = stage.found(
        "participants",
        doc! { "userId": "bo", "conversationId": "c" },
    );
    let before = before.await;
    let c = conversation("c");
    let ended = stores.participants.end(&c, &user("bo"), &by("bo")).await;
    assert!(ended.unwrap().is_some());
    assert_eq!(memberships("bo").await, of(&[("d", 1)]));
    let participants = stage.collection("participants");
    let this = doc! { "_id": before.get_object_id("_id").unwrap() };
    participants.replace_one(this, before).await.unwrap();
    assert_eq!(memberships("bo").await, of(&[("d", 1)]));
}
