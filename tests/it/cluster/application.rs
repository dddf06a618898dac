//! An application that reads and writes the MongoDB of a deployment beside its relays.

use futures_util::TryStreamExt as _;
use mongodb::Database;
use mongodb::bson::{DateTime, Document, doc};
use serde_json::{Value, json};

use test_support::mongo::Server;

/// The database of the relays.
pub(super) const DATABASE: &str = "nodes";

/// Makes a user a participant with this status.
pub(super) fn set_participant(mongodb: &Server, conversation: &str, user: &str, status: &str) {
    run(async {
        let participants = database(mongodb).await;
        let participants = participants.collection::<Document>("relay_participants");
        let id = doc! { "conversationId": conversation, "userId": user };
        let now = DateTime::now();
        let set = doc! { "$set": { "role": "member", "status": status, "joinedAt": now } };
        participants.update_one(id, set).upsert(true).await.unwrap();
    });
}

/// The log of a conversation in the order of its numbers, as JSON: each change with what clients are told of it.
pub(super) fn log(mongodb: &Server, conversation: &str) -> String {
    let mut changes = run(async {
        let database = database(mongodb).await;
        let sent = all(&database, "messages", conversation).await;
        let sent = sent.into_iter().map(|message| {
            json!({ "number": number(&message, "seq"), "kind": "new", "id": text(&message, "id") })
        });
        let others = all(&database, "changes", conversation).await;
        let others = others.into_iter().map(|change| {
            let kind = match text(&change, "kind").as_str() {
                Some("left") => "removed".into(),
                _ => text(&change, "kind"),
            };
            let first = change
                .get_array("participants")
                .ok()
                .and_then(|all| all.first());
            let first = first.and_then(|first| Some(text(first.as_document()?, "userId")));
            json!({
                "number": number(&change, "number"),
                "kind": kind,
                "id": text(&change, "messageId"),
                "reaction": text(&change, "reactionId"),
                "name": match text(&change, "userId") {
                    Value::Null => first.unwrap_or_default(),
                    user => user,
                },
            })
        });
        sent.chain(others).collect::<Vec<_>>()
    });
    changes.sort_by_key(|change| change["number"].as_i64());
    Value::Array(changes).to_string()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(future)
}

async fn database(mongodb: &Server) -> Database {
    let client = mongodb::Client::with_uri_str(mongodb.uri(DATABASE)).await;
    client.unwrap().default_database().unwrap()
}

async fn all(database: &Database, collection: &str, conversation: &str) -> Vec<Document> {
    let collection = database.collection::<Document>(&format!("relay_{collection}"));
    let found = collection.find(doc! { "conversationId": conversation });
    found.await.unwrap().try_collect().await.unwrap()
}

fn number(document: &Document, field: &str) -> i64 {
    let value = document.get(field).unwrap();
    let small = value.as_i32().map(i64::from);
    value.as_i64().or(small).unwrap()
}

fn text(document: &Document, field: &str) -> Value {
    document.get_str(field).map_or(Value::Null, Value::from)
}
