use std::sync::LazyLock;

use mongodb::bson::spec::BinarySubtype;
use tokio::runtime::Runtime;

use super::*;
use crate::audit::contract::{ENOUGH, T, all_left, contract_suite, many, source};
use crate::audit::line::write;
use crate::audit::{Event, Record};
use crate::config::{MongoPrefix, MongoUri};
use test_support::mongo::{self, Database};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn connect(database: &Database) -> Mongo {
    let uri = MongoUri::parse(database.uri()).unwrap();
    RUNTIME
        .block_on(Mongo::open(&uri, &MongoPrefix::default()))
        .unwrap()
}

fn store(mongo: &Mongo) -> MongoStore {
    let _runtime = RUNTIME.enter();
    MongoStore::new(mongo)
}

fn open() -> Option<(MongoStore, Database)> {
    let database = Database::new()?;
    Some((store(&connect(&database)), database))
}

/// The collection, as another client sees it.
fn logs(database: &Database) -> Collection<Document> {
    connect(database).collection(LOGS)
}

contract_suite!(open);

#[test]
fn a_document_has_the_types_of_the_contract() {
    let Some((mut store, database)) = open() else {
        return;
    };
    let record = Record::at(T, &source(Some("alice")), Event::SocketConnect);
    write(&mut store, std::slice::from_ref(&record)).unwrap();
    let logs = logs(&database);
    let document = RUNTIME.block_on(async { logs.find_one(doc! {}).await });
    let document = document.unwrap().unwrap();
    let id = document.get("_id").and_then(|id| match id {
        Bson::Binary(binary) => Some(binary),
        _ => None,
    });
    assert_eq!(id.unwrap().subtype, BinarySubtype::Uuid);
    assert_eq!(id.unwrap().bytes, record.id().as_bytes());
    let created_at = document.get_datetime("createdAt").unwrap();
    assert_eq!(created_at.timestamp_millis(), T as i64);
    assert_eq!(document.get_str("eventType").unwrap(), "SOCKET_CONNECT");
    assert_eq!(document.get_str("user").unwrap(), "alice");
    assert!(document.get_document("details").unwrap().is_empty());
    assert!(document.get_bool("success").unwrap());
}

#[test]
fn its_indexes_are_those_of_the_contract() {
    let Some((mut store, database)) = open() else {
        return;
    };
    write(
        &mut store,
        &[Record::at(T, &source(None), Event::SocketConnect)],
    )
    .unwrap();
    let logs = logs(&database);
    let names = RUNTIME.block_on(async { logs.list_index_names().await });
    let mut names = names.unwrap();
    names.sort();
    assert_eq!(names, ["_id_", "logs_event", "logs_time", "logs_user"]);
}

#[test]
fn a_document_that_is_rejected_for_its_content_is_named() {
    let Some((mut store, database)) = open() else {
        return;
    };
    let logs = logs(&database);
    // A unique index of another application on a field that some records share.
    let options = IndexOptions::builder().unique(true).build();
    let users = IndexModel::builder()
        .keys(doc! { "user": 1 })
        .options(options);
    RUNTIME
        .block_on(async { logs.create_index(users.build()).await })
        .unwrap();
    let names = ["alice", "bob", "alice", "carol"];
    let records = names.map(|name| Record::at(T, &source(Some(name)), Event::SocketConnect));
    let encoded = records.map(|record| {
        let mut line = Vec::new();
        crate::audit::line::push(&mut line, &record);
        line
    });
    let lines = encoded.each_ref().map(|line| Line::new(line).unwrap());
    // It is a duplicate, but not of its id: treated as one of its id, it would be lost.
    let rejected = store.write(&lines).unwrap();
    assert_eq!(rejected.positions, [2]);
    // Offered again beside one that is stored, and alone.
    assert_eq!(store.write(&lines[2..]).unwrap().positions, [0]);
    let alone = store.write(&lines[2..3]);
    assert!(alone.is_err(), "{alone:?}");
}

#[test]
fn a_server_that_is_away_is_an_error_and_no_more_than_that() {
    if !mongo::is_ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = mongo::Server::start(folder.path());
    let uri = MongoUri::parse(&server.uri("away")).unwrap();
    let mongo = RUNTIME
        .block_on(Mongo::open(&uri, &MongoPrefix::default()))
        .unwrap();
    let mut store = store(&mongo);
    let records = [1, 2].map(|ms| Record::at(T + ms, &source(None), Event::SocketConnect));
    write(&mut store, &records[..1]).unwrap();
    server.stop();
    let error = write(&mut store, &records).unwrap_err();
    assert!(error.code().is_none(), "{error}");
    server.restart();
    write(&mut store, &records).unwrap();
    let found = store
        .reader()
        .read(&crate::audit::Query::default())
        .unwrap();
    assert_eq!(found.records.len(), 2);
}

#[test]
fn servers_that_delete_at_a_time_what_is_too_much_delete_no_more_than_one_would() {
    let Some((mut alone, _alone)) = open() else {
        return;
    };
    let Some((mut first, database)) = open() else {
        return;
    };
    let second = store(&connect(&database));
    for store in [&mut alone, &mut first] {
        write(store, &many()).unwrap();
    }
    let trim = |mut store: MongoStore| {
        while store.trim(ENOUGH).unwrap().is_some() {}
        store
    };
    let others = std::thread::scope(|scope| {
        [first, second]
            .map(|store| scope.spawn(|| trim(store)))
            .map(|thread| thread.join().unwrap())
    });
    let (one, two) = (all_left(&trim(alone)).len(), all_left(&others[0]).len());
    // The last of them may begin where another has just ended.
    assert!(one.abs_diff(two) < one / 16, "{one} {two}");
}
