//! Tests of the store in SQLite: the contract, and what only this store does.

mod schema_versions;
mod stored;
mod upgrade;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use rusqlite::Connection;
use tempfile::TempDir;

use super::store::{FILE_NAME, SqliteConversations};
use super::writer::Writing;
use super::{history, lists, participant_rows, revocations, schema, users};
use crate::model::clock::{Clock, ManualClock};
use crate::model::conversation::{ChangedBy, Message, Window};
use crate::stores::conversations::contract::contract_suite;
use crate::stores::conversations::contract::subject::*;
use crate::stores::conversations::{ConversationStores, StoreError};
use crate::stores::drivers::sqlite::{self, OpenError};

async fn open(clock: Arc<ManualClock>) -> Option<(Arc<SqliteConversations>, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let database = SqliteConversations::open(folder.path(), clock).unwrap();
    Some((Arc::new(database), folder))
}

mod contract {
    use super::{contract_suite, open};
    contract_suite!(open);
}

fn open_with(folder: &Path, clock: Arc<dyn Clock>) -> ConversationStores {
    let database = SqliteConversations::open(folder, clock).unwrap();
    ConversationStores::of(Arc::new(database))
}

fn reopen(folder: &Path) -> ConversationStores {
    open_with(folder, Arc::new(ManualClock::new()))
}

fn file(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}

async fn history(stores: &ConversationStores) -> Vec<Message> {
    let (c, ann) = (conversation("c"), user("ann"));
    let page = stores
        .messages
        .page(&c, &ann, Window::default(), limit(200))
        .await;
    page.unwrap().messages
}

async fn with_a_conversation(folder: &Path) -> ConversationStores {
    let stores = reopen(folder);
    let new = new_conversation("c", &["ann", "bo"]);
    let _ = stores
        .conversations
        .create(&new, &ChangedBy::Admin)
        .await
        .unwrap();
    stores
}

#[tokio::test]
async fn answered_writes_are_in_the_files_at_once() {
    let (folder, crash) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stores = with_a_conversation(folder.path()).await;
    let sent = stores
        .messages
        .append(&new_message("c", "ann", "1"))
        .await
        .unwrap();
    // What a killed process leaves behind: the files, and nothing that it would still write.
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), crash.path().join(entry.file_name())).unwrap();
    }
    let after = reopen(crash.path());
    assert_eq!(history(&after).await[0].id, sent.value.id);
}

/// As the database calls it when it is flushed before a commit is answered, and when it is not.
const FLUSHED: u32 = 2;
const UNFLUSHED: u32 = 1;

/// How what is written now will be committed.
fn level(writing: &mut Writing<'_>) -> Result<u32, StoreError> {
    let level = writing
        .db
        .pragma_query_value(None, "synchronous", |row| row.get(0));
    Ok(level?)
}

#[tokio::test]
async fn only_what_can_be_stored_again_is_not_flushed() {
    let (database, _folder) = open(Arc::new(ManualClock::new())).await.unwrap();
    let writer = &database.writer;
    let flushed = async || writer.write(None, level).await.unwrap();
    let unflushed = async || writer.write_unflushed(None, level).await.unwrap();
    for _ in 0..2 {
        assert_eq!(unflushed().await, UNFLUSHED);
        assert_eq!(flushed().await, FLUSHED);
    }
    // Also of those that wait together.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let first = writer.write_unflushed(None, move |_| Ok(held.recv().is_err()));
    let many = (0..100).map(async |number| match number % 3 {
        2 => flushed().await,
        _ => unflushed().await.max(FLUSHED),
    });
    let (first, many, ()) = futures_util::join!(first, join_all(many), async { drop(release) });
    assert!(first.unwrap() && many.iter().all(|level| *level == FLUSHED));
}

#[tokio::test]
async fn closing_writes_all_queued_messages() {
    let folder = tempfile::tempdir().unwrap();
    let stores = with_a_conversation(folder.path()).await;
    let messages: Vec<_> = (0..25)
        .map(|number| new_message("c", "ann", &number.to_string()))
        .collect();
    let mut writes = pin!(join_all(
        messages.iter().map(|new| stores.messages.append(new))
    ));
    assert!(
        writes.as_mut().now_or_never().is_none(),
        "all are handed over"
    );
    stores.health.close().await.unwrap();
    let written = writes.await;
    assert!(written.iter().all(Result::is_ok), "{written:?}");
    let left = std::fs::read_dir(folder.path()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(
        left,
        [FILE_NAME, "databases"],
        "SQLite has put its side files away"
    );

    let again = reopen(folder.path());
    let texts: Vec<_> = history(&again).await.iter().map(text_of).collect();
    assert_eq!(
        texts,
        (0..25).map(|number| number.to_string()).collect::<Vec<_>>()
    );
    let next = again
        .messages
        .append(&new_message("c", "bo", "25"))
        .await
        .unwrap();
    assert!(next.value.id > written[24].as_ref().unwrap().value.id);
}

/// Tells another time whenever it is asked, which is once for each transaction.
#[derive(Debug)]
struct Counting(AtomicU64);

impl Clock for Counting {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn steady_ms(&self) -> u64 {
        unreachable!()
    }
}

#[tokio::test]
async fn queued_writes_are_committed_together_and_a_failure_undoes_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Counting(AtomicU64::new(1_700_000_000_000)));
    let stores = open_with(folder.path(), clock);
    let new = new_conversation("c", &["ann"]);
    let _ = stores
        .conversations
        .create(&new, &ChangedBy::Admin)
        .await
        .unwrap();
    let other = Connection::open(file(folder.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let senders = ["ann", "eve"].iter().cycle().take(24);
    let messages: Vec<_> = senders.map(|name| new_message("c", name, "1")).collect();
    let mut writes = pin!(join_all(
        messages.iter().map(|new| stores.messages.append(new))
    ));
    assert!(writes.as_mut().now_or_never().is_none());
    other.execute_batch("COMMIT").unwrap();
    for (message, result) in messages.iter().zip(writes.await) {
        match message.sender.as_str() {
            "ann" => assert!(result.is_ok(), "{result:?}"),
            _ => assert_rejected!(result, NotParticipant),
        }
    }
    let stored = history(&stores).await;
    assert_eq!(stored.len(), 12);
    let mut times: Vec<_> = stored.iter().map(|message| message.created_at).collect();
    times.dedup();
    // The first one may have been taken before the others came.
    assert!(times.len() <= 2, "{times:?}");
}

#[tokio::test]
async fn a_write_that_fails_midway_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(with_a_conversation(folder.path()).await);
    let database = SqliteConversations::open(folder.path(), Arc::new(ManualClock::new()));
    let database = Arc::new(database.unwrap());
    let stores = ConversationStores::of(database.clone());
    let broken = database.writer.write(None, |writing| {
        writing.db.execute("DELETE FROM participants", [])?;
        writing.db.execute("INSERT INTO nothing VALUES (1)", [])?;
        Ok(())
    });
    let whole = new_message("c", "bo", "1");
    let whole = stores.messages.append(&whole);
    let (broken, whole) = tokio::join!(broken, whole);
    assert_rejected!(broken, Failed);
    assert!(whole.is_ok());
    assert_eq!(
        stores
            .participants
            .list(&conversation("c"))
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn those_beside_a_write_that_fails_midway_are_performed_again() {
    let folder = tempfile::tempdir().unwrap();
    drop(with_a_conversation(folder.path()).await);
    let database = SqliteConversations::open(folder.path(), Arc::new(ManualClock::new()));
    let database = Arc::new(database.unwrap());
    let stores = ConversationStores::of(database.clone());
    let writer = &database.writer;
    // Meanwhile the others wait, and so come into its transaction.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let first = writer.write(None, move |_| Ok(held.recv().is_err()));
    let messages: Vec<_> = (0..6)
        .map(|number| new_message("c", ["ann", "bo"][number % 2], &number.to_string()))
        .collect();
    let (before, behind) = messages.split_at(3);
    let append = |new| stores.messages.append(new);
    let broken = writer.write(Some(user("eve")), |writing| -> Result<(), StoreError> {
        writing.db.execute("DELETE FROM participants", [])?;
        Err(StoreError::NotParticipant)
    });
    let (first, before, broken, behind, ()) = futures_util::join!(
        first,
        join_all(before.iter().map(append)),
        broken,
        join_all(behind.iter().map(append)),
        async { drop(release) }
    );
    assert!(first.unwrap());
    assert_rejected!(broken, NotParticipant);
    let stored = history(&stores).await;
    assert_eq!(stored.len(), messages.len(), "each once");
    for sent in before.into_iter().chain(behind) {
        let sent = sent.unwrap();
        let number = sent.change.unwrap().number;
        let at = stored.iter().position(|one| one.id == sent.value.id);
        assert_eq!(at.map(|at| at as u64 + 2), Some(number.get()));
    }
}

#[tokio::test]
async fn a_locked_file_fails_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let stores = with_a_conversation(folder.path()).await;
    let other = Connection::open(file(folder.path())).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let new = new_message("c", "ann", "1");
    assert_rejected!(stores.messages.append(&new).await, Failed);
    assert_rejected!(stores.health.check().await, Failed);
    assert!(history(&stores).await.is_empty(), "reading goes on");
    other.execute_batch("COMMIT").unwrap();
    stores.health.check().await.unwrap();
    let _ = stores.messages.append(&new).await.unwrap();
    assert_eq!(history(&stores).await.len(), 1);
}

#[tokio::test]
async fn a_write_whose_caller_stops_waiting_is_performed() {
    let folder = tempfile::tempdir().unwrap();
    let stores = with_a_conversation(folder.path()).await;
    let new = new_message("c", "ann", "1");
    assert!(stores.messages.append(&new).now_or_never().is_none());
    stores.health.check().await.unwrap();
    assert_eq!(history(&stores).await.len(), 1);
}

#[tokio::test]
async fn ids_follow_those_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let late = Arc::new(ManualClock::new());
    late.set(1_900_000_000_000);
    let early = with_a_conversation(folder.path()).await;
    let late = open_with(folder.path(), late);
    let mut sent = Vec::new();
    for number in 0..6 {
        let stores = if number % 2 == 0 { &early } else { &late };
        let new = new_message("c", "ann", &number.to_string());
        sent.push(stores.messages.append(&new).await.unwrap().value.id);
    }
    assert!(sent.is_sorted_by(|one, two| one < two), "{sent:?}");
    let read: Vec<_> = history(&early).await.iter().map(|m| m.id).collect();
    assert_eq!(read, sent);
}

#[tokio::test]
async fn those_whom_a_message_reaches_together_have_one_row() {
    let (database, folder) = open(Arc::new(ManualClock::new())).await.unwrap();
    let stores = ConversationStores::of(database.clone());
    let subject = Subject::new(stores, database, Arc::new(ManualClock::new()), ());
    let names: Vec<_> = (100..300).map(|number| format!("user-{number}")).collect();
    let all: Vec<_> = names.iter().map(|name| &**name).chain(["ann"]).collect();
    subject.with("c", &all).await;
    let others: Vec<_> = names.iter().map(|name| user(name)).collect();
    let rows = |table: &str| -> u32 {
        let db = Connection::open(file(folder.path())).unwrap();
        let count = format!("SELECT count(*) FROM {table}");
        db.query_row(&count, [], |row| row.get(0)).unwrap()
    };
    // Of very many each has a row; to find one in theirs would take long.
    for (count, together, each) in [(9, 1, 0), (200, 1, 200), (1, 2, 200)] {
        let sent = subject.send("c", "ann", "1").await.id;
        let (c, ann) = (conversation("c"), user("ann"));
        let receipts = &subject.stores.receipts;
        let reached = receipts.mark_delivered_to(&c, sent, &ann, &others[..count]);
        assert_eq!(reached.await.unwrap(), others[..count]);
        assert_eq!((rows("deliveries"), rows("receipts")), (together, each));
    }
}

#[tokio::test]
async fn deleted_content_is_not_left_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let stores = with_a_conversation(folder.path()).await;
    let secret = "5ec2e7".repeat(5_000);
    let holds_it = || {
        let bytes = std::fs::read(file(folder.path())).unwrap();
        bytes
            .windows(600)
            .any(|part| part == &secret.as_bytes()[..600])
    };
    let new = new_message("c", "ann", &format!("\"{secret}\""));
    let sent = stores.messages.append(&new).await.unwrap().value;
    stores.health.close().await.unwrap();
    assert!(holds_it());
    let stores = reopen(folder.path());
    let deleted = stores
        .messages
        .delete(&conversation("c"), sent.id, &user("ann"))
        .await;
    assert!(deleted.unwrap().change.is_some());
    stores.health.close().await.unwrap();
    assert!(!holds_it());
}
