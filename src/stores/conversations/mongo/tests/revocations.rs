//! What nodes see of the revocations that others make, whatever their clocks say.

use uuid::Uuid;

use super::*;
use crate::model::clock::SystemClock;
use crate::model::{Revocation, RevocationKind};

fn new(subject: &str, at: u64) -> Revocation {
    Revocation {
        id: Uuid::now_v7(),
        kind: RevocationKind::Token,
        subject: subject.into(),
        before: None,
        created_at: at,
        expires_at: at + 3_600_000,
    }
}

/// What was changed since then: of each the subject, and whether it was taken back.
async fn changed(stores: &ConversationStores, since: u64) -> Vec<(String, bool)> {
    let changes = stores.revocations.changes(since, 100).await.unwrap();
    let changes = changes.into_iter();
    changes
        .map(|change| (change.revocation.subject.to_string(), change.is_taken_back))
        .collect()
}

/// Waits until the clock of the database, which is this machine's, shows a later time.
async fn until_after(time: u64) {
    while SystemClock.now_ms() <= time {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn changes_are_in_the_order_of_the_database() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let clock = Arc::new(ManualClock::new());
    clock.set(stage.clock.now_ms() + 600_000);
    let other = stage.another(&clock).await;
    let (ours, theirs) = (&stage.stores.revocations, &other.revocations);
    assert_eq!(ours.last_change().await.unwrap(), None);
    let first = new("first", clock.now_ms());
    theirs.revoke(&first).await.unwrap();
    let at = ours.last_change().await.unwrap().unwrap();
    assert!(at > clock.now_ms(), "it is not a node's");
    until_after(at).await;
    let second = new("second", stage.clock.now_ms());
    ours.revoke(&second).await.unwrap();
    let both = [("first".to_owned(), false), ("second".to_owned(), false)];
    assert_eq!(changed(&other, at).await, both);
    assert_eq!(changed(&other, at + 1).await, both[1..]);
    until_after(theirs.last_change().await.unwrap().unwrap()).await;
    assert!(theirs.take_back(first.id).await.unwrap().is_some());
    assert_eq!(
        changed(&stage.stores, at).await,
        [both[1].clone(), ("first".to_owned(), true)]
    );
    assert_eq!(
        stage.stores.revocations.changes(at, 1).await.unwrap().len(),
        1
    );
    // Once it is made again, nothing is left of that it was taken back.
    ours.revoke(&new("first", stage.clock.now_ms()))
        .await
        .unwrap();
    let now = changed(&other, at).await;
    assert!(now.contains(&both[0]) && now.len() == 2, "{now:?}");
}

#[tokio::test]
async fn what_was_taken_back_stays_for_a_while() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let store = &stage.stores.revocations;
    let now = jiff::Timestamp::now().as_millisecond() as u64;
    stage.clock.set(now);
    let [kept, gone] = ["kept", "gone"].map(|name| new(name, now));
    for one in [&kept, &gone] {
        store.revoke(one).await.unwrap();
    }
    store.take_back(gone.id).await.unwrap();
    store.remove_expired().await.unwrap();
    assert_eq!(changed(&stage.stores, 0).await.len(), 2);
    stage.clock.set(now + 3_599_000 + 60_000);
    store.remove_expired().await.unwrap();
    assert_eq!(
        changed(&stage.stores, 0).await.len(),
        1,
        "one is not long over"
    );
    stage.clock.set(now + 2 * 3_600_000 + 60_000);
    store.remove_expired().await.unwrap();
    assert!(changed(&stage.stores, 0).await.is_empty());
}
