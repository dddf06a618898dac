//! Whose collections are whose in a MongoDB that others use, too.

use mongodb::bson::{Document, doc, oid::ObjectId};

use super::{create, history, rest, server_in, settings};
use crate::program;
use test_support::mongo::Database;
use test_support::scene::stop;

const ROOM: &str = "\"room\"";
const USERS: [&str; 2] = ["ann", "ben"];

async fn client(database: &Database) -> mongodb::Database {
    let client = mongodb::Client::with_uri_str(database.uri()).await.unwrap();
    client.default_database().unwrap()
}

async fn names(database: &mongodb::Database) -> Vec<String> {
    let mut names = database.list_collection_names().await.unwrap();
    names.retain(|name| !name.starts_with("system."));
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_without_a_prefix_has_stored_is_there_with_one() {
    let Some(database) = Database::new() else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let uri = ("MONGODB_URI", database.uri());
    // An empty variable is a prefix, too.
    let mut earlier = server_in(data.path(), &[uri, ("MONGODB_PREFIX", "")]);
    create(&earlier, ROOM, &USERS).await;
    let body = format!(r#"{{"conversationId":{ROOM},"content":"1"}}"#);
    let sent = rest(&earlier, USERS[0], "POST", "/api/messages", &body).await;
    assert_eq!(sent.status, 201, "{sent:?}");
    stop(&mut earlier);
    let client = client(&database).await;
    let before = names(&client).await;
    assert!(before.contains(&"users".to_owned()), "{before:?}");
    assert!(before.contains(&"logs".to_owned()), "{before:?}");

    let mut relay = server_in(data.path(), &[uri]);
    assert_eq!(history(&relay, USERS[1], ROOM, 10).await.len(), 1);
    relay.logs("the collections of an earlier version were renamed", 2);
    let expected: Vec<_> = before.iter().map(|name| format!("relay_{name}")).collect();
    assert_eq!(names(&client).await, expected);
    let sent = client.collection::<Document>("relay_logs");
    let sent = sent.find_one(doc! { "eventType": "MESSAGE_SENT" }).await;
    assert!(sent.unwrap().is_some());
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_of_the_server_that_is_replaced_is_left_as_it_is() {
    for preset in ["direct", "session", "feed", "chat", "conversation"] {
        let Some(database) = Database::new() else {
            return;
        };
        let client = client(&database).await;
        let theirs = ["conversations", "logs", "messages", "participants", "users"];
        let document = doc! { "username": "eve", "conversationId": ObjectId::new(), "event": "x" };
        for name in theirs {
            for _ in 0..2 {
                let collection = client.collection::<Document>(name);
                collection.insert_one(&document).await.unwrap();
            }
        }
        let data = tempfile::tempdir().unwrap();
        let file = format!(
            "{}/config/presets/{preset}.toml",
            env!("CARGO_MANIFEST_DIR")
        );
        let env = [("MONGODB_URI", database.uri()), ("RELAY_CONFIG", &file)];
        let mut relay = program::start_in(data.path(), &env);
        stop(&mut relay);
        let own = names(&client).await;
        let own: Vec<_> = own
            .iter()
            .filter(|name| !theirs.contains(&name.as_str()))
            .collect();
        assert!(own.iter().all(|name| name.starts_with("relay_")), "{own:?}");
        let stores = preset != "direct" && preset != "session";
        assert_eq!(
            own.contains(&&"relay_messages".to_owned()),
            stores,
            "{preset}: {own:?}"
        );
        for name in theirs {
            let collection = client.collection::<Document>(name);
            assert_eq!(collection.count_documents(doc! {}).await.unwrap(), 2);
            assert_eq!(collection.list_index_names().await.unwrap(), ["_id_"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_among_documents_of_others_names_collection_and_index() {
    for (collection, index) in [
        ("users", "id_1"),
        ("messages", "conversationId_1_seq_1"),
        ("logs", "logs_time"),
    ] {
        let Some(database) = Database::new() else {
            return;
        };
        let theirs = client(&database).await.collection::<Document>(collection);
        let document = doc! { "username": "canary" };
        theirs.insert_one(document).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let env = [("MONGODB_URI", database.uri()), ("MONGODB_PREFIX", "")];
        let ended = program::command_in(data.path())
            .envs(settings(&env))
            .output()
            .unwrap();
        let log = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(1), "{log}");
        assert!(
            log.contains(&format!("mongodb_prefix: `{collection}`")),
            "{log}"
        );
        assert!(log.contains(&format!("`{index}`")), "{log}");
        assert!(!log.contains("canary"), "{log}");
        assert_eq!(theirs.list_index_names().await.unwrap(), ["_id_"]);
    }
}
