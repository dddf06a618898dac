//! Reading a history in parts, and its order.

use futures_util::future::join_all;

use super::subject::*;
use crate::model::clock::Clock as _;
use crate::model::conversation::*;

/// A conversation of `ann` with messages 0, 1, 2 …; their ids.
async fn numbered(subject: &Subject, messages: usize) -> Vec<MessageId> {
    subject.with("c", &["ann", "bo"]).await;
    // Another one between them must not be noticed.
    subject.with("d", &["ann"]).await;
    let mut ids = Vec::new();
    for number in 0..messages {
        ids.push(subject.send("c", "bo", &number.to_string()).await.id);
        subject.send("d", "ann", "0").await;
    }
    ids
}

async fn page(
    subject: &Subject,
    after: Option<MessageId>,
    before: Option<MessageId>,
    most: u64,
) -> (String, bool) {
    let after = after.map(Into::into);
    let window = Window { after, before };
    let page = subject.page("c", "ann", window, most).await;
    let texts: Vec<_> = page.messages.iter().map(text_of).collect();
    (texts.join(" "), page.more)
}

pub(crate) async fn pages_are_exact_at_their_edges(subject: Subject) {
    let subject = &subject;
    let ids = numbered(subject, 6).await;
    let is = |page: (String, bool), text: &str, more| assert_eq!(page, (text.to_owned(), more));
    is(page(subject, None, None, 2).await, "4 5", true);
    is(page(subject, None, None, 6).await, "0 1 2 3 4 5", false);
    is(page(subject, Some(ids[1]), None, 2).await, "2 3", true);
    is(page(subject, Some(ids[3]), None, 2).await, "4 5", false);
    is(page(subject, Some(ids[5]), None, 2).await, "", false);
    is(page(subject, None, Some(ids[3]), 2).await, "1 2", true);
    is(page(subject, None, Some(ids[2]), 2).await, "0 1", false);
    is(page(subject, None, Some(ids[0]), 2).await, "", false);
    is(
        page(subject, Some(ids[0]), Some(ids[5]), 3).await,
        "1 2 3",
        true,
    );
    is(
        page(subject, Some(ids[0]), Some(ids[4]), 3).await,
        "1 2 3",
        false,
    );
    is(
        page(subject, Some(ids[4]), Some(ids[1]), 3).await,
        "",
        false,
    );

    // An id of another conversation is a bound like any other; a hidden message takes no position.
    let foreign = subject.page("d", "ann", Window::default(), 2).await;
    let foreign = foreign.messages[0].id;
    is(page(subject, Some(foreign), None, 9).await, "5", false);
    let (c, ann) = (conversation("c"), user("ann"));
    assert!(
        subject
            .stores
            .messages
            .hide(&c, ids[2], &ann)
            .await
            .unwrap()
    );
    is(page(subject, Some(ids[0]), None, 2).await, "1 3", true);
    is(page(subject, Some(ids[2]), None, 3).await, "3 4 5", false);
    is(page(subject, None, Some(ids[4]), 2).await, "1 3", true);
    for bad in [0, 201, u64::MAX] {
        assert_eq!(PageLimit::new(bad), None);
    }
}

pub(crate) async fn both_ways_through_a_history_are_the_same(subject: Subject) {
    let ids = numbered(&subject, 23).await;
    for most in [1, 5, 22, 23, 24] {
        let mut forward = Vec::new();
        let mut window = Window {
            after: MessageId::new(uuid::Uuid::from_u128(7 << 76)).map(Into::into),
            before: None,
        };
        loop {
            let page = subject.page("c", "ann", window, most).await;
            forward.extend(page.messages.iter().map(|message| message.id));
            window.after = forward.last().copied().map(Into::into);
            if !page.more {
                break;
            }
        }
        assert_eq!(forward, ids);

        let mut backward = Vec::new();
        let mut window = Window::default();
        loop {
            let page = subject.page("c", "ann", window, most).await;
            backward.extend(page.messages.iter().rev().map(|message| message.id));
            window.before = backward.last().copied();
            if !page.more {
                break;
            }
        }
        backward.reverse();
        assert_eq!(backward, ids);
    }
}

pub(crate) async fn positions_count_visible_messages(subject: Subject) {
    let ids = numbered(&subject, 6).await;
    let (c, ann) = (conversation("c"), user("ann"));
    let slice = async |offset, most| {
        let slice = subject.slice("c", "ann", offset, most).await;
        let texts: Vec<_> = slice.messages.iter().map(text_of).collect();
        (texts.join(" "), slice.total)
    };
    let is = |slice: (String, u64), text: &str, total| assert_eq!(slice, (text.to_owned(), total));
    is(slice(0, 2).await, "0 1", 6);
    is(slice(4, 50).await, "4 5", 6);
    is(slice(6, 50).await, "", 6);
    is(slice(u64::MAX, 50).await, "", 6);
    assert!(
        subject
            .stores
            .messages
            .hide(&c, ids[1], &ann)
            .await
            .unwrap()
    );
    let _ = subject
        .stores
        .messages
        .delete(&c, ids[4], &ann)
        .await
        .unwrap();
    is(slice(0, 2).await, "0 2", 5);
    is(slice(2, 9).await, "3 deleted 5", 5);
}

pub(crate) async fn a_clock_that_is_set_back_does_not_change_the_order(subject: Subject) {
    subject.with("c", &["ann", "bo"]).await;
    let noon = subject.clock.now_ms();
    let mut sent = Vec::new();
    for now in [noon, noon - 60_000, noon - 30_000, noon + 1, 0, noon] {
        subject.clock.set(now);
        sent.push(subject.send("c", "bo", &sent.len().to_string()).await);
    }
    assert!(sent.is_sorted_by(|one, two| one.id < two.id));
    let times = sent.iter().map(|message| message.created_at);
    let clock = [noon, noon - 60_000, noon - 30_000, noon + 1, 0, noon];
    assert!(times.eq(clock), "times are the clock's");
    assert_eq!(
        subject.seen("c", "ann").await,
        ["0", "1", "2", "3", "4", "5"]
    );
    let last = subject.stores.conversations.find(&conversation("c")).await;
    assert_eq!(last.unwrap().unwrap().last_message_at, noon);
}

pub(crate) async fn many_writers_make_one_order(subject: Subject) {
    const EACH: usize = 50;
    let names: Vec<_> = (0..8).map(|number| format!("u{number}")).collect();
    let refs: Vec<_> = names.iter().map(String::as_str).collect();
    subject.with("c", &refs).await;
    let write = async |name: &str| {
        let mut ids = Vec::new();
        for number in 0..EACH {
            let what = format!("\"{name} {number}\"");
            ids.push(subject.send("c", name, &what).await.id);
        }
        ids
    };
    let written = join_all(refs.iter().map(|name| write(name))).await;
    // What one was answered later comes later.
    assert!(
        written
            .iter()
            .all(|ids| ids.is_sorted_by(|one, two| one < two))
    );

    let mut all: Vec<MessageId> = written.into_iter().flatten().collect();
    all.sort();
    let mut history = Vec::new();
    while history.len() < all.len() {
        let offset = history.len() as u64;
        let slice = subject.slice("c", "u0", offset, 200).await;
        assert_eq!(slice.total, all.len() as u64);
        history.extend(slice.messages.iter().map(|message| message.id));
    }
    assert_eq!(history, all);
    let unread = (all.len() - EACH) as u64;
    assert_eq!(subject.unread("c", "u3").await, unread);
}
