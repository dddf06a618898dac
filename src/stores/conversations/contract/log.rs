//! What users read of logs, and who may read how much of them.

use super::subject::*;
use crate::model::conversation::*;
use crate::stores::conversations::StoreError;

/// A change in short: its number and what it is.
fn short(change: &Change) -> String {
    let what = match &change.what {
        Changed::Created { .. } => "created".to_owned(),
        Changed::Sent(message) => format!("sent {}", text_of(message)),
        Changed::Edited(message) => format!("edited {}", text_of(message)),
        Changed::Deleted(message) => format!("deleted {}", text_of(message)),
        Changed::Reacted(reaction) => format!("reacted {}", reaction.emoji.as_str()),
        Changed::Unreacted(reaction) => format!("unreacted {}", reaction.emoji.as_str()),
        Changed::Added { user, .. } => format!("added {}", user.as_str()),
        Changed::Left(user) => format!("left {}", user.as_str()),
        Changed::Removed(user) => format!("removed {}", user.as_str()),
        other => format!("{other:?}"),
    };
    format!("{} {what}", change.number.get())
}

async fn read(
    subject: &Subject,
    who: &str,
    (after, until): (u64, u64),
    with_sent: bool,
    limit: usize,
) -> (Vec<String>, u64) {
    let window = LogWindow {
        after: ChangeNumber::new(after),
        until: ChangeNumber::new(until),
        with_sent,
    };
    let (c, who, log) = (conversation("c"), user(who), &subject.stores.log);
    let read = log.visible_changes(&c, &who, window, limit);
    let read = read.await.unwrap();
    (read.changes.iter().map(short).collect(), read.end.get())
}

/// Ten changes: three messages, and what happened to them.
async fn ten_changes(subject: &Subject) -> Vec<MessageId> {
    let stores = &subject.stores;
    let (c, ann, bo) = (conversation("c"), user("ann"), user("bo"));
    subject.with("c", &["ann", "bo"]).await;
    let mut ids = Vec::new();
    for what in ["1", "2", "3"] {
        ids.push(subject.send("c", "ann", what).await.id);
    }
    let emoji = Emoji::parse("+").unwrap();
    let reacted = stores.reactions.add(&c, ids[0], &bo, &emoji).await.unwrap();
    let _ = stores
        .messages
        .edit(&c, ids[1], &ann, &edit("4"))
        .await
        .unwrap();
    let _ = stores.messages.delete(&c, ids[2], &ann).await.unwrap();
    let id = reacted.value.id;
    let _ = stores.reactions.remove(&c, ids[0], id, &bo).await.unwrap();
    let cy = participant("cy", Role::Member);
    let _ = stores
        .participants
        .add(&c, &cy, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    let left = stores.participants.end(&c, &user("cy"), &by("cy")).await;
    assert!(left.unwrap().is_some());
    ids
}

pub(crate) async fn a_log_is_read_in_parts(subject: Subject) {
    ten_changes(&subject).await;
    let all = [
        "1 created",
        "2 sent 1",
        "3 sent 4",
        "4 sent deleted",
        "5 reacted +",
        "6 edited 4",
        "7 deleted deleted",
        "8 unreacted +",
        "9 added cy",
        "10 left cy",
    ];
    let is = |read: (Vec<String>, u64), from: usize, to: usize| {
        assert_eq!(
            read,
            (
                all[from..to].iter().map(|one| (*one).into()).collect(),
                to as u64
            )
        );
    };
    is(read(&subject, "ann", (0, 10), true, 100).await, 0, 10);
    is(read(&subject, "ann", (3, 10), true, 4).await, 3, 7);
    is(read(&subject, "ann", (3, 6), true, 100).await, 3, 6);
    is(read(&subject, "ann", (10, 10), true, 100).await, 10, 10);
    let beside = read(&subject, "ann", (2, 8), false, 100).await;
    let expected = all[4..8].iter().map(|one| (*one).to_owned());
    assert_eq!(beside, (expected.collect(), 8));
    let none = read(&subject, "ann", (1, 4), false, 100).await;
    assert_eq!(none, (Vec::new(), 4));
}

pub(crate) async fn nothing_is_read_of_a_hidden_message(subject: Subject) {
    let ids = ten_changes(&subject).await;
    let c = conversation("c");
    let messages = &subject.stores.messages;
    for id in &ids[..2] {
        assert!(messages.hide(&c, *id, &user("bo")).await.unwrap());
    }
    let (bo, end) = read(&subject, "bo", (0, 10), true, 100).await;
    let expected = [
        "1 created",
        "4 sent deleted",
        "7 deleted deleted",
        "9 added cy",
        "10 left cy",
    ];
    assert_eq!((bo, end), (expected.map(str::to_owned).into(), 10));
    assert_eq!(read(&subject, "ann", (0, 10), true, 100).await.0.len(), 10);
}

pub(crate) async fn a_participation_has_a_beginning_and_an_end(subject: Subject) {
    let stores = &subject.stores;
    ten_changes(&subject).await;
    subject.with("d", &["bo"]).await;
    let of = async |name, only: Option<&str>| {
        let only = only.map(conversation);
        let found = stores.log.participations(&user(name), only.as_ref()).await;
        let mut found: Vec<_> = found
            .unwrap()
            .into_iter()
            .map(|one| {
                let ended = one.ended.map(ChangeNumber::get);
                let id = one.conversation.as_str().to_owned();
                (id, one.added.get(), ended, one.last.get())
            })
            .collect();
        found.sort();
        found
    };
    let c = |added, ended, last| ("c".to_owned(), added, ended, last);
    assert_eq!(
        of("bo", None).await,
        [c(1, None, 10), ("d".to_owned(), 1, None, 1)]
    );
    assert_eq!(of("bo", Some("c")).await, [c(1, None, 10)]);
    assert_eq!(of("eve", None).await, []);
    assert_eq!(of("bo", Some("e")).await, []);
    let (_, _, ended, last) = of("cy", None).await.remove(0);
    assert_eq!((ended, last), (Some(10), 10));
    let cy = participant("cy", Role::Member);
    let _ = stores
        .participants
        .add(&conversation("c"), &cy, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    assert_eq!(of("cy", None).await, [c(11, None, 11)]);
}

pub(crate) async fn a_page_says_how_far_it_reaches(subject: Subject) {
    let ids = ten_changes(&subject).await;
    let page = async |after: Option<After>, most| {
        let before = None;
        let page = subject
            .page("c", "ann", Window { after, before }, most)
            .await;
        (page.messages.len(), page.after.get(), page.end.get())
    };
    assert_eq!(page(None, 9).await, (3, 0, 10));
    assert_eq!(page(None, 2).await, (2, 0, 10));
    assert_eq!(page(Some(ids[0].into()), 9).await, (2, 2, 10));
    assert_eq!(page(Some(ids[0].into()), 1).await, (1, 2, 3));
    assert_eq!(page(Some(ids[2].into()), 9).await, (0, 4, 10));
    let change = |number| Some(After::Change(ChangeNumber::new(number)));
    assert_eq!(page(change(2), 1).await, (1, 2, 3));
    assert_eq!(page(change(3), 9).await, (1, 3, 10));
    assert_eq!(page(change(10), 9).await, (0, 10, 10));
    let window = Window {
        after: change(11),
        before: None,
    };
    let (c, ann) = (conversation("c"), user("ann"));
    let late = subject.stores.messages.page(&c, &ann, window, limit(9));
    assert!(matches!(late.await, Err(StoreError::CursorExpired)));
}
