//! The revisions of changes, and how many sessions there are.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use super::subject::*;
use crate::model::session::*;

pub(crate) async fn each_change_has_the_next_number(s: Subject) {
    let first = s.join("s", creator("a", "k")).await.unwrap().revision;
    let second = s.join("s", join("b", "k")).await.unwrap().revision;
    assert_eq!(second, first + 1);
    let same = || message(1, "a", None, "1");
    assert_eq!(number(s.append("s", same()).await), first + 2);
    assert_eq!(number(s.append("s", same()).await), first + 3);
    s.store.members(&id("s")).await;
    let saved = s.save_key("s", "a", "1", None).await;
    assert_eq!(saved.unwrap().revision, first + 4);
    assert_eq!(s.set_keys("s", "{}").await, Ok(first + 5));
    let departed = s.depart("s", "b", Departure::Disconnected).await;
    assert_eq!(departed.unwrap().revision, first + 6);
    let departed = s.depart("s", "a", Departure::Left).await;
    assert_eq!(departed.unwrap().revision, first + 7);
}

pub(crate) async fn a_refusal_has_no_number(s: Subject) {
    let first = s.join("s", creator("a", "k")).await.unwrap().revision;
    s.why_not("s", join("b", "x")).await.unwrap();
    assert!(s.depart("s", "b", Departure::Left).await.is_none());
    assert!(s.save_key("s", "b", "1", None).await.is_none());
    let appended = s.append("s", message(1, "a", None, "1")).await;
    assert_eq!(number(appended), first + 1);
}

/// A member is sent the changes with greater revisions than that of its join.
pub(crate) async fn a_join_has_all_messages_up_to_its_revision(s: Subject) {
    let first = s.join("s", creator("a", "k")).await.unwrap().revision;
    let send = async |sent: usize| {
        let appended = s.append("s", message(sent, "a", None, "1")).await;
        (number(appended), Some(sent.to_string()))
    };
    let appended = join_all((1..=5).map(send));
    let names = ["b", "c", "d"];
    let joined = join_all(names.map(|name| s.join("s", join(name, "k"))));
    let (appended, joined) = futures_util::future::join(appended, joined).await;
    let joined: Vec<_> = joined.into_iter().map(Result::unwrap).collect();
    for joined in &joined {
        let before = appended
            .iter()
            .filter(|(number, _)| *number < joined.revision);
        let before: BTreeSet<_> = before.filter_map(|(_, id)| id.clone()).collect();
        let history = ids(&joined.history).into_iter().collect();
        assert_eq!(before, history);
    }
    let numbers = appended.iter().map(|(number, _)| *number);
    let numbers: BTreeSet<_> = numbers.chain(joined.iter().map(|j| j.revision)).collect();
    let expected = first + 1..=first + 8;
    assert_eq!(numbers, expected.collect(), "each has its own");
}

pub(crate) async fn sessions_are_counted(s: Subject) {
    assert_eq!(s.store.count().await, 0);
    assert!(s.store.summaries().await.is_empty());
    s.join("s", creator("a", "k")).await.unwrap();
    let without = Join {
        public_key: None,
        ..join("b", "k")
    };
    s.join("s", without).await.unwrap();
    s.append("s", message(1, "a", None, "1")).await;
    s.reserve("r", "k", ChatMode::Group).await.unwrap();
    assert_eq!(s.store.count().await, 2);
    let counts = s.store.summaries().await.into_iter();
    let counts = counts.map(|summary| {
        let id = summary.id.as_str().to_owned();
        (id, summary.members, summary.messages, summary.public_keys)
    });
    let counts: BTreeSet<_> = counts.collect();
    let expected = [("r".to_owned(), 0, 0, 0), ("s".to_owned(), 2, 1, 1)];
    assert_eq!(counts, BTreeSet::from(expected));
}
