//! What is kept for a while only.

use std::time::Duration;

use super::subject::*;
use crate::model::clock::Clock as _;
use crate::model::conversation::*;
use crate::stores::conversations::StoreError;

const HOUR: Duration = Duration::from_secs(3_600);

/// Removes messages that are older than an hour; how many.
async fn remove_old(subject: &Subject) -> u64 {
    let removed = subject.stores.retention.remove_old_messages(HOUR).await;
    removed.unwrap()
}

async fn forgotten(subject: &Subject, who: &str) -> (u64, u64) {
    let (c, who) = (conversation("c"), user(who));
    let found = subject.stores.log.participations(&who, Some(&c)).await;
    let one = found.unwrap().remove(0);
    (one.forgotten.get(), one.last.get())
}

pub(crate) async fn old_messages_go_with_all_that_belongs_to_them(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann, bo) = (conversation("c"), user("ann"), user("bo"));
    subject.with("c", &["ann", "bo"]).await;
    let mut first = new_message("c", "ann", "1");
    first.temp_id = TempId::parse("t");
    let old = stores.messages.append(&first).await.unwrap().value.id;
    let emoji = Emoji::parse("+").unwrap();
    let _ = stores.reactions.add(&c, old, &bo, &emoji).await.unwrap();
    stores.receipts.mark_read(&c, &bo, &[old]).await.unwrap();
    let _ = stores
        .messages
        .edit(&c, old, &ann, &edit("2"))
        .await
        .unwrap();
    let _ = subject.tick_by(HOUR / 2);
    let young = subject.send("c", "ann", "3").await.id;
    assert_eq!(remove_old(&subject).await, 0);
    let _ = subject.tick_by(HOUR / 2 + Duration::from_secs(1));
    assert_eq!(remove_old(&subject).await, 1);
    assert_eq!(remove_old(&subject).await, 0);

    assert!(stores.messages.find(old).await.unwrap().is_none());
    assert_eq!(subject.seen("c", "bo").await, ["3"]);
    assert_eq!(subject.slice("c", "bo", 0, 9).await.total, 1);
    assert_rejected!(
        stores.messages.edit(&c, old, &ann, &edit("4")).await,
        NotFoundOrForbidden
    );
    assert_rejected!(
        stores.reactions.add(&c, old, &bo, &emoji).await,
        NotFoundOrForbidden
    );
    let read = stores.receipts.mark_read(&c, &bo, &[old]).await.unwrap();
    assert!(read.messages.is_empty());
    // The message may be sent again, and its id is not used again.
    assert_eq!(forgotten(&subject, "ann").await, (0, 5));
    let again = stores.messages.append(&first).await.unwrap();
    assert!(again.change.is_some() && again.value.id > young);
    let known = stores
        .log
        .changes(&c, ChangeNumber::START, 9)
        .await
        .unwrap();
    let known = known.changes.iter();
    let known: Vec<_> = known
        .map(|one| (one.number.get(), one.is_forgotten()))
        .collect();
    let gone = [(2, true), (3, true), (4, true)];
    let left = [(5, false), (6, false)];
    assert_eq!(known, [&[(1, false)], &gone[..], &left].concat());
    let window = LogWindow {
        after: ChangeNumber::START,
        until: ChangeNumber::new(6),
        with_sent: true,
    };
    let read = stores.log.visible_changes(&c, &bo, window, 9).await;
    let read = read.unwrap().changes.into_iter();
    let read = read.filter(|one| !one.is_forgotten());
    let read: Vec<_> = read.map(|one| one.number.get()).collect();
    assert_eq!(read, [1, 5, 6]);
}

pub(crate) async fn what_went_is_unread_for_nobody(subject: Subject) {
    let stores = &subject.stores;
    let (c, bo, cy) = (conversation("c"), user("bo"), user("cy"));
    subject.with("c", &["ann", "bo", "cy"]).await;
    let mut ids = Vec::new();
    for number in 0..4 {
        ids.push(subject.send("c", "ann", &number.to_string()).await.id);
    }
    stores.receipts.mark_read(&c, &bo, &ids[..1]).await.unwrap();
    assert!(stores.messages.hide(&c, ids[1], &bo).await.unwrap());
    let _ = stores
        .messages
        .delete(&c, ids[2], &user("ann"))
        .await
        .unwrap();
    assert_eq!(
        (
            subject.unread("c", "bo").await,
            subject.unread("c", "cy").await
        ),
        (1, 3)
    );
    let _ = subject.tick_by(HOUR * 2);
    let young = subject.send("c", "ann", "5").await.id;
    assert_eq!(
        (
            subject.unread("c", "bo").await,
            subject.unread("c", "cy").await
        ),
        (2, 4)
    );
    assert_eq!(remove_old(&subject).await, 4);
    let unread = async || {
        let names = ["ann", "bo", "cy"];
        let mut unread = Vec::new();
        for name in names {
            unread.push(subject.unread("c", name).await);
        }
        unread
    };
    assert_eq!(unread().await, [0, 1, 1]);
    assert_eq!(subject.slice("c", "bo", 0, 9).await.total, 1);
    stores.receipts.mark_read(&c, &cy, &[young]).await.unwrap();
    assert_eq!(unread().await, [0, 1, 0]);
    // All are gone, and it goes on.
    let _ = subject.tick_by(HOUR * 2);
    assert_eq!(remove_old(&subject).await, 1);
    assert_eq!(unread().await, [0, 0, 0]);
    assert_eq!(subject.slice("c", "bo", 0, 9).await.total, 0);
    let next = subject.send("c", "bo", "6").await.id;
    assert!(next > young);
    assert_eq!(unread().await, [1, 0, 1]);
    assert_eq!(forgotten(&subject, "ann").await, (0, 8));
}

pub(crate) async fn a_conversation_may_have_a_retention_of_its_own(subject: Subject) {
    let retention = &subject.stores.retention;
    let set = async |id: &str, kept: Option<Duration>| {
        let set = retention
            .set_message_retention(&conversation(id), kept)
            .await;
        set.unwrap()
            .map(|conversation| conversation.message_retention)
    };
    for id in ["short", "long", "usual", "ever"] {
        subject.with(id, &["ann"]).await;
        subject.send(id, "ann", "1").await;
    }
    assert_eq!(set("short", Some(HOUR / 2)).await, Some(Some(HOUR / 2)));
    assert_eq!(set("long", Some(HOUR * 3)).await, Some(Some(HOUR * 3)));
    assert_eq!(
        set("ever", Some(Duration::ZERO)).await,
        Some(Some(Duration::ZERO))
    );
    assert_eq!(set("nowhere", None).await, None);
    let found = subject
        .stores
        .conversations
        .find(&conversation("short"))
        .await;
    assert_eq!(found.unwrap().unwrap().message_retention, Some(HOUR / 2));
    let left = async || {
        let mut left = Vec::new();
        for id in ["short", "long", "usual", "ever"] {
            if !subject.seen(id, "ann").await.is_empty() {
                left.push(id);
            }
        }
        left
    };
    let _ = subject.tick_by(HOUR / 2 + Duration::from_secs(1));
    // Where nothing is set for all, single ones may have a retention.
    assert_eq!(
        retention.remove_old_messages(Duration::ZERO).await.unwrap(),
        1
    );
    assert_eq!(left().await, ["long", "usual", "ever"]);
    let _ = subject.tick_by(HOUR);
    assert_eq!(remove_old(&subject).await, 1);
    assert_eq!(left().await, ["long", "ever"]);
    let _ = subject.tick_by(HOUR * 2);
    assert_eq!(remove_old(&subject).await, 1);
    assert_eq!(set("ever", None).await, Some(None));
    assert_eq!(remove_old(&subject).await, 1);
    assert!(left().await.is_empty());
}

pub(crate) async fn a_message_of_the_future_keeps_no_other(subject: Subject) {
    subject.with("c", &["ann"]).await;
    let now = subject.clock.now_ms();
    subject.clock.set(now + 400 * 24 * HOUR.as_millis() as u64);
    subject.send("c", "ann", "1").await;
    subject.clock.set(now);
    subject.send("c", "ann", "2").await;
    let _ = subject.tick_by(HOUR * 2);
    subject.send("c", "ann", "3").await;
    assert_eq!(remove_old(&subject).await, 1);
    assert_eq!(subject.seen("c", "ann").await, ["1", "3"]);
}

pub(crate) async fn much_that_is_old_goes_in_parts(subject: Subject) {
    subject.with("c", &["ann", "bo"]).await;
    for number in 0..1_100 {
        subject.send("c", "ann", &number.to_string()).await;
    }
    let _ = subject.tick_by(HOUR * 2);
    subject.send("c", "ann", "1100").await;
    assert_eq!(remove_old(&subject).await, 1_100);
    assert_eq!(
        (
            subject.unread("c", "bo").await,
            subject.unread("c", "ann").await
        ),
        (1, 0)
    );
    assert_eq!(subject.seen("c", "ann").await, ["1100"]);
}

pub(crate) async fn a_log_begins_where_it_is_kept(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann, bo) = (conversation("c"), user("ann"), user("bo"));
    subject.with("c", &["ann", "bo"]).await;
    let first = subject.send("c", "ann", "1").await.id;
    let _ = stores
        .messages
        .edit(&c, first, &ann, &edit("2"))
        .await
        .unwrap();
    stores.receipts.mark_read(&c, &bo, &[first]).await.unwrap();
    let _ = subject.tick_by(HOUR * 2);
    let _ = stores
        .messages
        .edit(&c, first, &ann, &edit("3"))
        .await
        .unwrap();
    let second = subject.send("c", "ann", "4").await.id;
    stores.receipts.mark_read(&c, &bo, &[second]).await.unwrap();
    stores.retention.remove_old_changes(HOUR).await.unwrap();
    stores.retention.remove_old_changes(HOUR).await.unwrap();
    // Messages stay.
    assert_eq!(subject.seen("c", "bo").await, ["3", "4"]);
    assert_eq!(forgotten(&subject, "bo").await, (3, 5));
    let page = async |after: After| {
        let window = Window {
            after: Some(after),
            before: None,
        };
        let page = stores.messages.page(&c, &bo, window, limit(9)).await;
        page.map(|page| (page.messages.len(), page.after.get(), page.forgotten.get()))
    };
    let change = |number| After::Change(ChangeNumber::new(number));
    assert!(matches!(
        page(change(2)).await,
        Err(StoreError::CursorExpired)
    ));
    assert_eq!(page(change(3)).await.unwrap(), (1, 3, 3));
    assert_eq!(page(first.into()).await.unwrap(), (1, 2, 3));
    // An older cursor of receipts is refused, or reads all of them.
    let cursor = ReceiptCursor::at(0);
    let read = stores.receipts.noted_since(&c, &ann, Some(cursor), 9).await;
    match read {
        Ok(page) => assert_eq!(page.receipts.len(), 2),
        Err(error) => assert!(matches!(error, StoreError::CursorExpired)),
    }
}

pub(crate) async fn a_log_goes_on_when_nothing_of_it_is_left(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann) = (conversation("c"), user("ann"));
    subject.with("c", &["ann", "bo"]).await;
    let first = subject.send("c", "ann", "1").await.id;
    let end = stores.receipts.noted_since(&c, &ann, None, 9).await;
    let end = end.unwrap().end;
    let to_bo = [user("bo")];
    stores
        .receipts
        .mark_delivered_to(&c, first, &ann, &to_bo)
        .await
        .unwrap();
    let _ = stores
        .messages
        .edit(&c, first, &ann, &edit("2"))
        .await
        .unwrap();
    let _ = subject.tick_by(HOUR * 2);
    stores.retention.remove_old_changes(HOUR).await.unwrap();
    assert_eq!(forgotten(&subject, "bo").await, (3, 3));
    assert_eq!(remove_old(&subject).await, 1);
    let snapshot = stores.log.snapshot(&c).await.unwrap();
    assert_eq!((snapshot.number.get(), snapshot.participants.len()), (3, 2));
    let known = stores
        .log
        .changes(&c, ChangeNumber::START, 9)
        .await
        .unwrap();
    assert!(known.changes.iter().all(Change::is_forgotten));
    assert_eq!(known.changes.len(), 3);

    let next = subject.send("c", "ann", "3").await.id;
    let _ = stores
        .messages
        .edit(&c, next, &ann, &edit("4"))
        .await
        .unwrap();
    stores
        .receipts
        .mark_delivered_to(&c, next, &ann, &to_bo)
        .await
        .unwrap();
    assert_eq!(forgotten(&subject, "bo").await, (3, 5));
    assert_eq!(subject.seen("c", "bo").await, ["4"]);
    let read = stores.receipts.noted_since(&c, &ann, Some(end), 9).await;
    match read {
        Ok(page) => assert_eq!(page.receipts.last().unwrap().message, next),
        Err(error) => assert!(matches!(error, StoreError::CursorExpired)),
    }
}
