//! Public keys and session keys.

use super::subject::*;
use crate::model::session::*;

pub(crate) async fn a_members_key_is_saved_and_no_others(s: Subject) {
    let without = Join {
        public_key: None,
        ..creator("a", "k")
    };
    s.join("s", without).await.unwrap();
    s.join("s", join("b", "k")).await.unwrap();
    let key = r#"{"kty" : "EC"}"#;
    let saved = s.save_key("s", "a", key, Some("Ann")).await.unwrap();
    assert_eq!(saved.members.len(), 2);
    let saved = s.save_key("s", "a", key, None).await.unwrap();
    let members = s.store.members(&id("s")).await.members;
    for ann in [&saved.members[0], &members[0]] {
        assert_eq!((&ann.user, &*ann.display_name), (&user("a"), "Ann"));
        assert_eq!(ann.public_key.as_ref().unwrap().to_parts().0, key);
    }
    assert!(s.save_key("s", "c", key, None).await.is_none());
    assert!(s.save_key("t", "a", key, None).await.is_none());
}

pub(crate) async fn another_key_of_a_member_is_known_as_such(s: Subject) {
    let without = || Join {
        public_key: None,
        ..creator("a", "k")
    };
    let changed_at = async || s.store.members(&id("s")).await.members[0].key_changed_at;
    let first = s.join("s", without()).await.unwrap().member.joined_at;
    s.join_on("s", "tab", without()).await;
    let saved = s
        .save_key("s", "a", "{\"x\":1,\"y\":2}", None)
        .await
        .unwrap();
    assert!(saved.displaced.is_empty(), "the first key");
    let saved = s
        .save_key("s", "a", "{ \"y\": 2, \"x\": 1 }", None)
        .await
        .unwrap();
    assert!(saved.displaced.is_empty(), "the same");
    assert_eq!(changed_at().await, None);
    s.clock.advance(5);
    let saved = s
        .save_key("s", "a", "{\"x\":1,\"y\":3}", None)
        .await
        .unwrap();
    assert_eq!(saved.displaced, [connection("tab")]);
    assert_eq!(changed_at().await, Some(first + 5));
    s.depart("s", "a", Departure::Disconnected).await.unwrap();
    s.join("s", without()).await.unwrap();
    assert_eq!(changed_at().await, Some(first + 5), "it comes back with it");
    s.depart("s", "a", Departure::Disconnected).await.unwrap();
    s.clock.advance(5);
    s.join("s", creator("a", "k")).await.unwrap();
    assert_eq!(changed_at().await, Some(first + 10), "or with another");
}

pub(crate) async fn session_keys_are_for_group_mode(s: Subject) {
    let set = async |name| s.set_keys(name, r#"{"b":"x"}"#).await;
    assert_eq!(set("g").await, Err(KeysError::NotGroup));
    s.reserve("p", "k", ChatMode::Private).await.unwrap();
    assert_eq!(set("p").await, Err(KeysError::NotGroup));
    let first = s.join("g", creator("a", "k")).await.unwrap();
    assert!(first.session_keys.is_none());
    assert_eq!(set("g").await, Ok(first.revision + 1));
    let joined = s.join("g", join("b", "k")).await.unwrap();
    let keys = joined.session_keys.unwrap();
    assert_eq!(keys.to_parts().0, r#"{"b":"x"}"#);
}
