//! Joining a session.

use futures_util::future::join_all;

use super::subject::*;
use crate::model::session::*;

pub(crate) async fn keys_and_modes_decide_who_is_let_in_in_this_order(s: Subject) {
    use ChatMode::{Group, Password, Private};
    assert_eq!(
        s.why_not("g", join("a", "k")).await,
        Some(JoinError::NotFound)
    );
    assert_eq!(s.reserve("g", "k", Group).await, Ok(()));
    assert_eq!(s.reserve("g", "k", Group).await, Ok(()), "once more");
    for (key, mode) in [("x", Group), ("k", Private), ("k", Password)] {
        let reserved = s.reserve("g", key, mode).await;
        assert_eq!(reserved, Err(ReserveError::Exists));
    }
    for key in ["x", ""] {
        let why = s.why_not("g", creator("a", key)).await;
        assert_eq!(why, Some(JoinError::NotTheCreator), "{key}");
        let why = s.why_not("g", join("a", key)).await;
        assert_eq!(why, Some(JoinError::WrongKey), "{key}");
    }
    for name in ["a", "b", "c", "d", "d"] {
        assert_eq!(s.why_not("g", join(name, "k")).await, None, "{name}");
    }
    assert_eq!(
        s.why_not("g", creator("e", "k")).await,
        Some(JoinError::Full { max: 4 })
    );

    assert_eq!(s.reserve("p", "k:pw", Password).await, Ok(()));
    for wrong in ["", "k", "password:x", "pw"] {
        let why = s.why_not("p", join("a", wrong)).await;
        assert_eq!(why, Some(JoinError::WrongPassword), "{wrong}");
    }
    assert_eq!(
        s.why_not("p", creator("a", "password:pw")).await,
        Some(JoinError::NotTheCreator)
    );
    assert_eq!(s.why_not("p", join("a", "password:pw")).await, None);
    assert_eq!(s.why_not("p", creator("b", "k:pw")).await, None);
    assert_eq!(
        s.why_not("p", join("c", "password:pw")).await,
        Some(JoinError::Full { max: 2 })
    );
    assert_eq!(
        s.why_not("p", join("c", "x")).await,
        Some(JoinError::WrongPassword)
    );

    assert_eq!(s.reserve("v", "k", Private).await, Ok(()));
    assert_eq!(s.reserve("w", "k", Private).await, Err(ReserveError::Busy));
    assert_eq!(
        s.why_not("w", creator("a", "k")).await,
        Some(JoinError::Busy)
    );
    assert_eq!(
        s.why_not("w", join("a", "k")).await,
        Some(JoinError::NotFound)
    );
    assert!(s.depart("p", "a", Departure::Left).await.is_some());
    assert!(s.depart("p", "b", Departure::Left).await.is_some());
    assert_eq!(
        s.why_not("w", creator("a", "k")).await,
        None,
        "a place is free again"
    );
    assert_eq!(s.store.count().await, 3);
}

pub(crate) async fn a_connection_that_is_in_too_many_sessions_is_refused_last(s: Subject) {
    s.join("s", creator("a", "k")).await.unwrap();
    let slot = JoinSlot {
        connection: connection("b"),
        is_free: false,
        maker: MAKER,
    };
    let why_not = async |key| s.store.join(&id("s"), join("b", key), slot).await.err();
    assert_eq!(why_not("x").await, Some(JoinError::WrongKey));
    assert_eq!(why_not("k").await, Some(JoinError::Busy));
}

pub(crate) async fn a_session_without_a_key_is_open_until_a_creator_sets_one(s: Subject) {
    assert_eq!(s.why_not("s", creator("a", "")).await, None);
    assert_eq!(s.why_not("s", join("b", "anything")).await, None);
    assert_eq!(s.why_not("s", creator("a", "k")).await, None);
    assert_eq!(
        s.why_not("s", join("c", "")).await,
        Some(JoinError::WrongKey)
    );
    assert_eq!(s.why_not("s", join("c", "k")).await, None);
}

pub(crate) async fn who_comes_again_is_no_new_member_and_keeps_what_is_not_sent_anew(s: Subject) {
    let first = s.join("s", creator("a", "k")).await.unwrap();
    assert!(first.is_new);
    s.clock.advance(5);
    let again = Join {
        public_key: None,
        ..join("a", "k")
    };
    let again = s.join_on("s", "another", again).await;
    assert!(!again.is_new && again.displaced.is_empty());
    assert_eq!(again.member.joined_at, first.member.joined_at);
    assert_eq!(again.members.len(), 1);
    assert!(again.member.public_key.is_some());
    assert_eq!(again.member.key_changed_at, None);
}

pub(crate) async fn another_key_takes_the_place_of_who_may_be_somebody_else(s: Subject) {
    let with_key = |key, account: Option<&str>| Join {
        public_key: Some(json(key)),
        account: account.map(user),
        ..join("a", "k")
    };
    let first = s.join("s", creator("a", "k")).await.unwrap();
    let tab = s.join_on("s", "tab", with_key("\"key of a\"", Some("ann")));
    assert!(tab.await.displaced.is_empty(), "the same key");
    s.clock.advance(5);
    let again = s
        .join_on("s", "other", with_key("\"new\"", Some("ann")))
        .await;
    assert_eq!(again.displaced, [connection("a")], "not the same user's");
    assert_eq!(again.member.joined_at, first.member.joined_at);
    assert_eq!(
        again.member.key_changed_at,
        Some(first.member.joined_at + 5)
    );
    let stale = s.depart("s", "a", Departure::Disconnected).await;
    assert!(stale.is_none(), "it is on that connection no more");
    assert!(s.save_key("s", "a", "\"stale\"", None).await.is_none());
    let guest = s.join_on("s", "guest", with_key("\"newer\"", None)).await;
    assert_eq!(guest.displaced, [connection("tab"), connection("other")]);
}

pub(crate) async fn a_member_is_on_a_bounded_number_of_connections(s: Subject) {
    const MAX: usize = 16;
    s.join("s", creator("a", "k")).await.unwrap();
    for number in 1..MAX {
        let joined = s.join_on("s", &number.to_string(), join("a", "k")).await;
        assert!(joined.displaced.is_empty(), "{number}");
    }
    let joined = s.join_on("s", "more", join("a", "k")).await;
    assert_eq!(joined.displaced, [connection("a")], "the oldest");
}

pub(crate) async fn a_place_of_two_is_kept_for_who_was_disconnected(s: Subject) {
    let full = Some(JoinError::Full { max: 2 });
    s.reserve("s", "k", ChatMode::Private).await.unwrap();
    for name in ["a", "b"] {
        s.join("s", join(name, "k")).await.unwrap();
    }
    s.depart("s", "b", Departure::Disconnected).await.unwrap();
    s.clock.advance(59_999);
    assert_eq!(s.why_not("s", join("c", "k")).await, full);
    s.depart("s", "a", Departure::Disconnected).await.unwrap();
    assert_eq!(s.why_not("s", join("c", "k")).await, full);
    assert!(s.join("s", join("b", "k")).await.unwrap().is_new);
    assert_eq!(s.why_not("s", join("c", "k")).await, full, "a's is kept");
    s.clock.advance(60_000);
    assert_eq!(s.why_not("s", join("c", "k")).await, None);
    assert_eq!(s.why_not("s", join("a", "k")).await, full);
    s.depart("s", "c", Departure::Left).await.unwrap();
    assert_eq!(s.why_not("s", join("a", "k")).await, None);
}

pub(crate) async fn all_who_come_at_once_are_members(s: Subject) {
    s.reserve("s", "k", ChatMode::Group).await.unwrap();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let joined = join_all(names.map(|name| s.join("s", join(name, "k")))).await;
    let refused = joined.iter().filter_map(|joined| joined.as_ref().err());
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused, [&JoinError::Full { max: 4 }; 4]);
    let mut sizes: Vec<_> = joined.iter().flatten().map(|j| j.members.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 3, 4], "each sees those before");
    assert_eq!(s.store.members(&id("s")).await.members.len(), 4);
}

pub(crate) async fn who_may_make_no_session_may_still_join_one(s: Subject) {
    let maker = Maker {
        may_make: &|| false,
        ..MAKER
    };
    let (session, key) = (id("s"), AuthKey::new("k").unwrap());
    let slot = JoinSlot {
        connection: connection("b"),
        is_free: true,
        maker,
    };
    let reserved = s.store.reserve(&session, key, ChatMode::Group, maker);
    assert_eq!(reserved.await, Err(ReserveError::Busy));
    let made = s.store.join(&session, creator("b", "k"), slot).await;
    assert_eq!(made.err(), Some(JoinError::Busy));
    s.join("s", creator("a", "k")).await.unwrap();
    assert!(
        s.store
            .join(&session, creator("b", "k"), slot)
            .await
            .is_ok()
    );
}

pub(crate) async fn an_id_may_have_any_character(s: Subject) {
    for name in ["}", "{a}b%", "Łódź 'x'\"*?[]"] {
        s.join(name, creator("a", "k")).await.unwrap();
        assert!(is_first(s.append(name, message(1, "a", None, "1")).await));
        assert_eq!(s.history(name, join("a", "k")).await, ["1"], "{name}");
    }
    for name in ["%7D", "{a", "{a%7Db%25"] {
        let why = s.why_not(name, join("a", "k")).await;
        assert_eq!(why, Some(JoinError::NotFound), "{name}");
    }
}
