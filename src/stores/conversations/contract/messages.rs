//! Keeping, editing, deleting and hiding messages.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::subject::*;
use crate::model::conversation::*;
use crate::payload::OwnedValue;

pub(crate) async fn a_message_is_stored_as_it_was_sent(subject: Subject) {
    let stores = &subject.stores;
    subject.with("c", &["ann", "bo"]).await;
    let at = subject.tick();
    let new = NewMessage {
        media: Some(json("[ {\"a\":1.50} ]")),
        key_number: Some(-3),
        temp_id: TempId::parse("t1"),
        extra: extra(r#"{"type":"image","n":1.50,"replyToId":null}"#),
        ..new_message("c", "ann", "\"\\u0041\"")
    };
    let sent = stores.messages.append(&new).await.unwrap().value;
    let stored = stores.messages.find(sent.id).await.unwrap().unwrap();
    for message in [&sent, &stored] {
        assert_eq!(message.conversation, new.conversation);
        assert_eq!(message.sender, new.sender);
        assert_eq!(message.temp_id, new.temp_id);
        assert_eq!(message.key_number, Some(-3));
        assert_eq!(message.created_at, at);
        assert_eq!((message.edited_at, message.deleted_at()), (None, None));
        assert_eq!(text_of(message), "\"\\u0041\"");
        assert_eq!(message.media().map(text).unwrap(), "[ {\"a\":1.50} ]");
        let said = r#"{"type":"image","n":1.50,"replyToId":null}"#;
        assert_eq!(extra_of(message), said);
    }
    let bare = NewMessage {
        content: None,
        ..new_message("c", "bo", "0")
    };
    let bare = stores.messages.append(&bare).await.unwrap().value;
    let bare = stores.messages.find(bare.id).await.unwrap().unwrap();
    assert!(bare.content().is_none() && bare.media().is_none());
    assert!(bare.extra().unwrap().is_empty());
    let unknown = MessageId::new(uuid::Uuid::now_v7()).unwrap();
    assert!(stores.messages.find(unknown).await.unwrap().is_none());
}

/// A message with a temporary id.
fn named(at: &str, who: &str, what: &str, name: &str) -> NewMessage {
    NewMessage {
        temp_id: TempId::parse(name),
        ..new_message(at, who, what)
    }
}

impl Subject {
    /// Sends a message; its id, and whether it is new.
    async fn sent(&self, new: &NewMessage) -> (MessageId, bool) {
        let sent = self.stores.messages.append(new).await.unwrap();
        (sent.value.id, sent.change.is_some())
    }
}

pub(crate) async fn the_same_words_under_the_same_temp_id_are_the_same_message(subject: Subject) {
    subject.with("c", &["ann", "bo"]).await;
    subject.with("d", &["ann"]).await;
    let first = named("c", "ann", "1", "t");
    let (id, is_new) = subject.sent(&first).await;
    assert!(is_new);
    assert_eq!(subject.sent(&first).await, (id, false));
    assert_eq!(subject.unread("c", "bo").await, 1);
    for other in [
        named("c", "bo", "1", "t"),
        named("d", "ann", "1", "t"),
        named("c", "ann", "1", "T"),
        new_message("c", "ann", "1"),
        new_message("c", "ann", "1"),
    ] {
        assert!(subject.sent(&other).await.1);
    }
    assert_eq!(subject.seen("c", "ann").await.len(), 5);

    let messages = &subject.stores.messages;
    let (c, ann) = (conversation("c"), user("ann"));
    let _ = messages.edit(&c, id, &ann, &edit("2")).await.unwrap();
    assert_eq!(subject.sent(&first).await, (id, false), "it was edited");
    let _ = messages.delete(&c, id, &ann).await.unwrap();
    assert_eq!(subject.sent(&first).await, (id, false), "it was deleted");
    let stored = messages.append(&first).await.unwrap().value;
    assert!(stored.deleted_at().is_some());
}

pub(crate) async fn other_words_under_the_same_temp_id_are_another_message(subject: Subject) {
    subject.with("c", &["ann", "bo"]).await;
    let said = |what| named("c", "ann", what, "1");
    let all = [
        said("1"),
        said("2"),
        said("\"1\""),
        NewMessage {
            media: Some(json("1")),
            ..said("1")
        },
        NewMessage {
            content: None,
            media: Some(json("1")),
            ..said("1")
        },
        NewMessage {
            key_number: Some(1),
            ..said("1")
        },
        NewMessage {
            extra: extra(r#"{"attachments":[1]}"#),
            ..said("1")
        },
        NewMessage {
            content: Some(attached("one")),
            ..said("1")
        },
        NewMessage {
            content: Some(attached("two")),
            ..said("1")
        },
    ];
    let mut ids = Vec::new();
    for message in &all {
        let (id, is_new) = subject.sent(message).await;
        assert!(is_new && !ids.contains(&id), "{message:?}");
        ids.push(id);
    }
    for (message, id) in all.iter().zip(&ids) {
        assert_eq!(subject.sent(message).await, (*id, false), "{message:?}");
    }
    assert_eq!(subject.unread("c", "bo").await, all.len() as u64);
}

/// A content with this attached.
fn attached(bytes: &'static str) -> OwnedValue {
    let placeholder = r#"{"_placeholder":true,"num":0}"#.to_owned();
    OwnedValue::from_parts(placeholder, vec![Bytes::from_static(bytes.as_bytes())]).unwrap()
}

pub(crate) async fn a_temp_id_comes_back_as_it_was_written(subject: Subject) {
    subject.with("c", &["ann"]).await;
    let numbers = [
        "7",
        "-0",
        "0.5488135039273248",
        "1.50",
        "1e3",
        "123456789012345678901234567890",
    ];
    let numbers = numbers.map(|number| TempId::number(number).unwrap());
    let texts = ["7", "0.5488135039273248", "1e3"].map(|text| TempId::parse(text).unwrap());
    let all = numbers.into_iter().chain(texts);
    let all: Vec<_> = all
        .map(|temp_id| NewMessage {
            temp_id: Some(temp_id),
            ..new_message("c", "ann", "1")
        })
        .collect();
    let mut ids = Vec::new();
    for message in &all {
        let (id, is_new) = subject.sent(message).await;
        assert!(is_new, "{:?}", message.temp_id);
        assert_eq!(subject.sent(message).await, (id, false));
        let stored = subject.stores.messages.find(id).await.unwrap().unwrap();
        assert_eq!(stored.temp_id, message.temp_id);
        ids.push(id);
    }
    assert_eq!(subject.seen("c", "ann").await.len(), all.len());
    for other in ["", "a", "1a", "[1]", "\"1\"", "NaN", &"1".repeat(129)] {
        assert_eq!(TempId::number(other), None, "{other}");
    }
}

pub(crate) async fn an_edit_that_comes_again_changes_nothing(subject: Subject) {
    subject.with("c", &["ann", "bo"]).await;
    let (c, ann, messages) = (conversation("c"), user("ann"), &subject.stores.messages);
    let id = subject.send("c", "ann", "1").await.id;
    let to = |content: &str, key_number, said: &str| Edit {
        key_number,
        extra: extra(said),
        ..edit(content)
    };
    for edit in [
        to("1", None, "{}"),
        to("2", None, "{}"),
        to("2", Some(3), "{}"),
        to("2", None, r#"{"a":1}"#),
        to("2", Some(3), r#"{"a":2}"#),
        to("1", None, "{}"),
    ] {
        let edited = messages.edit(&c, id, &ann, &edit).await.unwrap();
        assert!(edited.change.is_some(), "{edit:?}");
        subject.tick();
        let again = messages.edit(&c, id, &ann, &edit).await.unwrap();
        assert!(again.change.is_none(), "{edit:?}");
        assert_eq!(again.value.edited_at, edited.value.edited_at);
    }
}

pub(crate) async fn the_same_words_a_day_later_are_another_message(subject: Subject) {
    subject.with("c", &["ann"]).await;
    let message = named("c", "ann", "1", "t");
    let mut ids = vec![subject.sent(&message).await.0];
    for _ in 0..3 {
        subject.tick_by(Duration::from_secs(24 * 60 * 60 - 1));
        assert_eq!(subject.sent(&message).await, (ids[ids.len() - 1], false));
        subject.tick();
        let (id, is_new) = subject.sent(&message).await;
        assert!(is_new && !ids.contains(&id));
        assert_eq!(subject.sent(&message).await, (id, false));
        ids.push(id);
    }
    assert_eq!(subject.seen("c", "ann").await, ["1"; 4]);
}

pub(crate) async fn concurrent_sends_of_the_same_message_store_it_once(subject: Subject) {
    let stores = &subject.stores;
    subject.with("c", &["ann"]).await;
    let new = named("c", "ann", "1", "t");
    let all = join_all((0..20).map(|_| stores.messages.append(&new))).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|sent| sent.change.is_some()).count(), 1);
    assert!(all.iter().all(|sent| sent.value.id == all[0].value.id));
    assert_eq!(subject.seen("c", "ann").await, ["1"]);
}

pub(crate) async fn only_the_author_edits(subject: Subject) {
    let stores = &subject.stores;
    let (c, bo) = (conversation("c"), user("bo"));
    subject.with("c", &["ann", "bo"]).await;
    let mut new = new_message("c", "bo", "1");
    new.media = Some(json("\"m\""));
    new.key_number = Some(4);
    let sent = stores.messages.append(&new).await.unwrap().value;
    let at = subject.tick();
    let admin = stores
        .messages
        .edit(&c, sent.id, &user("ann"), &edit("2"))
        .await;
    assert_rejected!(admin, NotFoundOrForbidden);
    let edited = stores
        .messages
        .edit(&c, sent.id, &bo, &edit("3"))
        .await
        .unwrap();
    assert_eq!(edited.value.edited_at, Some(at));
    assert_eq!(
        (edited.value.created_at, edited.value.key_number),
        (sent.created_at, Some(4))
    );
    assert_eq!(edited.value.media().map(text).unwrap(), "\"m\"");
    let rekeyed = Edit {
        key_number: Some(5),
        ..edit("4")
    };
    let _ = stores
        .messages
        .edit(&c, sent.id, &bo, &rekeyed)
        .await
        .unwrap();
    let stored = stores.messages.find(sent.id).await.unwrap().unwrap();
    assert_eq!(
        (text_of(&stored).as_str(), stored.key_number),
        ("4", Some(5))
    );
    assert_eq!(subject.seen("c", "ann").await, ["4"]);

    let _ = stores.messages.delete(&c, sent.id, &bo).await.unwrap();
    assert_rejected!(
        stores.messages.edit(&c, sent.id, &bo, &edit("5")).await,
        NotFoundOrForbidden
    );
    assert_eq!(subject.seen("c", "ann").await, ["deleted"]);
    // An edit is not later than what the clock says, but never before the message.
    let second = subject.send("c", "bo", "6").await;
    subject.clock.set(5);
    let edited = stores
        .messages
        .edit(&c, second.id, &bo, &edit("7"))
        .await
        .unwrap();
    assert_eq!(edited.value.edited_at, Some(second.created_at));
}

pub(crate) async fn an_edit_keeps_what_it_does_not_mention(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann) = (conversation("c"), user("ann"));
    subject.with("c", &["ann"]).await;
    let attached = |text: &str| Extra::of_parts(text, vec![Bytes::from_static(b"\0\xff")]);
    let new = NewMessage {
        media: Some(json("\"m\"")),
        extra: attached(r#"{"a":1,"file":{"_placeholder":true,"num":0}}"#),
        ..new_message("c", "ann", "1")
    };
    let sent = stores.messages.append(&new).await.unwrap().value.id;
    let plain = stores.messages.edit(&c, sent, &ann, &edit("2")).await;
    let plain = plain.unwrap().value;
    let said = r#"{"a":1,"file":{"_placeholder":true,"num":0}}"#;
    assert_eq!(extra_of(&plain), said);
    assert_eq!(plain.media().map(text).unwrap(), "\"m\"");
    let more = Edit {
        extra: extra(r#"{"a":2,"b":[]}"#),
        ..edit("3")
    };
    let edited = stores.messages.edit(&c, sent, &ann, &more).await.unwrap();
    let stored = stores.messages.find(sent).await.unwrap().unwrap();
    for message in [&edited.value, &stored] {
        let said = r#"{"a":2,"file":{"_placeholder":true,"num":0},"b":[]}"#;
        assert_eq!(extra_of(message), said);
        let value = message.extra().unwrap().to_value().unwrap();
        assert_eq!(value.to_parts().1, [&b"\0\xff"[..]]);
        assert_eq!(message.media().map(text).unwrap(), "\"m\"");
    }
    // Edit by edit, a message does not grow beyond what it may have.
    let many = (0..Extra::MAX_FIELDS).map(|n| format!("\"{n}\":0"));
    let many = format!("{{{}}}", many.collect::<Vec<_>>().join(","));
    let too_large = Edit {
        max_bytes: stored.size() + 2,
        extra: extra(r#"{"c":true}"#),
        ..edit("4")
    };
    let too_many = Edit {
        extra: extra(&many),
        ..edit("5")
    };
    let placeholder = r#"{"d":{"_placeholder":true,"num":9}}"#;
    let mistaken = Edit {
        extra: extra(placeholder),
        ..edit("6")
    };
    for refused in [too_large, too_many, mistaken, edit(placeholder)] {
        let refused = stores.messages.edit(&c, sent, &ann, &refused).await;
        assert_rejected!(refused, TooLarge);
    }
    assert_eq!(subject.seen("c", "ann").await, ["3"]);
}

pub(crate) async fn the_author_and_admins_delete(subject: Subject) {
    let stores = &subject.stores;
    let c = conversation("c");
    subject.with("c", &["ann", "bo", "cy"]).await;
    let anns = subject.send("c", "ann", "1").await.id;
    let bos = subject.send("c", "bo", "2").await.id;
    let bos_second = subject.send("c", "bo", "3").await.id;
    assert_eq!(subject.unread("c", "cy").await, 3);
    let at = subject.tick();
    for (message, name) in [(bos, "cy"), (anns, "bo")] {
        assert_rejected!(
            stores.messages.delete(&c, message, &user(name)).await,
            NotFoundOrForbidden
        );
    }
    let by_author = stores.messages.delete(&c, bos, &user("bo")).await.unwrap();
    let by_admin = stores
        .messages
        .delete(&c, bos_second, &user("ann"))
        .await
        .unwrap();
    for deleted in [&by_author, &by_admin] {
        assert!(deleted.change.is_some());
        assert_eq!(deleted.value.deleted_at(), Some(at));
        assert_eq!(deleted.value.sender, user("bo"));
    }
    subject.tick();
    let again = stores.messages.delete(&c, bos, &user("ann")).await.unwrap();
    assert!(again.change.is_none() && again.value.deleted_at() == Some(at));
    assert_eq!(subject.seen("c", "cy").await, ["1", "deleted", "deleted"]);
    assert_eq!(subject.unread("c", "cy").await, 1);
    assert_eq!(subject.unread("c", "bo").await, 1);
}

pub(crate) async fn nothing_is_left_of_the_content_of_a_deleted_message(subject: Subject) {
    let stores = &subject.stores;
    subject.with("c", &["ann"]).await;
    let mut new = new_message("c", "ann", "1");
    new.media = Some(json("2"));
    let sent = stores.messages.append(&new).await.unwrap().value;
    let (c, ann) = (conversation("c"), user("ann"));
    let _ = stores.messages.delete(&c, sent.id, &ann).await.unwrap();
    let left = stores.messages.find(sent.id).await.unwrap().unwrap();
    assert!(left.content().is_none() && left.media().is_none());
    assert_eq!((left.id, left.created_at), (sent.id, sent.created_at));
}

pub(crate) async fn a_hidden_message_stays_visible_to_others(subject: Subject) {
    let stores = &subject.stores;
    let (c, bo) = (conversation("c"), user("bo"));
    subject.with("c", &["ann", "bo"]).await;
    let first = subject.send("c", "ann", "1").await.id;
    let second = subject.send("c", "bo", "2").await.id;
    assert!(stores.messages.hide(&c, first, &bo).await.unwrap());
    assert!(!stores.messages.hide(&c, first, &bo).await.unwrap());
    assert!(stores.messages.hide(&c, second, &bo).await.unwrap());
    assert_eq!(subject.unread("c", "bo").await, 0);
    assert_eq!(subject.unread("c", "ann").await, 1);
    subject.send("c", "ann", "3").await;
    assert_eq!(subject.seen("c", "bo").await, ["3"]);
    assert_eq!(subject.seen("c", "ann").await, ["1", "2", "3"]);
    assert_eq!(subject.unread("c", "bo").await, 1);
}

pub(crate) async fn a_message_of_another_conversation_is_none(subject: Subject) {
    let stores = &subject.stores;
    let (d, ann) = (&conversation("d"), &user("ann"));
    subject.with("c", &["ann", "bo"]).await;
    subject.with("d", &["ann", "bo"]).await;
    let foreign = subject.send("c", "ann", "1").await.id;
    let bos = subject.send("c", "bo", "2").await.id;
    let emoji = Emoji::parse("+").unwrap();
    let reacted = stores
        .reactions
        .add(&conversation("c"), foreign, ann, &emoji)
        .await;
    let reaction = reacted.unwrap().value.id;
    assert_rejected!(
        stores.messages.edit(d, foreign, ann, &edit("3")).await,
        NotFoundOrForbidden
    );
    assert_rejected!(
        stores.messages.delete(d, foreign, ann).await,
        NotFoundOrForbidden
    );
    assert_rejected!(
        stores.messages.hide(d, foreign, ann).await,
        NotFoundOrForbidden
    );
    assert_rejected!(
        stores.reactions.add(d, foreign, ann, &emoji).await,
        NotFoundOrForbidden
    );
    let removed = stores.reactions.remove(d, foreign, reaction, ann).await;
    assert_rejected!(removed, NotFoundOrForbidden);
    let reached = stores
        .receipts
        .mark_delivered_to(d, foreign, ann, &[user("bo")])
        .await;
    assert_rejected!(reached, NotFoundOrForbidden);
    let read = stores.receipts.mark_read(d, ann, &[bos]).await.unwrap();
    assert!(read.messages.is_empty());
    assert_eq!(subject.seen("c", "ann").await, ["1", "2"]);
    assert_eq!(subject.unread("c", "ann").await, 1);
}
