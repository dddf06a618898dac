use std::collections::HashMap;

use super::*;
use crate::config::{MongoPrefix, MongoUri};
use crate::model::FactType;
use crate::webhooks::fact::FactId;
use crate::webhooks::progress::{Dead, Selection, id_at};
use test_support::mongo::Database;

const ENDPOINT: &str = "push";

async fn open() -> Option<(Mongo, Database)> {
    let database = tokio::task::spawn_blocking(Database::new).await.unwrap()?;
    let uri = MongoUri::parse(database.uri()).unwrap();
    let mongo = Mongo::open(&uri, &MongoPrefix::default()).await.unwrap();
    Some((mongo, database))
}

fn fact(ms: u64, part: u16) -> FactId {
    FactId {
        record: id_at(ms),
        part,
    }
}

fn dead(id: FactId) -> Dead {
    Dead {
        id,
        kind: FactType::UserOnline,
        subject: "user:bob".into(),
        outcome: Some("status"),
    }
}

async fn is_taken(cursors: &Cursors) -> bool {
    let taken = cursors.take(ENDPOINT, &Step::default()).await;
    matches!(taken, Err(ProgressError::Taken))
}

async fn cannot_load(cursors: &Cursors) -> bool {
    let loaded = cursors.load(ENDPOINT, id_at(9)).await;
    matches!(loaded, Err(ProgressError::Taken))
}

#[tokio::test]
async fn an_endpoint_goes_on_where_it_was_with_what_waits_and_what_was_told_lately() {
    let Some((mongo, _database)) = open().await else {
        return;
    };
    let one = Cursors::new(&mongo, "one");
    let began = one.load(ENDPOINT, id_at(1_000)).await.unwrap();
    assert_eq!((began.began, began.position), (id_at(1_000), id_at(1_000)));
    let step = Step {
        position: id_at(50_000),
        waiting: vec![fact(2_000, 0), fact(48_000, 1)],
        done: vec![fact(3_000, 0), fact(45_000, 0)],
        ..Step::default()
    };
    assert_eq!(one.take(ENDPOINT, &step).await.unwrap(), None);
    let step = Step {
        position: id_at(49_000),
        done: vec![fact(48_000, 1)],
        dead: vec![dead(fact(2_000, 0)), dead(fact(2_500, 3))],
        ..Step::default()
    };
    assert_eq!(one.take(ENDPOINT, &step).await.unwrap(), Some(2));
    let listed = one.dead(ENDPOINT, Some(fact(2_000, 0)), 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].id, &*listed[0].kind),
        (fact(2_500, 3), "user.online")
    );
    let early = Selection::Times {
        from: None,
        to: Some(2_500),
    };
    let revived = one.revive(ENDPOINT, &early, 60_000).await.unwrap();
    assert_eq!(revived, (vec![fact(2_000, 0)], 1));

    let again = Cursors::new(&mongo, "one");
    let progress = again.load(ENDPOINT, id_at(9)).await.unwrap();
    assert_eq!(
        (progress.began, progress.position),
        (id_at(1_000), id_at(50_000))
    );
    assert_eq!(progress.waiting, [fact(2_000, 0)].into());
    assert_eq!(progress.recent, [fact(45_000, 0), fact(48_000, 1)].into());
    assert_eq!(progress.replayed, HashMap::from([(fact(2_000, 0), 60_000)]));
    assert_eq!(progress.dead, 1);
}

#[tokio::test]
async fn a_cursor_has_one_owner_its_node_before_an_heir() {
    let Some((mongo, _database)) = open().await else {
        return;
    };
    let (one, two) = (Cursors::new(&mongo, "one"), Cursors::new(&mongo, "two"));
    one.load(ENDPOINT, id_at(1)).await.unwrap();
    two.load(ENDPOINT, id_at(1)).await.unwrap();
    assert!(!is_taken(&one).await && !is_taken(&two).await);
    // It is owned.
    assert_eq!(two.abandoned(ENDPOINT).await.unwrap(), [""; 0]);
    let heir = two.of_node("one");
    assert!(cannot_load(&heir).await);
    // A new process of the node takes it over, and the one before does not take it back.
    let again = Cursors::new(&mongo, "one");
    again.load(ENDPOINT, id_at(1)).await.unwrap();
    assert!(is_taken(&one).await && cannot_load(&one).await);
    // That has asked for it.
    assert!(is_taken(&again).await);
    one.load(ENDPOINT, id_at(1)).await.unwrap();

    one.release(ENDPOINT, false).await.unwrap();
    assert_eq!(two.abandoned(ENDPOINT).await.unwrap(), ["one"]);
    heir.load(ENDPOINT, id_at(1)).await.unwrap();
    assert_eq!(two.abandoned(ENDPOINT).await.unwrap(), [""; 0]);
    let back = Cursors::new(&mongo, "one");
    assert!(cannot_load(&back).await);
    assert!(is_taken(&heir).await, "the node wants it back");
    back.load(ENDPOINT, id_at(1)).await.unwrap();
    back.release(ENDPOINT, true).await.unwrap();
    assert_eq!(two.abandoned(ENDPOINT).await.unwrap(), [""; 0]);
}
