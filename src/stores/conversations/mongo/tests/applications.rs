//! What applications write to the database themselves.

use super::*;
use crate::model::conversation::UserChange;
use crate::stores::conversations::StoreError;

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
    let _ = stores
        .messages
        .delete(&conversation("c"), gone, &user("ann"))
        .await
        .unwrap();
    let cy = doc! {
        "_id": ObjectId::new(), "conversationId": "c", "userId": "cy", "role": "admin",
        "status": "active", "joinedAt": date(at),
    };
    stage.insert("participants", cy).await;
    // Messages since they were added count as unread.
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
    let known = stage.subject.participant("c", "cy").await.unwrap();
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
    assert_rejected!(stores.messages.append(&late).await, NotParticipant);
    stage.subject.send("c", "bo", "7").await;
    let again = stage.subject.tick();
    let back = doc! { "$set": { "status": "active", "joinedAt": date(again) } };
    stage.update("participants", this(), back).await;
    assert_eq!(stage.unread("cy").await, 0);
    stage.subject.send("c", "bo", "8").await;
    assert_eq!(stage.unread("cy").await, 1);

    // An invalid document admits nobody, and affects nobody else.
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
        id_type: crate::model::IdType::Text,
        name: Some("New".into()),
        username: None,
        avatar_url: None,
    };
    let eve = stage.stores.users.upsert(&token("eve")).await.unwrap();
    assert_eq!((&*eve.name, eve.status), ("New", UserStatus::Suspended));
    let stored = stage.found("users", doc! { "id": "eve" }).await;
    assert_eq!(stored.get_object_id("_id").unwrap(), id);
    assert_eq!(stored.get_i32("theirs").unwrap(), 1);
    let ann = stage
        .stores
        .users
        .find(&user("ann"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&*ann.name, ann.status), ("ann", UserStatus::Active));
}

#[tokio::test]
async fn a_document_that_is_in_the_way_is_named_at_once() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let stores = &stage.stores;
    stage
        .insert("users", doc! { "_id": "bob", "id": "42" })
        .await;
    stage
        .insert("conversations", doc! { "_id": "c", "id": "7" })
        .await;
    let refused = |error: StoreError, collection: &str| {
        let text = error.to_string();
        let named = format!("`relay_{collection}` with the same key in the index `_id_`");
        assert!(text.contains(&named), "{text}");
        assert!(!text.contains("bob"), "{text}");
    };
    let bob = TokenUser {
        id: user("bob"),
        id_type: crate::model::IdType::Text,
        name: None,
        username: None,
        avatar_url: None,
    };
    refused(stores.users.upsert(&bob).await.unwrap_err(), "users");
    let change = UserChange::default();
    let changed = stores.users.change(&user("bob"), &change).await;
    refused(changed.unwrap_err(), "users");
    let seen = stores.users.record_last_seen(&user("bob"), 1).await;
    refused(seen.unwrap_err(), "users");
    let new = new_conversation("c", &["ann"]);
    let created = stores.conversations.create(&new, &by("ann")).await;
    refused(created.unwrap_err(), "conversations");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_application_changes_is_logged_once() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let other = store_at(&stage.uri, stage.clock.clone()).await;
    let (c, at) = (conversation("c"), stage.subject.tick());
    stage.subject.with("c", &["ann", "bo", "di", "fay"]).await;
    stage.subject.with("d", &["ann"]).await;
    let log_of = async |store: &MongoConversations, users: &[&str], at: &[&ConversationId]| {
        let users: Vec<_> = users.iter().map(|name| user(name)).collect();
        let at: Vec<_> = at.iter().map(|id| (*id).clone()).collect();
        store.log_applications(&users, &at).await.unwrap()
    };
    let at_c = async |store| log_of(store, &["ann", "bo", "di"], &[&c]).await;
    assert!(at_c(&stage.store).await.is_empty());
    for (who, set) in [
        ("bo", doc! { "role": "admin", "contentKeyNumber": 3 }),
        ("di", doc! { "status": "left" }),
        ("fay", doc! { "status": "banned" }),
    ] {
        let who = doc! { "conversationId": "c", "userId": who };
        stage
            .update("participants", who, doc! { "$set": set })
            .await;
    }
    for (who, status) in [("cy", "active"), ("eve", "removed")] {
        let new = doc! {
            "conversationId": "c", "userId": who, "status": status, "joinedAt": date(at),
        };
        stage.insert("participants", new).await;
    }
    let elsewhere = log_of(&stage.store, &["gil"], &[&conversation("d")]).await;
    assert!(elsewhere.is_empty());
    // Until it is logged, the snapshot is what the log says; but for what they may do, that counts at once.
    let snapshot = stage.stores.log.snapshot(&c).await.unwrap();
    assert_eq!(snapshot.number.get(), 1);
    assert!(snapshot.participants.contains_key(&user("di")));
    let late = new_message("c", "di", "1");
    assert_rejected!(stage.stores.messages.append(&late).await, NotParticipant);

    let looking = (0..6).map(async |turn| {
        let store = [&stage.store, &other][turn % 2];
        match turn {
            0 | 1 => log_of(store, &[], &[&c]).await,
            _ => log_of(store, &["cy"], &[]).await,
        }
    });
    let logged = join_all(looking).await.into_iter().flatten();
    let mut logged: Vec<_> = logged
        .map(|(id, change)| {
            assert_eq!(id, c);
            change
        })
        .collect();
    logged.sort_by_key(|change| change.number);
    let expected = [
        "2 application changed bo Admin",
        "3 application added cy Member",
        "4 application left di",
        "5 application removed fay",
    ];
    assert_eq!(logged.iter().map(short).collect::<Vec<_>>(), expected);
    assert!(stage.log(&stage.stores).await[1..].iter().eq(&expected));
    assert!(at_c(&other).await.is_empty());
    let snapshot = stage.stores.log.snapshot(&c).await.unwrap();
    assert_eq!(snapshot.number.get(), 5);
    let mut roles: Vec<_> = snapshot.participants.into_iter().collect();
    roles.sort_by(|one, other| one.0.cmp(&other.0));
    let names = [
        ("ann", Role::Admin),
        ("bo", Role::Admin),
        ("cy", Role::Member),
    ];
    assert_eq!(roles, names.map(|(name, role)| (user(name), role)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_an_application_takes_the_last_admin_out_the_oldest_becomes_one() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let c = conversation("c");
    stage.subject.with("c", &["ann", "bo", "cy"]).await;
    let ann = doc! { "conversationId": "c", "userId": "ann" };
    let removed = doc! { "$set": { "status": "removed" } };
    stage.update("participants", ann, removed).await;
    let logged = stage.store.log_applications(&[], std::slice::from_ref(&c));
    let logged = logged.await.unwrap();
    let logged: Vec<_> = logged.iter().map(|(_, change)| short(change)).collect();
    let expected = [
        "2 application removed ann",
        "3 application changed bo Admin",
    ];
    assert_eq!(logged, expected);
    let snapshot = stage.stores.log.snapshot(&c).await.unwrap();
    assert_eq!(snapshot.participants[&user("bo")], Role::Admin);
    let again = stage.store.log_applications(&[], std::slice::from_ref(&c));
    assert!(again.await.unwrap().is_empty());
}

#[tokio::test]
async fn whom_an_application_adds_sees_what_was_sent_since_they_joined() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let c = conversation("c");
    stage.subject.with("c", &["ann"]).await;
    stage.subject.send("c", "ann", "1").await;
    let joined = doc! { "$set": { "history": "joined" } };
    stage
        .update("conversations", doc! { "id": "c" }, joined)
        .await;
    let at = stage.subject.tick();
    for who in ["bo", "cy"] {
        let new = doc! {
            "conversationId": "c", "userId": who, "status": "active", "joinedAt": date(at),
        };
        stage.insert("participants", new).await;
    }
    stage.subject.send("c", "ann", "2").await;
    assert_eq!(stage.subject.seen("c", "bo").await, ["2"]);
    assert_eq!(stage.unread("bo").await, 1);
    // Also of one who has not come yet.
    let mut newcomers = stage.stores.log.newcomers(&c).await.unwrap();
    newcomers.sort();
    let since = ChangeNumber::new(2);
    assert_eq!(newcomers, [(user("bo"), since), (user("cy"), since)]);
    assert_eq!(stage.subject.seen("c", "ann").await, ["1", "2"]);
}
