//! Databases of releases without a log.

use super::*;

/// A database as the release before left it: the message was stored, and not counted.
async fn old(stage: &Stage) -> Vec<String> {
    stage
        .collection("schema")
        .delete_many(doc! {})
        .await
        .unwrap();
    let at = stage.subject.tick();
    let conversation = doc! {
        "_id": "c", "id": "c", "createdBy": "ann", "createdAt": date(at), "lastMessageAt": date(at),
        "messageCount": 1_i64,
    };
    stage.insert("conversations", conversation).await;
    stage
        .insert(
            "conversations",
            doc! { "_id": ObjectId::new(), "id": "empty" },
        )
        .await;
    for (who, role, own, passed) in [("ann", "admin", 1_i64, 1_i64), ("bo", "member", 0, 0)] {
        let counts = doc! {
            "joinedAt": date(at), "since": 0_i64, "passed": passed, "delivered": 0_i64, "own": own,
            "counted": [],
        };
        let participant = doc! {
            "conversationId": "c", "userId": who, "role": role, "status": "active",
            "joinedAt": date(at), "counts": counts, "contentKeyNumber": 7_i64,
            "encryptedContentKey": "key",
        };
        stage.insert("participants", participant).await;
    }
    let bad = doc! { "conversationId": "c", "userId": 1, "status": "active" };
    stage.insert("participants", bad).await;
    let mut ids = Vec::new();
    for seq in 1..=2_i64 {
        let id = uuid::Uuid::now_v7().to_string();
        let message = doc! {
            "_id": &id, "id": &id, "conversationId": "c", "senderId": "ann", "seq": seq,
            "sentAs": &id, "createdAt": date(at), "content": seq.to_string(),
        };
        stage.insert("messages", message).await;
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn an_old_database_is_upgraded_once() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let ids = old(&stage).await;
    // Two nodes of the new release start at once.
    let clock = &stage.clock;
    let (one, two) = tokio::join!(stage.another(clock), stage.another(clock));
    let c = stage.found("conversations", doc! { "id": "c" }).await;
    assert_eq!(c.get_i64("changes").unwrap(), 2);
    assert_eq!(c.get_i64("messageCount").unwrap(), 2);
    assert_eq!(c.get_str("lastMessageId").unwrap(), ids[1]);
    let empty = stage.found("conversations", doc! { "id": "empty" }).await;
    assert_eq!(empty.get_i64("changes").unwrap(), 0);
    let bo = stage.found("participants", doc! { "userId": "bo" }).await;
    let logged = doc! {
        "status": "active", "role": "member", "keyNumber": 7_i64, "number": 0_i64,
    };
    assert_eq!(bo.get_document("logged").unwrap(), &logged);
    let marker = stage.found("schema", doc! {}).await;
    assert_eq!(marker, doc! { "_id": "conversations", "version": 1 });

    assert_eq!(
        (stage.unread("ann").await, stage.unread("bo").await),
        (0, 2)
    );
    let asked = ["c", "empty", "no"].map(conversation);
    let mut heads = one.shared_log.as_ref().unwrap().last(&asked).await.unwrap();
    heads.sort();
    let heads: Vec<_> = heads
        .iter()
        .map(|(id, last)| (id.as_str(), last.get()))
        .collect();
    assert_eq!(heads, [("c", 2), ("empty", 0)]);
    let snapshot = two.log.snapshot(&conversation("c")).await.unwrap();
    assert_eq!((snapshot.number.get(), snapshot.participants.len()), (2, 2));
    // The log goes on where the messages end.
    let _ = one
        .messages
        .append(&new_message("c", "bo", "3"))
        .await
        .unwrap();
    let (c, ann) = (conversation("c"), user("ann"));
    let first = MessageId::parse(&ids[0]).unwrap();
    let _ = two.messages.delete(&c, first, &ann).await.unwrap();
    let expected = [
        "1 ann sent deleted",
        "2 ann sent \"2\"",
        "3 bo sent 3",
        "4 ann deleted deleted",
    ];
    assert_eq!(stage.log(&one).await, expected);
    assert_eq!(
        (stage.unread("ann").await, stage.unread("bo").await),
        (1, 1)
    );
    assert_eq!(stage.subject.slice("c", "bo", 1, 9).await.total, 3);
    // What an application adds from now on is a change.
    stage.stores.health.check().await.unwrap();
    assert!(
        stage
            .store
            .log_applications(&[], std::slice::from_ref(&c))
            .await
            .unwrap()
            .is_empty()
    );
    let cy = doc! { "conversationId": "c", "userId": "cy", "status": "active" };
    stage.insert("participants", cy).await;
    let again = stage.another(clock).await;
    assert!(
        !again
            .log
            .snapshot(&c)
            .await
            .unwrap()
            .participants
            .is_empty()
    );
    let logged = stage
        .store
        .log_applications(&[], std::slice::from_ref(&c))
        .await
        .unwrap();
    assert_eq!(
        logged
            .iter()
            .map(|(_, change)| short(change))
            .collect::<Vec<_>>(),
        ["5 application added cy Member"]
    );
}

#[tokio::test]
async fn an_empty_database_has_the_marker_at_once() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let marker = stage.found("schema", doc! {}).await;
    assert_eq!(marker, doc! { "_id": "conversations", "version": 1 });
    // Another program inserts a conversation without a log, and it has one from the first change on.
    let at = stage.subject.tick();
    stage
        .insert("conversations", doc! { "id": "c", "createdBy": "bo" })
        .await;
    let ann = doc! {
        "conversationId": "c", "userId": "ann", "status": "active", "joinedAt": date(at),
    };
    stage.insert("participants", ann).await;
    let c = conversation("c");
    assert_eq!(stage.stores.log.snapshot(&c).await.unwrap().number.get(), 0);
    let sent = stage
        .stores
        .messages
        .append(&new_message("c", "ann", "1"))
        .await;
    assert_eq!(sent.unwrap().change.unwrap().number.get(), 1);
    let stored = stage.found("conversations", doc! { "id": "c" }).await;
    assert_eq!(stored.get_str("createdBy").unwrap(), "bo");
}
