//! What is stored in Redis.

use serde_json::json;

use super::*;

/// A value as another release may have written it.
fn packed(value: &serde_json::Value) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

async fn write(node: &Node, name: &str, state: &serde_json::Value) {
    let mut command = ::redis::cmd("HSET");
    command.arg(node.keys(name).session);
    command.arg("stamp").arg("x").arg("timeout").arg(100_000);
    command.arg("state").arg(packed(state));
    node.redis.query::<()>(&command).await.unwrap();
}

#[tokio::test]
async fn what_another_release_wrote_is_read() {
    let Some(space) = Space::new() else { return };
    let node = Node::of(&space, LIMITS).await;
    let member =
        |name: &str| json!({"user": name, "display_name": name, "connection": vec![7; 16]});
    let older = json!({"mode": "group", "members": [member("a")]});
    let newer =
        json!({"mode": "group", "version": 1, "members": [member("a")], "added": {"x": [1]}});
    for (name, state) in [("older", older), ("newer", newer)] {
        write(&node, name, &state).await;
        let mut command = ::redis::cmd("RPUSH");
        command.arg(node.keys(name).history).arg(packed(&json!({
            "id": {"text": "1"}, "from": "a", "encrypted": {"text": "\"e\""}, "timestamp": 5,
            "kind": "text", "sender_display_name": "Ann", "added": null,
        })));
        node.redis.query::<()>(&command).await.unwrap();
        let joined = node.subject.join(name, join("b", "")).await.unwrap();
        assert_eq!((joined.members.len(), joined.revision), (2, 1));
        assert!(joined.members[0].public_key.is_none());
        assert_eq!(ids(&joined.history), ["1"]);
        let sent = message(1, "b", None, "1");
        assert!(is_first(node.subject.append(name, sent).await));
    }
}

#[tokio::test]
async fn what_clients_cannot_read_is_empty_among_the_others() {
    let Some(space) = Space::new() else { return };
    let node = Node::of(&space, LIMITS).await;
    node.subject.join("s", creator("a", "")).await.unwrap();
    // As earlier versions stored it.
    let deep = format!("{}{}", "[".repeat(6000), "]".repeat(6000));
    for (number, encrypted) in ["0", &deep, "1"].into_iter().enumerate() {
        let mut command = ::redis::cmd("RPUSH");
        command.arg(node.keys("s").history).arg(packed(&json!({
            "id": {"text": number.to_string()}, "from": "a", "encrypted": {"text": encrypted},
            "timestamp": 5, "kind": "text", "sender_display_name": "Ann",
        })));
        node.redis.query::<()>(&command).await.unwrap();
    }
    let joined = node.subject.join("s", join("b", "")).await.unwrap();
    let encrypted = |message: &Arc<Message>| message.encrypted.to_parts().0.into_owned();
    let history: Vec<_> = joined.history.iter().map(encrypted).collect();
    assert_eq!(history, ["0", "\"\"", "1"]);
}

#[tokio::test]
async fn what_only_newer_releases_read_is_left_alone() {
    let Some(space) = Space::new() else { return };
    let node = Node::of(&space, LIMITS).await;
    write(&node, "s", &json!({"mode": "group", "version": 2})).await;
    write(&node, "t", &json!({"mode": "unheard of"})).await;
    for name in ["s", "t"] {
        let why = node.subject.why_not(name, creator("a", "k")).await;
        assert_eq!(why, Some(JoinError::Busy));
        let reserved = node.subject.reserve(name, "k", ChatMode::Group).await;
        assert_eq!(reserved, Err(ReserveError::Busy));
        assert!(node.store.members(&id(name)).await.members.is_empty());
        let stamp: String = node.ask(&["HGET", &node.keys(name).session, "stamp"]).await;
        assert_eq!(stamp, "x");
    }
}

#[tokio::test]
async fn no_key_is_written() {
    let Some(space) = Space::new() else { return };
    let node = Node::of(&space, LIMITS).await;
    let reserved = node
        .subject
        .reserve("s", "secretkey:c2VjcmV0", ChatMode::Password);
    reserved.await.unwrap();
    let guest = join("a", "password:c2VjcmV0");
    node.subject.join("s", guest).await.unwrap();
    let written: Vec<Vec<u8>> = node.ask(&["HVALS", &node.keys("s").session]).await;
    let contains = |text: &str| {
        let mut windows = written.iter().flat_map(|value| value.windows(text.len()));
        windows.any(|window| window == text.as_bytes())
    };
    assert!(contains("display_name"));
    assert!(!contains("secretkey") && !contains("c2VjcmV0"));
}

#[tokio::test]
async fn all_keys_of_a_session_have_one_tag_in_a_cluster() {
    let redis = Redis::new(&RedisUrl::parse("redis://h").unwrap(), "p").unwrap();
    for name in ["s", "}", "{}", "a}b", "{", "%"] {
        let Keys {
            session,
            history,
            ids,
        } = Keys::of(&redis, &id(name));
        let tags = [&session, &history, &ids].map(|key| {
            let (_, rest) = key.split_once('{').unwrap();
            rest.split_once('}').unwrap().0
        });
        assert!(!tags[0].is_empty() && tags.iter().all(|tag| *tag == tags[0]));
    }
}
