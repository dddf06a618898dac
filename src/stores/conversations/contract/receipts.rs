//! What reached whom, and what they read.

use std::time::Duration;

use super::subject::*;
use crate::model::UserId;
use crate::model::conversation::*;

/// What of a message is noted for a user: when it reached them, and when they read it.
async fn receipt(subject: &Subject, message: MessageId, name: &str) -> Option<(u64, Option<u64>)> {
    let receipts = subject.stored.receipts(message).await;
    let theirs = receipts.iter().filter(|receipt| receipt.user == user(name));
    let theirs: Vec<_> = theirs.collect();
    assert!(theirs.len() < 2);
    assert!(theirs.iter().all(|receipt| receipt.message == message));
    theirs.first().map(|one| (one.delivered_at, one.read_at))
}

pub(crate) async fn reading_returns_each_message_once_by_sender(subject: Subject) {
    let stores = &subject.stores;
    let (c, cy) = (conversation("c"), user("cy"));
    subject.with("c", &["ann", "bo", "cy"]).await;
    let ann1 = subject.send("c", "ann", "1").await.id;
    let bo1 = subject.send("c", "bo", "2").await.id;
    let own = subject.send("c", "cy", "3").await.id;
    let ann2 = subject.send("c", "ann", "4").await.id;
    let unknown = MessageId::new(uuid::Uuid::now_v7()).unwrap();
    assert_eq!(subject.unread("c", "cy").await, 3);

    let at = subject.tick();
    let asked = [ann2, bo1, own, unknown, ann1, bo1];
    let read = stores.receipts.mark_read(&c, &cy, &asked).await.unwrap();
    assert_eq!((read.at, read.newest), (at, ChangeNumber::new(5)));
    assert_eq!(read.all(), [ann1, bo1, ann2]);
    let mut by_sender = read.messages;
    by_sender.sort();
    assert_eq!(
        by_sender,
        [(user("ann"), vec![ann1, ann2]), (user("bo"), vec![bo1])]
    );
    assert_eq!(subject.unread("c", "cy").await, 0);
    assert_eq!(receipt(&subject, ann1, "cy").await, Some((at, Some(at))));
    assert_eq!(receipt(&subject, own, "cy").await, None);

    subject.tick();
    let again = stores.receipts.mark_read(&c, &cy, &asked).await.unwrap();
    assert!(again.messages.is_empty());
    assert_eq!(receipt(&subject, ann1, "cy").await, Some((at, Some(at))));
    // What was read has reached them.
    let delivered = stores
        .receipts
        .mark_delivered(&c, &cy, limit(9))
        .await
        .unwrap();
    assert!(delivered.messages.is_empty());
    assert_eq!(subject.unread("c", "bo").await, 3);
    let none = stores.receipts.mark_read(&c, &cy, &[]).await.unwrap();
    assert!(none.messages.is_empty());
    assert_eq!(none.newest, ChangeNumber::START);
}

pub(crate) async fn unread_messages_are_those_that_are_counted(subject: Subject) {
    let stores = &subject.stores;
    let (c, cy) = (conversation("c"), user("cy"));
    let unread = async |limit| stores.receipts.unread(&c, &cy, limit).await;
    subject.with("c", &["ann", "bo"]).await;
    subject.send("c", "ann", "0").await;
    let added = participant("cy", Role::Member);
    let _ = stores
        .participants
        .add(&c, &added, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    let mut ids = Vec::new();
    for number in 1..6 {
        ids.push(subject.send("c", "ann", &number.to_string()).await.id);
    }
    subject.send("c", "cy", "6").await;
    assert_eq!(unread(9).await.unwrap(), ids);
    assert_eq!(unread(2).await.unwrap(), ids[3..]);
    let _ = stores
        .messages
        .delete(&c, ids[0], &user("ann"))
        .await
        .unwrap();
    stores.messages.hide(&c, ids[1], &cy).await.unwrap();
    stores.receipts.mark_read(&c, &cy, &ids[4..]).await.unwrap();
    let (ann, reached) = (user("ann"), [cy.clone()]);
    let reached = stores
        .receipts
        .mark_delivered_to(&c, ids[2], &ann, &reached);
    reached.await.unwrap();
    assert_eq!(unread(9).await.unwrap(), ids[2..4]);
    assert_eq!(subject.unread("c", "cy").await, 2);
    let stranger = stores.receipts.unread(&c, &user("eve"), 9).await;
    assert_rejected!(stranger, NotParticipant);
}

pub(crate) async fn a_message_is_delivered_once_to_each(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann, bo) = (conversation("c"), user("ann"), user("bo"));
    subject.with("c", &["ann", "bo", "cy"]).await;
    let live = subject.send("c", "ann", "1").await.id;
    let at = subject.tick();
    let online = [user("ann"), user("bo"), user("bo"), user("eve")];
    let reached = stores
        .receipts
        .mark_delivered_to(&c, live, &ann, &online)
        .await;
    assert_eq!(reached.unwrap(), [user("bo")]);
    let reached = stores
        .receipts
        .mark_delivered_to(&c, live, &ann, &online)
        .await;
    assert!(reached.unwrap().is_empty());
    assert_eq!(receipt(&subject, live, "bo").await, Some((at, None)));

    // One that came before another was noted is not forgotten.
    let missed = subject.send("c", "ann", "2").await.id;
    let later = subject.send("c", "cy", "3").await.id;
    let own = subject.send("c", "bo", "4").await.id;
    let reached = stores
        .receipts
        .mark_delivered_to(&c, later, &user("cy"), std::slice::from_ref(&bo))
        .await;
    assert_eq!(reached.unwrap(), [user("bo")]);
    let now = subject.tick();
    let joined = stores
        .receipts
        .mark_delivered(&c, &bo, limit(9))
        .await
        .unwrap();
    assert_eq!((joined.at, joined.more), (now, false));
    assert_eq!(joined.messages, [(missed, user("ann"))]);
    assert_eq!(receipt(&subject, own, "bo").await, None);
    let joined = stores
        .receipts
        .mark_delivered(&c, &bo, limit(9))
        .await
        .unwrap();
    assert!(joined.messages.is_empty() && !joined.more);

    // Delivered is not read.
    assert_eq!(subject.unread("c", "bo").await, 3);
    let read = stores.receipts.mark_read(&c, &bo, &[live]).await.unwrap();
    assert_eq!(read.messages, [(user("ann"), vec![live])]);
    assert_eq!(receipt(&subject, live, "bo").await, Some((at, Some(now))));
}

pub(crate) async fn a_message_is_delivered_to_many_together(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann) = (conversation("c"), user("ann"));
    let names: Vec<_> = (10..60).map(|number| format!("user-{number}")).collect();
    let others: Vec<_> = names.iter().map(|name| user(name)).collect();
    let all: Vec<_> = names.iter().map(|name| &**name).chain(["ann"]).collect();
    subject.with("c", &all).await;
    let sent = subject.send("c", "ann", "1").await.id;
    let at = subject.tick();
    let mark = async |users: &[UserId]| {
        let reached = stores.receipts.mark_delivered_to(&c, sent, &ann, users);
        reached.await.unwrap()
    };
    // Some were reached before, some are none.
    let (some, rest) = others.split_at(20);
    assert_eq!(mark(&some[5..]).await, some[5..]);
    let with_strangers = [&others[..], &[user("eve"), ann.clone()], rest].concat();
    let expected = [&some[..5], rest].concat();
    assert_eq!(mark(&with_strangers).await, expected);
    for name in names {
        assert_eq!(receipt(&subject, sent, &name).await, Some((at, None)));
    }
    assert_eq!(receipt(&subject, sent, "ann").await, None);
}

pub(crate) async fn a_message_is_delivered_to_a_few_of_many(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann) = (conversation("c"), user("ann"));
    let names: Vec<_> = (100..200).map(|number| format!("user-{number}")).collect();
    let all: Vec<_> = names.iter().map(|name| &**name).chain(["ann"]).collect();
    subject.with("c", &all).await;
    let former = user("user-170");
    let ended = stores
        .participants
        .end(&c, &former, &ChangedBy::Admin)
        .await;
    assert!(ended.unwrap().is_some());
    let sent = subject.send("c", "ann", "1").await.id;
    let at = subject.tick();
    // Some beside each other, some apart, and strangers in between.
    let reached = ["user-101", "user-102", "user-140", "user-169", "user-199"];
    let strangers = ["a", "user-103a", "user-15", "user-170", "zed"];
    let mut online: Vec<_> = [reached, strangers]
        .concat()
        .into_iter()
        .map(user)
        .collect();
    online.sort();
    let marked = stores.receipts.mark_delivered_to(&c, sent, &ann, &online);
    assert_eq!(marked.await.unwrap(), reached.map(user));
    for name in reached {
        assert_eq!(receipt(&subject, sent, name).await, Some((at, None)));
    }
    for name in strangers {
        assert_eq!(receipt(&subject, sent, name).await, None);
    }
}

pub(crate) async fn deliveries_come_in_parts(subject: Subject) {
    let stores = &subject.stores;
    let (c, bo) = (conversation("c"), user("bo"));
    subject.with("c", &["ann", "bo"]).await;
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(subject.send("c", "ann", &number.to_string()).await.id);
    }
    let _ = stores
        .messages
        .delete(&c, ids[0], &user("ann"))
        .await
        .unwrap();
    assert!(stores.messages.hide(&c, ids[3], &bo).await.unwrap());
    let part = async |most| {
        let part = stores
            .receipts
            .mark_delivered(&c, &bo, limit(most))
            .await
            .unwrap();
        let ids: Vec<_> = part.messages.into_iter().map(|(id, _)| id).collect();
        (ids, part.more)
    };
    assert_eq!(part(2).await, (vec![ids[1], ids[2]], true));
    assert_eq!(receipt(&subject, ids[4], "bo").await, None);
    assert_eq!(part(2).await, (vec![ids[4], ids[5]], true));
    assert_eq!(part(2).await, (vec![ids[6]], false));
    assert_eq!(part(2).await, (vec![], false));
}

pub(crate) async fn messages_sent_before_a_participant_was_added_are_not_delivered(
    subject: Subject,
) {
    let stores = &subject.stores;
    let (c, cy) = (conversation("c"), user("cy"));
    subject.with("c", &["ann"]).await;
    let before = subject.send("c", "ann", "1").await.id;
    let new = participant("cy", Role::Member);
    assert!(
        stores
            .participants
            .add(&c, &new, &ChangedBy::Admin, MAX_ACTIVE)
            .await
            .unwrap()
            .change
            .is_some()
    );
    let since = subject.send("c", "ann", "2").await.id;
    let joined = stores
        .receipts
        .mark_delivered(&c, &cy, limit(9))
        .await
        .unwrap();
    assert_eq!(joined.messages, [(since, user("ann"))]);
    // But they may well read it.
    let read = stores.receipts.mark_read(&c, &cy, &[before]).await.unwrap();
    assert_eq!(read.messages, [(user("ann"), vec![before])]);
    assert_eq!(subject.unread("c", "cy").await, 1);
}

/// What a participant reads behind a cursor, part by part, and where the next ones begin.
async fn noted(
    subject: &Subject,
    who: &str,
    after: ReceiptCursor,
    limit: usize,
) -> (Vec<(MessageId, String, bool)>, ReceiptCursor) {
    let (c, who) = (conversation("c"), user(who));
    let (mut found, mut after, mut more) = (Vec::new(), after, true);
    while more {
        let receipts = &subject.stores.receipts;
        let page = receipts.noted_since(&c, &who, Some(after), limit);
        let page = page.await.unwrap();
        found.extend(page.receipts.iter().map(|one| {
            let user = one.user.as_str().to_owned();
            (one.message, user, one.read_at.is_some())
        }));
        (after, more) = (page.end, page.more);
    }
    found.sort();
    found.dedup();
    (found, after)
}

pub(crate) async fn receipts_are_read_by_a_cursor(subject: Subject) {
    let stores = &subject.stores;
    let (c, receipts) = (conversation("c"), &stores.receipts);
    subject.with("c", &["ann", "bo", "cy"]).await;
    // Longer than it takes until no earlier one can appear.
    let settle = || {
        let _ = subject.tick_by(Duration::from_secs(60));
    };
    let ann = user("ann");
    let begin = receipts.noted_since(&c, &ann, None, 9);
    let begin = begin.await.unwrap();
    assert!(begin.receipts.is_empty() && !begin.more);
    let begin = begin.end;
    assert!(noted(&subject, "ann", begin, 9).await.0.is_empty());

    let first = subject.send("c", "ann", "1").await.id;
    let second = subject.send("c", "bo", "2").await.id;
    let (ann, both) = (user("ann"), [user("bo"), user("cy")]);
    let reached = receipts.mark_delivered_to(&c, first, &ann, &both);
    reached.await.unwrap();
    subject.tick();
    receipts
        .mark_read(&c, &user("cy"), &[second])
        .await
        .unwrap();
    let to = |message, who: &str, is_read| (message, who.to_owned(), is_read);
    let of_first = vec![to(first, "bo", false), to(first, "cy", false)];
    // Their own, and those of their messages.
    let of_cy = vec![to(first, "cy", false), to(second, "cy", true)];
    for limit in [1, 9] {
        assert_eq!(noted(&subject, "ann", begin, limit).await.0, of_first);
        assert_eq!(noted(&subject, "cy", begin, limit).await.0, of_cy);
    }
    settle();
    let (found, read) = noted(&subject, "ann", begin, 1).await;
    assert_eq!(found, of_first);

    // As they are now, and nothing where nothing is new.
    assert!(noted(&subject, "ann", read, 9).await.0.is_empty());
    for _ in 0..2 {
        receipts.mark_read(&c, &user("cy"), &[first]).await.unwrap();
    }
    let (found, later) = noted(&subject, "ann", read, 9).await;
    assert!(found.contains(&to(first, "cy", true)));
    assert!(!found.contains(&to(first, "cy", false)));
    settle();
    let (_, later) = noted(&subject, "ann", later, 9).await;
    receipts
        .mark_delivered(&c, &user("ann"), limit(9))
        .await
        .unwrap();
    for (who, concerns) in [("bo", true), ("ann", true), ("cy", false)] {
        let (found, _) = noted(&subject, who, later, 9).await;
        assert_eq!(found.contains(&to(second, "ann", false)), concerns);
    }

    let ahead = ReceiptCursor::at(1 << 60);
    let late = receipts.noted_since(&c, &user("ann"), Some(ahead), 9).await;
    assert_rejected!(late, CursorExpired);
    let eve = receipts.noted_since(&c, &user("eve"), None, 9).await;
    assert_rejected!(eve, NotParticipant);
}

pub(crate) async fn much_that_was_noted_at_once_comes_in_parts(subject: Subject) {
    let receipts = &subject.stores.receipts;
    let c = conversation("c");
    subject.with("c", &["ann", "bo", "cy"]).await;
    let ann = user("ann");
    let begin = receipts.noted_since(&c, &ann, None, 9);
    let begin = begin.await.unwrap().end;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(subject.send("c", "ann", &number.to_string()).await.id);
    }
    for (who, ids) in [("bo", &ids[..]), ("cy", &ids[..20]), ("cy", &ids[20..])] {
        receipts.mark_read(&c, &user(who), ids).await.unwrap();
        subject.tick();
    }
    for limit in [1, 7, 1_000] {
        let (found, read) = noted(&subject, "ann", begin, limit).await;
        assert_eq!(found.len(), 80);
        let _ = subject.tick_by(Duration::from_secs(60));
        assert_eq!(noted(&subject, "ann", read, limit).await.0.len() % 80, 0);
        let (_, read) = noted(&subject, "ann", read, limit).await;
        assert!(noted(&subject, "ann", read, limit).await.0.is_empty());
    }
}

pub(crate) async fn receipts_are_read_by_message(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann, bo, cy) = (conversation("c"), user("ann"), user("bo"), user("cy"));
    subject.with("c", &["ann", "bo", "cy"]).await;
    let first = subject.send("c", "ann", "1").await.id;
    let second = subject.send("c", "bo", "2").await.id;
    let at = subject.tick();
    stores
        .receipts
        .mark_read(&c, &cy, &[first, second])
        .await
        .unwrap();
    let later = subject.tick();
    let reached = stores
        .receipts
        .mark_delivered_to(&c, first, &ann, std::slice::from_ref(&bo));
    assert_eq!(reached.await.unwrap(), std::slice::from_ref(&bo));
    let of = async |who: &UserId| {
        let found = stores.receipts.of_messages(&c, who, &[second, first]).await;
        found.unwrap()
    };
    let receipt = |message, user: &UserId, delivered_at, read_at| Receipt {
        message,
        user: user.clone(),
        delivered_at,
        read_at,
    };
    let by_cy = |message| receipt(message, &cy, at, Some(at));
    // Of one's own messages all, of those of others one's own.
    assert_eq!(
        of(&ann).await,
        [receipt(first, &bo, later, None), by_cy(first)]
    );
    assert_eq!(
        of(&bo).await,
        [receipt(first, &bo, later, None), by_cy(second)]
    );
    assert_eq!(of(&cy).await, [by_cy(first), by_cy(second)]);
    let elsewhere = stores
        .receipts
        .of_messages(&conversation("d"), &ann, &[first])
        .await;
    assert!(elsewhere.unwrap().is_empty());
}

pub(crate) async fn some_of_those_whom_a_message_reached_together_read_it(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann, bo) = (conversation("c"), user("ann"), user("bo"));
    subject.with("c", &["ann", "bo", "cy", "dee"]).await;
    let sent = subject.send("c", "ann", "1").await.id;
    let mark = async |names: &[&str]| {
        let users: Vec<_> = names.iter().map(|name| user(name)).collect();
        let reached = stores.receipts.mark_delivered_to(&c, sent, &ann, &users);
        reached.await.unwrap()
    };
    let at = subject.tick();
    assert_eq!(mark(&["bo", "cy"]).await, [user("bo"), user("cy")]);
    let later = subject.tick();
    let read = async |who: &str| {
        let (who, sent) = (user(who), [sent]);
        let read = stores.receipts.mark_read(&c, &who, &sent).await;
        read.unwrap()
    };
    // Whether it had reached them before.
    for (who, is_new) in [("cy", false), ("dee", true)] {
        let first = read(who).await;
        assert_eq!(first.messages, [(ann.clone(), vec![sent])]);
        assert_eq!(first.delivered.len(), usize::from(is_new));
        assert!(read(who).await.messages.is_empty());
    }
    assert!(mark(&["bo", "cy", "dee"]).await.is_empty());
    let waiting = stores.receipts.mark_delivered(&c, &bo, limit(9)).await;
    assert!(waiting.unwrap().messages.is_empty());
    let of = async |who: &UserId| {
        let found = stores.receipts.of_messages(&c, who, &[sent]).await;
        let found = found.unwrap().into_iter();
        let found = found.map(|one| (one.user, one.delivered_at, one.read_at));
        found.collect::<Vec<_>>()
    };
    let expected = [
        (bo.clone(), at, None),
        (user("cy"), at, Some(later)),
        (user("dee"), later, Some(later)),
    ];
    assert_eq!(of(&ann).await, expected);
    assert_eq!(of(&bo).await, expected[..1]);
}
