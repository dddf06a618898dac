//! The history of a session.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;

use super::subject::*;
use crate::model::session::*;
use crate::payload::OwnedValue;

pub(crate) async fn a_history_has_the_newest_messages_that_a_member_may_see(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    for (number, to) in [(1, None), (2, Some("all")), (3, Some("b")), (4, Some("c"))] {
        assert!(is_first(s.append("s", message(number, "a", to, "1")).await));
    }
    assert!(is_repeated(s.append("s", message(2, "a", None, "1")).await));
    assert!(is_first(
        s.append("s", message(2, "b", Some("c"), "2")).await
    ));
    assert_eq!(s.history("s", join("a", "k")).await, ["1", "2", "3", "4"]);
    assert_eq!(s.history("s", join("b", "k")).await, ["1", "2", "3", "2"]);
    assert_eq!(s.history("s", join("c", "k")).await, ["1", "2", "4", "2"]);
    s.append("s", message(5, "a", None, "1")).await;
    assert_eq!(
        s.history("s", join("a", "k")).await,
        ["2", "3", "4", "5"],
        "five in all"
    );
    assert_eq!(s.append("t", message(1, "a", None, "1")).await, None);
}

pub(crate) async fn a_history_stays_within_its_bytes(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    let large = |size| format!("\"{}\"", "x".repeat(size));
    for number in 1..=3 {
        s.append("s", message(number, "a", None, &large(40_000)))
            .await;
    }
    assert_eq!(s.history("s", join("a", "k")).await, ["2", "3"]);
    let too_large = message(4, "a", None, &large(200_000));
    assert!(is_first(s.append("s", too_large).await));
    assert_eq!(
        s.history("s", join("a", "k")).await,
        ["2", "3"],
        "one too large is not stored"
    );
    s.append("s", message(5, "a", None, &large(90_000))).await;
    assert_eq!(s.history("s", join("a", "k")).await, ["5"]);
}

pub(crate) async fn an_id_that_is_forgotten_is_new_again(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    for number in 1..=6 {
        s.append("s", message(number, "a", None, "1")).await;
    }
    assert!(is_repeated(s.append("s", message(2, "a", None, "1")).await));
    assert!(is_first(s.append("s", message(1, "a", None, "1")).await));
    let left = s.history("s", join("a", "k")).await;
    assert_eq!(left, ["3", "4", "5", "6", "1"]);
}

pub(crate) async fn other_words_under_the_same_id_are_another_message(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    let of_kind = |kind: &str| Message {
        kind: Kind::new(kind, false),
        ..Arc::into_inner(message(1, "a", None, "1")).unwrap()
    };
    let bytes = |bytes: &'static [u8]| Message {
        encrypted: OwnedValue::from_parts(
            r#"{"_placeholder":true,"num":0}"#.to_owned(),
            vec![Bytes::from_static(bytes)],
        )
        .unwrap(),
        ..of_kind("text")
    };
    let sent = || {
        [
            message(1, "a", None, "1"),
            message(1, "a", None, "2"),
            message(1, "a", Some("b"), "1"),
            message(1, "a", Some("c"), "1"),
            of_kind("file").into(),
            bytes(b"one").into(),
            bytes(b"two").into(),
        ]
    };
    for (message, repeated) in sent().into_iter().zip(sent()) {
        assert!(is_first(s.append("s", message).await));
        assert!(is_repeated(s.append("s", repeated).await));
    }
}

pub(crate) async fn the_same_message_sent_at_once_is_kept_once(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    let sent = (0..20).map(|_| s.append("s", message(1, "a", None, "1")));
    let appended = join_all(sent).await;
    assert_eq!(appended.iter().filter(|a| is_first(**a)).count(), 1);
    assert_eq!(appended.iter().filter(|a| is_repeated(**a)).count(), 19);
    assert_eq!(s.history("s", join("a", "k")).await, ["1"]);
}

pub(crate) async fn a_message_is_kept_as_it_was_sent(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    let text = r#"{"a":[{"_placeholder":true,"num":0}, 1.0e+2],"\u0000":"Ł\n"}"#;
    let bytes: Vec<u8> = (0..=255).collect();
    let attached = OwnedValue::from_parts(text.to_owned(), vec![bytes.clone().into()]).unwrap();
    let lookalike = json(r#"{ "_placeholder" : true, "num":0 }"#);
    for (id, encrypted) in [("\"x\\u0041\"", &attached), ("-7", &lookalike)] {
        let sent = Message {
            id: json(id),
            from: user("a"),
            to: Some(user("Łódź")),
            encrypted: encrypted.clone(),
            timestamp: u64::MAX,
            kind: Kind::new("k\0\"", false),
            sender_display_name: "Ann \u{1F511}".into(),
        };
        assert!(is_first(s.append("s", sent.into()).await));
    }
    let history = s.join("s", join("a", "k")).await.unwrap().history;
    assert_eq!(ids(&history), ["\"x\\u0041\"", "-7"]);
    let [first, second] = &*history else {
        panic!("{history:?}")
    };
    assert_eq!(first.encrypted.to_parts(), attached.to_parts());
    assert_eq!(first.encrypted.to_parts().1, [Bytes::from(bytes)]);
    assert_eq!(second.encrypted.to_parts(), lookalike.to_parts());
    assert_eq!(first.to, Some(user("Łódź")));
    assert_eq!(first.timestamp, u64::MAX);
    assert_eq!(first.kind, Kind::new("k\0\"", false));
    assert_eq!(&*first.sender_display_name, "Ann \u{1F511}");
}
