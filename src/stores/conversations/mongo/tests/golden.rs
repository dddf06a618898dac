//! The documents and indexes as they are in the database, compared with golden texts in canonical
//! extended JSON: applications read them, and older ones have to be read.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::stores::conversations::contract::subject::json as owned;

/// What differs from run to run, by the placeholder that stands for it in the golden text.
struct Placeholders(Vec<(String, &'static str)>);

impl Placeholders {
    /// A value in canonical extended JSON.
    fn json_of(&self, value: Bson) -> Value {
        match value {
            Bson::String(text) => match self.0.iter().find(|(id, _)| *id == text) {
                Some((_, placeholder)) => json!(placeholder),
                None => json!(text),
            },
            Bson::Int32(number) => json!({ "$numberInt": number.to_string() }),
            Bson::Int64(number) => json!({ "$numberLong": number.to_string() }),
            Bson::DateTime(date) => {
                let ms = date.timestamp_millis().to_string();
                json!({ "$date": { "$numberLong": ms } })
            }
            Bson::Binary(binary) => {
                // `Binary(0x0, AP8=)`
                let text = binary.to_string();
                let base64 = text.rsplit([' ', ')']).nth(1).unwrap();
                let subtype = format!("{:02x}", u8::from(binary.subtype));
                json!({ "$binary": { "base64": base64, "subType": subtype } })
            }
            Bson::ObjectId(_) => json!({ "$oid": "<made by the server or the driver>" }),
            Bson::Array(values) => values
                .into_iter()
                .map(|value| self.json_of(value))
                .collect(),
            Bson::Document(fields) => {
                let fields = fields.into_iter();
                fields
                    .map(|(field, value)| (field, self.json_of(value)))
                    .collect()
            }
            Bson::Boolean(value) => json!(value),
            Bson::Null => Value::Null,
            other => panic!("not a type that the store writes: {other:?}"),
        }
    }
}

const COLLECTIONS: [&str; 11] = [
    "users",
    "conversations",
    "participants",
    "messages",
    "receipts",
    "reactions",
    "changes",
    "participantChanges",
    "blocks",
    "revocations",
    "schema",
];

async fn documents(
    stage: &Stage,
    placeholders: &Placeholders,
) -> BTreeMap<&'static str, Vec<Value>> {
    let mut all = BTreeMap::new();
    for name in COLLECTIONS {
        let mut cursor = stage.collection(name).find(doc! {}).await.unwrap();
        let mut found = Vec::new();
        while cursor.advance().await.unwrap() {
            let document = cursor.deserialize_current().unwrap();
            found.push(placeholders.json_of(Bson::Document(document)));
        }
        found.sort_by_key(Value::to_string);
        all.insert(name, found);
    }
    all
}

/// Every field that the store writes, with and without what is optional, and deleted or not.
async fn write_all(stage: &Stage) -> Placeholders {
    let stores = &stage.stores;
    let (c, bo) = (conversation("c"), user("bo"));
    let token = TokenUser {
        id: bo.clone(),
        id_type: crate::model::IdType::Text,
        name: Some("Bo".into()),
        username: Some("Bo".into()),
        avatar_url: Some("b.png".into()),
    };
    stores.users.upsert(&token).await.unwrap();
    stores
        .users
        .record_last_seen(&user("cy"), stage.subject.tick())
        .await
        .unwrap();
    let mut new = new_conversation("c", &["ann", "bo"]);
    new.description.title = Some("Plans".into());
    new.participants[1].key = Some(ContentKey {
        number: 7,
        encrypted: owned("\"key\""),
    });
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    for id in ["d", "e"] {
        let new = new_conversation(id, &["cy"]);
        let _ = stores
            .conversations
            .create(&new, &ChangedBy::Admin)
            .await
            .unwrap();
    }
    stage.subject.tick();
    let last = stage.subject.send("e", "cy", "4").await.id;
    let attachment = Bytes::from_static(b"\0\xff");
    let placeholder = r#"{"_placeholder":true,"num":0}"#.to_owned();
    let whole = NewMessage {
        media: OwnedValue::from_parts(placeholder, vec![attachment]),
        key_number: Some(3),
        extra: extra(r#"{"type":"image"}"#),
        ..named("c", "ann", "\"cipher\"", "t")
    };
    let whole = stores.messages.append(&whole).await.unwrap().value.id;
    let number = NewMessage {
        temp_id: TempId::number("17"),
        ..new_message("c", "ann", "[1.0]")
    };
    let number = stores.messages.append(&number).await.unwrap().value.id;
    let deleted = stage.subject.send("c", "ann", "2").await.id;
    stage.subject.tick();
    stores.receipts.mark_read(&c, &bo, &[whole]).await.unwrap();
    stores
        .receipts
        .mark_delivered(&c, &bo, limit(9))
        .await
        .unwrap();
    let emoji = Emoji::parse("👍").unwrap();
    let reacted = stores.reactions.add(&c, whole, &bo, &emoji).await.unwrap();
    let removed = Emoji::parse("-").unwrap();
    let removed = stores
        .reactions
        .add(&c, whole, &bo, &removed)
        .await
        .unwrap()
        .value
        .id;
    let _ = stores
        .reactions
        .remove(&c, whole, removed, &bo)
        .await
        .unwrap();
    let _ = stores
        .messages
        .edit(&c, number, &user("ann"), &edit("3"))
        .await
        .unwrap();
    stores.messages.hide(&c, number, &bo).await.unwrap();
    let _ = stores
        .messages
        .delete(&c, deleted, &user("ann"))
        .await
        .unwrap();
    let mut di = participant("di", Role::Member);
    di.key = Some(ContentKey {
        number: 8,
        encrypted: owned("\"key\""),
    });
    for who in [
        di,
        participant("eve", Role::Member),
        participant("fay", Role::Member),
    ] {
        let _ = stores
            .participants
            .add(&c, &who, &by("ann"), MAX_ACTIVE)
            .await
            .unwrap();
    }
    for (who, by) in [("eve", by("eve")), ("fay", ChangedBy::Admin)] {
        stores.participants.end(&c, &user(who), &by).await.unwrap();
    }
    let mut pending = new_conversation("f", &["ann", "gus"]);
    pending.participants[1].pending = true;
    let ann = by("ann");
    let _ = stores.conversations.create(&pending, &ann).await.unwrap();
    let (f, gus, seven) = (conversation("f"), user("gus"), user("7"));
    let claimed = stores.pending.claim(&f, &gus, &seven).await;
    assert!(claimed.unwrap().is_some());
    // Another program has made one an admin.
    let role = doc! { "$set": { "role": "admin" } };
    stage
        .update("participants", doc! { "userId": "di" }, role)
        .await;
    stage
        .store
        .log_applications(&[], std::slice::from_ref(&c))
        .await
        .unwrap();
    stores
        .blocks
        .block(&user("bo"), &user("cy"), 9)
        .await
        .unwrap();
    Placeholders(vec![
        (whole.to_string(), "<message 1>"),
        (number.to_string(), "<message 2>"),
        (deleted.to_string(), "<message 3>"),
        (last.to_string(), "<message 4>"),
        (reacted.value.id.to_string(), "<reaction 1>"),
        (removed.to_string(), "<reaction 2>"),
    ])
}

#[tokio::test]
async fn documents_are_the_golden_ones() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let placeholders = write_all(&stage).await;
    let documents = json!(documents(&stage, &placeholders).await);
    let golden: Value = serde_json::from_str(include_str!("../golden/documents.json")).unwrap();
    assert_eq!(documents, golden, "{documents:#}");
}

#[tokio::test]
async fn indexes_are_the_golden_ones() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let mut indexes = BTreeMap::new();
    for name in COLLECTIONS {
        let mut found = BTreeMap::new();
        let mut cursor = stage.collection(name).list_indexes().await.unwrap();
        while cursor.advance().await.unwrap() {
            let index = cursor.deserialize_current().unwrap();
            let options = index.options.unwrap_or_default();
            // The order of the keys matters, so they are a text.
            let definition = json!({
                "keys": index.keys.to_string(),
                "unique": options.unique.unwrap_or(false),
                "sparse": options.sparse.unwrap_or(false),
            });
            found.insert(options.name.unwrap(), definition);
        }
        indexes.insert(name, found);
    }
    let indexes = json!(indexes);
    let golden: Value = serde_json::from_str(include_str!("../golden/indexes.json")).unwrap();
    assert_eq!(indexes, golden, "{indexes:#}");
}
