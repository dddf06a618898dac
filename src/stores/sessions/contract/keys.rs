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
