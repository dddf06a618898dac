//! Tokens that are taken back.

use futures_util::future::join_all;
use uuid::Uuid;

use super::subject::*;
use crate::model::{Revocation, RevocationKind};

const KINDS: [RevocationKind; 3] = RevocationKind::ALL;

/// One that holds for so many milliseconds.
fn new(subject: &Subject, kind: RevocationKind, id: &str, ms: u64) -> Revocation {
    let now = subject.tick();
    Revocation {
        id: Uuid::now_v7(),
        kind,
        subject: id.into(),
        before: (kind == RevocationKind::User).then_some(now),
        created_at: now,
        expires_at: now + ms,
    }
}

async fn list(subject: &Subject) -> Vec<Revocation> {
    let all = subject.stores.revocations.list(None, None, 100).await;
    all.unwrap()
}

pub(crate) async fn tokens_are_taken_back_until_the_revocation_expires(subject: Subject) {
    let store = &subject.stores.revocations;
    let mut made = Vec::new();
    for kind in KINDS {
        // The same subject of another kind is another one.
        let revocation = new(&subject, kind, "$x.y\u{fc}", 60_000);
        assert_eq!(store.revoke(&revocation).await.unwrap(), revocation);
        made.push(revocation);
    }
    assert_eq!(list(&subject).await, made);
    let short = new(&subject, RevocationKind::Token, "short", 1_000);
    store.revoke(&short).await.unwrap();
    subject.tick();
    assert_eq!(list(&subject).await, made, "one has expired");
    assert_eq!(store.take_back(short.id).await.unwrap(), None);
    let again = new(&subject, RevocationKind::Token, "short", 500);
    assert_eq!(store.revoke(&again).await.unwrap(), again, "another one");
    store.remove_expired().await.unwrap();
    assert_eq!(list(&subject).await.len(), 4);
    subject.tick();
    store.remove_expired().await.unwrap();
    assert_eq!(list(&subject).await, made);
}

pub(crate) async fn a_revocation_is_widened_and_never_narrowed(subject: Subject) {
    let store = &subject.stores.revocations;
    let first = new(&subject, RevocationKind::User, "ann", 60_000);
    store.revoke(&first).await.unwrap();
    let narrower = Revocation {
        before: Some(first.created_at - 5_000),
        expires_at: first.expires_at - 30_000,
        ..new(&subject, RevocationKind::User, "ann", 0)
    };
    assert_eq!(store.revoke(&narrower).await.unwrap(), first);
    let wider = Revocation {
        before: Some(first.created_at + 5_000),
        ..new(&subject, RevocationKind::User, "ann", 90_000)
    };
    let widened = Revocation {
        before: wider.before,
        expires_at: wider.expires_at,
        ..first.clone()
    };
    assert_eq!(store.revoke(&wider).await.unwrap(), widened);
    assert_eq!(list(&subject).await, [widened]);
}

pub(crate) async fn a_revocation_is_taken_back_and_made_again(subject: Subject) {
    let store = &subject.stores.revocations;
    let first = new(&subject, RevocationKind::Token, "t", 60_000);
    store.revoke(&first).await.unwrap();
    assert_eq!(store.take_back(Uuid::now_v7()).await.unwrap(), None);
    assert_eq!(
        store.take_back(first.id).await.unwrap(),
        Some(first.clone())
    );
    assert_eq!(store.take_back(first.id).await.unwrap(), None);
    assert!(list(&subject).await.is_empty());
    // Nothing is left of how long the first one held.
    let second = new(&subject, RevocationKind::Token, "t", 1_000);
    assert_eq!(store.revoke(&second).await.unwrap(), second);
    assert_eq!(store.take_back(first.id).await.unwrap(), None);
    assert_eq!(list(&subject).await, [second]);
}

pub(crate) async fn revocations_are_listed_in_parts_by_kind(subject: Subject) {
    let store = &subject.stores.revocations;
    for number in 0..6 {
        let kind = KINDS[number % KINDS.len()];
        let made = new(&subject, kind, &number.to_string(), 60_000);
        store.revoke(&made).await.unwrap();
    }
    let part = async |kind, after, limit| {
        let part = store.list(kind, after, limit).await.unwrap();
        let names = part.iter().map(|one| one.subject.to_string());
        (names.collect::<Vec<_>>(), part.last().map(|one| one.id))
    };
    let (names, last) = part(None, None, 4).await;
    assert_eq!(names, ["0", "1", "2", "3"]);
    assert_eq!(part(None, last, 4).await.0, ["4", "5"]);
    let (names, last) = part(Some(RevocationKind::User), None, 1).await;
    assert_eq!(names, ["1"]);
    assert_eq!(part(Some(RevocationKind::User), last, 9).await.0, ["4"]);
}

pub(crate) async fn of_many_at_once_of_one_subject_one_is_there(subject: Subject) {
    let store = &subject.stores.revocations;
    let all: Vec<_> = (1..=20)
        .map(|number| new(&subject, RevocationKind::User, "ann", 100_000 + number))
        .collect();
    let made = join_all(all.iter().map(|one| store.revoke(one))).await;
    let [stored] = &list(&subject).await[..] else {
        panic!("not one");
    };
    assert_eq!(stored.before, all[19].before);
    assert_eq!(stored.expires_at, all[19].expires_at);
    for one in made {
        assert_eq!(one.unwrap().id, stored.id);
    }
}
