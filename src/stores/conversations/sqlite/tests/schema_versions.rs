//! The schema of the file, its versions, and the query plans that its indexes make possible.

use super::*;

#[tokio::test]
async fn the_file_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let stores = with_a_conversation(folder.path()).await;
    stores.health.close().await.unwrap();
    let version = |set: &str| {
        let other = Connection::open(file(folder.path())).unwrap();
        other.execute_batch(set).unwrap();
        let version = other.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
        version.unwrap()
    };
    let known = schema::MIGRATIONS.len() as u32;
    assert_eq!(version(""), known);
    assert_eq!(version("PRAGMA user_version = 99"), 99);
    let refused = SqliteConversations::open(folder.path(), Arc::new(ManualClock::new()));
    assert!(
        matches!(refused, Err(OpenError::Newer { found: 99, .. })),
        "{refused:?}"
    );
    assert_eq!(version(""), 99);
}

#[tokio::test]
async fn a_file_of_the_first_version_is_migrated_with_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let first = &schema::MIGRATIONS[..1];
    let old = sqlite::open(folder.path(), FILE_NAME, schema::SETTINGS, first).unwrap();
    old.execute_batch("INSERT INTO users (id, name, status) VALUES ('u1', 'Ann', 'active')")
        .unwrap();
    drop(old);
    let stores = reopen(folder.path());
    let found = stores.users.addressed(&["Ann".into()]).await.unwrap();
    assert_eq!(found[0].id, user("u1"));
    assert_eq!(found.len(), 1);
}

/// How SQLite goes about a query, step by step.
fn plan(sql: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    drop(reopen(folder.path()));
    let db = Connection::open(file(folder.path())).unwrap();
    let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = explain.raw_query().mapped(|row| row.get("detail"));
    steps.collect::<Result<_, _>>().unwrap()
}

#[test]
fn users_are_looked_up_by_what_they_are_called_in_indexes() {
    let steps = plan(users::ADDRESSED);
    assert_eq!(steps[0], "MULTI-INDEX OR");
    assert!(steps.iter().all(|step| !step.contains("SCAN")), "{steps:?}");
}

#[test]
fn revocations_are_listed_by_their_ids() {
    let expected = ["SEARCH revocations USING INDEX revocations_id (id>?)"];
    assert_eq!(plan(revocations::LIST), expected);
}

#[test]
fn names_in_a_conversation_are_read_in_their_order() {
    let expected = [
        "SEARCH c USING COVERING INDEX sqlite_autoindex_conversations_1 (id=?)",
        "SEARCH p USING PRIMARY KEY (conversation=?)",
        "SEARCH u USING PRIMARY KEY (id=?) LEFT-JOIN",
    ];
    assert_eq!(plan(participant_rows::NAMES), expected);
}

#[test]
fn a_history_is_read_message_by_message() {
    for sql in [history::OLDEST, history::NEWEST, history::SLICE] {
        let plan = plan(sql);
        // All would be read to be sorted.
        let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
        let by_index = plan[0].starts_with("SEARCH m USING INDEX");
        assert!(by_index && !sorts, "{plan:?}");
    }
}

#[test]
fn a_part_of_a_list_reads_no_history() {
    let steps = plan(lists::LIST);
    assert!(steps.iter().all(|step| !step.contains("SCAN")), "{steps:?}");
    let last = |step: &String| step.contains("messages_age (conversation=? AND createdAt<?)");
    assert!(steps.iter().any(last), "{steps:?}");
}

/// Every table and index, as the file describes it.
fn described(db: &Connection) -> Vec<(String, Option<String>)> {
    let mut select = db
        .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
        .unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_migration_leads_to_the_newest_schema() {
    let folder = tempfile::tempdir().unwrap();
    let newest = schema::MIGRATIONS;
    let fresh = sqlite::open(folder.path(), "fresh.db", schema::SETTINGS, newest).unwrap();
    for version in 1..=newest.len() {
        let name = format!("{version}.db");
        let known = &newest[..version];
        drop(sqlite::open(folder.path(), &name, schema::SETTINGS, known).unwrap());
        let opened = sqlite::open(folder.path(), &name, schema::SETTINGS, newest).unwrap();
        let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
        let tables: u32 = opened.query_row(tables, [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 15);
        assert_eq!(described(&opened), described(&fresh));
        let mode: String = opened
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .unwrap();
        let synchronous: u32 = opened
            .pragma_query_value(None, "synchronous", |row| row.get(0))
            .unwrap();
        assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    }
}

/// A released schema never changes: other programs read the file, and older files have to open.
#[test]
fn the_schema_is_the_golden_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(reopen(folder.path()));
    let db = Connection::open(file(folder.path())).unwrap();
    assert_eq!(sqlite::schema_of(&db), include_str!("../golden/schema.sql"));
    let version: u32 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 16);
}
