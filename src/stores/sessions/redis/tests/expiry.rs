//! When sessions expire.

use super::*;

/// For how many milliseconds each key of a session exists.
async fn left(node: &Node, name: &str) -> Vec<i64> {
    let keys = node.keys(name);
    let mut left = Vec::new();
    for key in [&keys.session, &keys.history, &keys.ids] {
        left.push(node.ask(&["PTTL", key]).await);
    }
    // A key that does not exist.
    left.retain(|left| *left != -2);
    left
}

#[tokio::test]
async fn all_keys_of_a_session_expire_with_it() {
    let Some(space) = Space::new() else { return };
    let node = Node::of(&space, LIMITS).await;
    let subject = &node.subject;
    let lasts = async |minutes: i64, keys: usize| {
        let left = left(&node, "s").await;
        assert_eq!(left.len(), keys);
        let most = minutes * 60_000;
        let is_so = |left: &i64| (most - 60_000..=most).contains(left);
        assert!(left.iter().all(is_so), "{left:?}");
    };
    let soon = async || {
        let keys = node.keys("s");
        for key in [&keys.session, &keys.history, &keys.ids] {
            node.ask::<()>(&["PEXPIRE", key, "100000"]).await;
        }
    };
    subject.reserve("s", "k", ChatMode::Group).await.unwrap();
    lasts(30, 1).await;
    subject.join("s", join("a", "k")).await.unwrap();
    lasts(120, 1).await;
    subject.append("s", message(1, "a", None, "1")).await;
    lasts(120, 3).await;
    soon().await;
    subject.append("s", message(2, "a", None, "1")).await;
    lasts(120, 3).await;
    soon().await;
    subject.append("s", message(2, "a", None, "1")).await;
    lasts(120, 3).await;
    soon().await;
    node.store.members(&id("s")).await;
    lasts(120, 3).await;
    soon().await;
    subject.save_key("s", "a", "1", None).await.unwrap();
    lasts(120, 3).await;
    subject.depart("s", "a", Departure::Disconnected).await;
    lasts(30, 3).await;
    subject.join("s", join("a", "k")).await.unwrap();
    lasts(120, 3).await;
    subject.depart("s", "a", Departure::Left).await;
    assert_eq!(left(&node, "s").await, [0; 0], "nothing is left of it");
}

#[tokio::test]
async fn sessions_end_when_they_are_not_used() {
    let Some(space) = Space::new() else { return };
    let limits = SessionLimits {
        reserved_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(200),
        max_idle: Duration::from_secs(600),
        ..LIMITS
    };
    let node = Node::of(&space, limits).await;
    let subject = &node.subject;
    subject.join("members", creator("a", "k")).await.unwrap();
    subject.join("alone", creator("a", "k")).await.unwrap();
    subject.append("alone", message(1, "a", None, "1")).await;
    subject.depart("alone", "a", Departure::Disconnected).await;
    let reserved = subject.reserve("reserved", "k", ChatMode::Group).await;
    reserved.unwrap();
    let local = ["members", "alone", "reserved"].map(id);
    let mut ended = Vec::new();
    until("they end", async || {
        for id in subject.sweep(&local).await {
            if !ended.contains(&id) {
                ended.push(id);
            }
        }
        ended.len() >= 2
    })
    .await;
    ended.sort();
    assert_eq!(ended, ["alone", "reserved"]);
    assert_eq!(left(&node, "alone").await, [0; 0], "nor its history");
    until("they are not counted", async || {
        node.store.count().await == 1
    })
    .await;
    let why = subject.why_not("reserved", join("a", "k")).await;
    assert_eq!(why, Some(JoinError::NotFound));
}

#[tokio::test]
async fn no_session_exists_for_longer_than_max_idle() {
    let Some(space) = Space::new() else { return };
    let limits = SessionLimits {
        max_idle: Duration::from_secs(60),
        ..LIMITS
    };
    let node = Node::of(&space, limits).await;
    let reserved = node.subject.reserve("s", "k", ChatMode::Group).await;
    reserved.unwrap();
    assert!(left(&node, "s").await[0] <= 60_000);
    node.subject.join("s", join("a", "k")).await.unwrap();
    assert!(left(&node, "s").await[0] <= 60_000);
}

#[tokio::test]
async fn the_index_is_updated_when_a_session_is_prolonged() {
    let Some(space) = Space::new() else { return };
    let node = Node::of(&space, LIMITS).await;
    node.subject.join("s", creator("a", "k")).await.unwrap();
    let index = node.redis.key("sessions", "index");
    let keys = node.keys("s");
    let until: f64 = node.ask(&["ZSCORE", &index, "s"]).await;
    for (indexed, is_updated) in [(until - 7_200_000.0, false), (0.0, true)] {
        node.ask::<()>(&["ZREM", &index, "s"]).await;
        let indexed = indexed.to_string();
        node.ask::<()>(&["HSET", &keys.session, "indexed", &indexed])
            .await;
        node.subject.append("s", message(1, "a", None, "1")).await;
        let again: Option<f64> = node.ask(&["ZSCORE", &index, "s"]).await;
        assert_eq!(again.is_some_and(|again| again >= until), is_updated);
    }
}

#[tokio::test]
async fn all_servers_count_the_same_sessions_by_their_modes() {
    let Some(space) = Space::new() else { return };
    let (node, other) = (
        Node::of(&space, LIMITS).await,
        Node::of(&space, LIMITS).await,
    );
    for (name, mode) in [
        ("a", ChatMode::Group),
        ("b", ChatMode::Group),
        ("c", ChatMode::Private),
    ] {
        node.subject.reserve(name, "k", mode).await.unwrap();
    }
    node.subject.join("a", join("x", "k")).await.unwrap();
    assert_eq!(other.store.count_shared().await, Some([2, 1, 0]));
    // A message prolongs it without knowing its mode.
    let index = node.redis.key("sessions", "index");
    let of_mode = format!("{index}:group");
    let keys = node.keys("a");
    let until: f64 = node.ask(&["ZSCORE", &of_mode, "a"]).await;
    node.ask::<()>(&["ZADD", &of_mode, &(until - 60_000.0).to_string(), "a"])
        .await;
    node.ask::<()>(&["HSET", &keys.session, "indexed", "0"])
        .await;
    node.subject.append("a", message(1, "x", None, "1")).await;
    let again: f64 = node.ask(&["ZSCORE", &of_mode, "a"]).await;
    assert!(again >= until, "{again} {until}");
    node.subject.depart("a", "x", Departure::Left).await;
    node.ask::<()>(&["ZADD", &of_mode, "1", "b"]).await;
    assert_eq!(other.store.count_shared().await, Some([0, 1, 0]));
}

#[test]
fn all_local_sessions_are_checked_in_turn() {
    for count in [0, 1, 999, 1_000, 1_001, 50_000] {
        let all: Vec<_> = (0..count).map(|number| id(&number.to_string())).collect();
        let (mut start, mut seen, mut calls) = (0, std::collections::HashSet::new(), 0);
        while seen.len() < count {
            let (some, next) = part(&all, start);
            let some: Vec<_> = some.collect();
            assert!(some.len() <= (count / 20).max(1_000));
            seen.extend(some);
            (start, calls) = (next, calls + 1);
        }
        assert!(calls <= 20, "{count}: {calls}");
    }
}
