//! Files of releases without a log.

use rusqlite::params;

use super::*;
use crate::model::conversation::{ChangeNumber, MessageId};

/// The messages of a file without a log are its first changes, and everything is counted as it was.
#[tokio::test]
async fn a_file_without_a_log_gets_one() {
    let folder = tempfile::tempdir().unwrap();
    let known = &schema::MIGRATIONS[..2];
    let old = sqlite::open(folder.path(), FILE_NAME, schema::SETTINGS, known).unwrap();
    let id = |number: u8| {
        let mut id = [0_u8; 16];
        (id[5], id[6], id[8], id[15]) = (1, 0x70, 0x80, number);
        id
    };
    old.execute_batch(
        "INSERT INTO conversations (no, id, createdBy, createdAt, lastMessageAt, messages)
         VALUES (1, 'c', 'ann', 1, 9, 4), (2, 'empty', 'ann', 1, 1, 0)",
    )
    .unwrap();
    let participant = "
        INSERT INTO participants (conversation, user, role, status, joinedAt, since, delivered, passed)
        VALUES (1, ?1, 'member', ?2, 1, ?3, ?4, ?5)";
    for (user, status, since, delivered, passed) in [
        ("ann", "active", vec![], vec![], 2),
        ("bo", "active", id(1).to_vec(), id(3).to_vec(), 1),
        ("cy", "removed", vec![], vec![], 0),
    ] {
        let values = params![user, status, since, delivered, passed];
        old.execute(participant, values).unwrap();
    }
    // Not in the order of their ids: several nodes of an application may have written them.
    for number in [2, 1, 4, 3] {
        let message = "
            INSERT INTO messages (id, conversation, sender, createdAt, content)
            VALUES (?1, 1, 'ann', ?2, ?3)";
        let values = params![id(number), number, number.to_string()];
        old.execute(message, values).unwrap();
    }
    drop(old);

    let clock = Arc::new(ManualClock::new());
    let database = SqliteConversations::open(folder.path(), clock.clone()).unwrap();
    let database = Arc::new(database);
    let stores = ConversationStores::of(database.clone());
    let subject = Subject::new(stores, database, clock, ());
    assert_eq!(subject.seen("c", "ann").await, ["1", "2", "3", "4"]);
    assert_eq!(
        (
            subject.unread("c", "ann").await,
            subject.unread("c", "bo").await
        ),
        (2, 3)
    );
    let (c, bo) = (conversation("c"), user("bo"));
    let waiting = subject.stores.receipts.mark_delivered(&c, &bo, limit(9));
    assert_eq!(waiting.await.unwrap().messages.len(), 1);
    let snapshot = subject.stores.log.snapshot(&c).await.unwrap();
    assert_eq!((snapshot.number.get(), snapshot.participants.len()), (4, 2));
    let after = subject.send("c", "bo", "5").await;
    let first = MessageId::new(uuid::Uuid::from_bytes(id(1))).unwrap();
    let window = Window {
        after: Some(first.into()),
        before: None,
    };
    let page = subject.page("c", "ann", window, 9).await;
    assert_eq!((page.after.get(), page.end.get()), (1, 5));
    assert_eq!(page.messages.last().map(|last| last.id), Some(after.id));
    let empty = subject.stores.log.snapshot(&conversation("empty")).await;
    assert_eq!(empty.unwrap().number, ChangeNumber::START);
}
