//! What applications find in the database.

use super::*;

#[tokio::test]
async fn documents_have_the_fields_of_the_contract() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let (stores, at) = (&stage.stores, stage.subject.tick());
    let token = TokenUser {
        id: user("bo"),
        id_type: crate::model::IdType::Text,
        name: Some("Bo".into()),
        username: Some("Bo".into()),
        avatar_url: Some("b.png".into()),
    };
    stores.users.upsert(&token).await.unwrap();
    stores
        .users
        .record_last_seen(&user("bo"), at)
        .await
        .unwrap();
    let mut new = new_conversation("c", &["ann", "bo"]);
    new.description.title = Some("Plans".into());
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    let message = NewMessage {
        media: Some(json("[1.0]")),
        key_number: Some(3),
        ..named("c", "ann", "\"cipher\"", "t")
    };
    let id = stores.messages.append(&message).await.unwrap().value.id;
    let (c, bo) = (conversation("c"), user("bo"));
    stores.receipts.mark_read(&c, &bo, &[id]).await.unwrap();
    let emoji = Emoji::parse("👍").unwrap();
    let reacted = stores.reactions.add(&c, id, &bo, &emoji).await.unwrap();

    let bo = stage.found("users", doc! { "id": "bo" }).await;
    let expected = doc! {
        "_id": "bo", "name": "Bo", "avatarUrl": "b.png", "status": "active", "id": "bo",
        "lastSeenAt": date(at), "username": "Bo",
    };
    assert_eq!(sorted(bo), sorted(expected));
    let mut c = stage.found("conversations", doc! { "id": "c" }).await;
    assert!(c.remove("tail").is_some());
    let expected = doc! {
        "_id": "c", "id": "c", "title": "Plans", "createdBy": "ann", "createdAt": date(at),
        "lastMessageAt": date(at), "messageCount": 1_i64, "lastMessageId": id.to_string(),
        "changes": 3_i64,
    };
    assert_eq!(sorted(c), sorted(expected));
    let ann = doc! { "conversationId": "c", "userId": "ann" };
    let ann = stage.found("participants", ann).await;
    assert_eq!(ann.get_str("role").unwrap(), "admin");
    assert_eq!(ann.get_str("status").unwrap(), "active");
    assert_eq!(ann.get_datetime("joinedAt").unwrap(), &date(at));
    let id = id.to_string();
    let mut message = stage.found("messages", doc! { "id": &id }).await;
    assert!(message.remove("fingerprint").is_some());
    let expected = doc! {
        "_id": &id, "id": &id, "conversationId": "c", "senderId": "ann", "content": "cipher",
        "media": { "json": "[1.0]" }, "keyNumber": 3_i64, "tempId": "t", "createdAt": date(at),
        "seq": 2_i64, "sentAs": { "senderId": "ann", "tempId": "t" },
    };
    assert_eq!(sorted(message), sorted(expected));
    let mut receipt = stage.found("receipts", doc! { "messageId": &id }).await;
    receipt.remove("_id");
    let expected = doc! {
        "messageId": &id, "userId": "bo", "conversationId": "c", "deliveredAt": date(at),
        "readAt": date(at), "changedAt": date(at),
    };
    assert_eq!(sorted(receipt), sorted(expected));
    let reaction = stage.found("reactions", doc! { "messageId": &id }).await;
    let reacted = reacted.value.id.to_string();
    let expected = doc! {
        "_id": &reacted, "id": reacted, "messageId": &id, "conversationId": "c", "userId": "bo",
        "emoji": "👍", "createdAt": date(at), "number": 3_i64,
    };
    assert_eq!(sorted(reaction), sorted(expected));
    // Of a message that was deleted is left what it was, and nothing of what it said.
    let (c, ann) = (conversation("c"), user("ann"));
    let id = MessageId::parse(&id).unwrap();
    let _ = stores.messages.delete(&c, id, &ann).await.unwrap();
    let deleted = stage.found("messages", doc! {}).await;
    assert!(
        !names(&deleted)
            .iter()
            .any(|name| ["content", "media", "uncounted"].contains(name))
    );
    assert_eq!(deleted.get_datetime("deletedAt").unwrap(), &date(at));
    for name in ["conversations", "changes"] {
        let mut documents = stage.collection(name).find(doc! {}).await.unwrap();
        while documents.advance().await.unwrap() {
            let text = documents.deserialize_current().unwrap().to_string();
            assert!(!text.contains("cipher"), "{name}: {text}");
        }
    }
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
        (
            "users",
            &["givenName_1", "id_1", "name_1", "numericId_1", "username_1"][..],
        ),
        ("conversations", &["id_1", "messageRetention_1"]),
        (
            "participants",
            &["conversationId_1_userId_1", "userId_1_status_1"],
        ),
        (
            "messages",
            &[
                "conversationId_1_createdAt_1",
                "conversationId_1_id_1",
                "conversationId_1_sentAs_1",
                "conversationId_1_seq_1",
                "deletedFor_1",
                "uncounted_1",
            ],
        ),
        (
            "receipts",
            &["conversationId_1_changedAt_1", "messageId_1_userId_1"],
        ),
        (
            "reactions",
            &["messageId_1_userId_1_emoji_1", "removedAt_1"],
        ),
        (
            "changes",
            &["at_1", "conversationId_1_number_1", "messageId_1"],
        ),
    ] {
        let names = stage.collection(collection).list_index_names().await;
        let mut names = names.unwrap();
        names.retain(|name| name != "_id_");
        names.sort();
        assert_eq!(names, expected, "{collection}");
    }
}
