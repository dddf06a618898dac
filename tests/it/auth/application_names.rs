//! Names of users whose tokens have none, from a collection that an application has beside those of the relay.

use std::time::{Duration, Instant};

use mongodb::IndexModel;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use serde_json::json;

use crate::clients::{ADMIN_TOKEN, run};
use crate::program;
use test_support::harness::Relay;
use test_support::mongo::{self, Database, Server};
use test_support::raw::Client;
use test_support::raw::http::{self, Response};
use test_support::raw::token::for_user;
use test_support::scene::stop;
use test_support::wait::until_noticed;

/// The suite run from here.
pub(super) const SUITE: &str = "auth/application-names";

const COLLECTION: &str = "people";

#[test]
fn auth_application_names_by_their_ids() {
    let (first, second) = (ObjectId::new(), ObjectId::new());
    let people = [
        doc! { "_id": first, "name": "Ann" },
        doc! { "_id": second, "name": "Ben" },
        doc! { "_id": 4_211, "name": 7 },
        doc! { "_id": "by-text", "name": "Cem" },
        doc! { "_id": "nameless", "name": { "first": "Dee" } },
    ];
    let told = json!([
        { "id": first.to_hex(), "name": "Ann" },
        { "id": second.to_hex(), "name": "Ben" },
        { "id": "4211", "name": "7" },
        { "id": "by-text", "name": "Cem" },
    ]);
    with(&people, &told, &[]);
}

#[test]
fn auth_application_names_by_fields_of_the_settings() {
    let people = [
        doc! { "uid": 1_i64 << 40, "profile": { "name": "Ann" } },
        doc! { "uid": "b", "profile": { "name": "Ben" } },
        doc! { "uid": 42.0, "profile": { "name": "Cem" } },
        doc! { "uid": "nameless", "profile": "Dee" },
    ];
    let told = json!([
        { "id": (1_i64 << 40).to_string(), "name": "Ann" },
        { "id": "b", "name": "Ben" },
        { "id": "42", "name": "Cem" },
    ]);
    let fields = [
        ("USERS_ID_FIELD", "uid"),
        ("USERS_NAME_FIELD", "profile.name"),
    ];
    with(&people, &told, &fields);
}

fn with(people: &[Document], told: &serde_json::Value, fields: &[(&str, &str)]) {
    let Some(database) = Database::new() else {
        return;
    };
    insert(&database, people);
    let settings = [
        ("RATE_LIMITS", "off"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("MONGODB_URI", database.uri()),
        ("USERS_COLLECTION", COLLECTION),
    ];
    let told = told.to_string();
    let private = [("PEOPLE", told.as_str()), ("NAMELESS", "nameless")];
    run(SUITE, &[&settings, fields].concat(), &private);
}

fn insert(database: &Database, people: &[Document]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = mongodb::Client::with_uri_str(database.uri()).await.unwrap();
        let database = client.default_database().unwrap();
        let collection = database.collection::<Document>(COLLECTION);
        collection.insert_many(people).await.unwrap();
    });
}

/// Longer than the store is waited for before it counts as away.
const GIVEN_UP: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_kept_out_while_names_cannot_be_read() {
    if !mongo::is_ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let uri = server.uri("names");
    let settings = [
        ("MONGODB_URI", uri.as_str()),
        ("USERS_COLLECTION", COLLECTION),
    ];
    let mut relay = program::start(&settings);
    let _known = Client::connect(&relay, "known").await;
    server.pause();
    let first = Instant::now();
    Client::connect(&relay, "first").await;
    assert!(first.elapsed() < GIVEN_UP, "{:?}", first.elapsed());
    // From now on nobody waits, whether they were here before or not.
    let others = Instant::now();
    for user in ["known", "second", "third", "first", "fourth"] {
        let answer = request(&relay, user).await;
        assert!(answer.status != 401 && answer.status != 403, "{answer:?}");
        Client::connect(&relay, user).await;
    }
    assert!(others.elapsed() < GIVEN_UP / 2, "{:?}", others.elapsed());
    server.resume();
    Client::connect(&relay, "fifth").await;
    drop(server);
    Client::connect(&relay, "sixth").await;
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_without_an_index_is_named_until_it_has_one() {
    let Some(database) = Database::new() else {
        return;
    };
    let client = mongodb::Client::with_uri_str(database.uri()).await.unwrap();
    let application = client.default_database().unwrap();
    let people = application.collection::<Document>(COLLECTION);
    people.insert_one(doc! { "uid": "ann" }).await.unwrap();
    let settings = [
        ("MONGODB_URI", database.uri()),
        ("USERS_COLLECTION", COLLECTION),
    ];
    let uid = [&settings[..], &[("USERS_ID_FIELD", "uid")]].concat();
    let (mut by_id, mut by_uid) = (program::start(&settings), program::start(&uid));
    let notice = "people has no index that begins with uid (users_id_field)";
    until_noticed(&by_uid, notice, true).await;
    let index = IndexModel::builder().keys(doc! { "uid": 1 }).build();
    people.create_index(index).await.unwrap();
    until_noticed(&by_uid, notice, false).await;
    // When it begins, and when it ends.
    by_uid.logs(notice, 2);
    until_noticed(&by_id, "no index", false).await;
    stop(&mut by_id);
    stop(&mut by_uid);
}

async fn request(relay: &Relay, user: &str) -> Response {
    let bearer = format!("Bearer {}", for_user(user));
    let headers = [("Authorization", &*bearer)];
    http::request(relay, "GET", "/api/conversations", &headers, b"").await
}
