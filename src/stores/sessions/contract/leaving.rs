//! Leaving a session, and what remains of it.

use std::time::Duration;

use super::subject::*;
use crate::model::session::*;

pub(crate) async fn a_key_outlives_a_disconnect_by_the_grace_and_nothing_else(s: Subject) {
    let without_key = || Join {
        public_key: None,
        ..join("a", "k")
    };
    let key_is_known = async || {
        let joined = s.join("s", without_key()).await.unwrap();
        joined.member.public_key.is_some()
    };
    s.join("s", creator("a", "k")).await.unwrap();
    s.join("s", join("b", "k")).await.unwrap();
    s.depart("s", "a", Departure::Disconnected).await;
    s.clock.advance(59_999);
    assert!(key_is_known().await);
    s.depart("s", "a", Departure::Disconnected).await;
    s.clock.advance(60_000);
    assert!(!key_is_known().await);
    s.join("s", join("a", "k")).await.unwrap();
    s.depart("s", "a", Departure::Left).await;
    assert!(!key_is_known().await, "who leaves takes the key along");
}

pub(crate) async fn a_member_is_gone_with_its_last_connection(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    for tab in ["1", "2"] {
        s.join_on("s", tab, join("a", "k")).await;
    }
    for (on, how) in [("a", Departure::Left), ("1", Departure::Disconnected)] {
        let departed = s.depart_from(("s", "a", on), how).await.unwrap();
        assert!(!departed.is_gone && departed.members.len() == 1, "{on}");
        assert!(s.depart_from(("s", "a", on), how).await.is_none(), "{on}");
    }
    let last = s
        .depart_from(("s", "a", "2"), Departure::Disconnected)
        .await;
    let last = last.unwrap();
    assert!(last.is_gone && last.members.is_empty());
    let again = Join {
        public_key: None,
        ..join("a", "k")
    };
    let again = s.join("s", again).await.unwrap();
    assert!(again.is_new && again.member.public_key.is_some());
    assert_eq!(again.member.connections.len(), 1);
}

pub(crate) async fn the_last_to_leave_ends_a_session_and_the_last_to_be_disconnected_does_not(
    s: Subject,
) {
    s.join("s", creator("a", "k")).await.unwrap();
    let departed = s.depart("s", "a", Departure::Disconnected).await.unwrap();
    assert_eq!(
        (departed.member.user, departed.members.len()),
        (user("a"), 0)
    );
    assert_eq!(s.store.count().await, 1);
    s.join("s", join("a", "k")).await.unwrap();
    s.depart("s", "a", Departure::Left).await;
    assert_eq!(s.store.count().await, 0);
    assert_eq!(
        s.why_not("s", join("a", "k")).await,
        Some(JoinError::NotFound)
    );
    assert!(s.depart("s", "a", Departure::Left).await.is_none());
    assert!(s.store.members(&id("s")).await.members.is_empty());
}

pub(crate) async fn a_session_that_ended_leaves_nothing_to_the_next(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    s.append("s", message(1, "a", None, "1")).await;
    s.set_keys("s", "{}").await.unwrap();
    s.depart("s", "a", Departure::Left).await;
    let next = s.join("s", creator("b", "another")).await.unwrap();
    assert!(next.history.is_empty() && next.session_keys.is_none());
    assert_eq!(next.members.len(), 1);
    assert!(is_first(s.append("s", message(1, "a", None, "1")).await));
}

pub(crate) async fn who_left_is_known_again_by_user_or_address_and_as_the_same_member(s: Subject) {
    let (ann, bo, account) = (user("ann"), user("bo"), user("account"));
    let who = |account, address| Returning {
        member: None,
        user: account,
        address: maker(address).address,
        connected_for: Duration::ZERO,
    };
    let left = who(Some(&account), 1).as_member(&ann);
    let session = id("s");
    assert!(!s.store.left_lately(&session, left).await);
    s.store.note_left(&session, left).await;
    for (other, is_known) in [
        (who(None, 1).as_member(&ann), true),
        (who(Some(&account), 2).as_member(&ann), true),
        (who(None, 2).as_member(&ann), false),
        (who(Some(&bo), 2).as_member(&ann), false),
        (who(Some(&account), 1).as_member(&bo), false),
        (who(Some(&account), 1), false),
    ] {
        let found = s.store.left_lately(&session, other).await;
        assert_eq!(found, is_known, "{other:?}");
    }
    assert!(!s.store.left_lately(&id("other"), left).await);
    let on_another = Returning {
        connected_for: Duration::from_secs(10),
        ..left
    };
    assert!(s.store.left_lately(&session, on_another).await);
}
