//! Redis is full, unavailable or hangs.

use super::*;
use test_support::redis::{Durability, Server, is_ready};

fn server() -> Option<Server> {
    is_ready().then(|| Server::start(&std::env::temp_dir(), Durability::InMemory))
}

/// Nothing can be stored.
async fn is_rejected(node: &Node) {
    let subject = &node.subject;
    let reserved = subject.reserve("new", "k", ChatMode::Group).await;
    assert_eq!(reserved, Err(ReserveError::Busy));
    for name in ["s", "new"] {
        let why = subject.why_not(name, creator("b", "k")).await;
        assert_eq!(why, Some(JoinError::Busy), "{name}");
    }
    let saved = subject.save_key("s", "a", "1", None).await;
    assert!(saved.is_none());
    assert_eq!(subject.set_keys("s", "{}").await, Err(KeysError::Busy));
    let sent = subject.append("s", message(2, "a", None, "1")).await;
    assert_eq!(sent, Some(Appended::NotStored));
    assert!(subject.sweep(&[id("s")]).await.is_empty());
}

/// Whether a member can leave.
async fn depart(node: &Node) -> Result<bool, Unavailable> {
    let (id, user) = (id("s"), user("a"));
    let going = node
        .store
        .depart(&id, &user, connection("a"), Departure::Left);
    going.await.map(|departed| departed.is_some())
}

#[tokio::test]
async fn a_redis_that_is_full_stores_nothing_and_lets_members_leave() {
    let Some(server) = server() else { return };
    let node = Node::start(&server.url(), "p", LIMITS).await;
    node.subject.join("s", creator("a", "k")).await.unwrap();
    node.subject.join("s", join("c", "k")).await.unwrap();
    node.set_memory("1").await;
    is_rejected(&node).await;
    assert_eq!(node.store.members(&id("s")).await.members.len(), 2);
    assert_eq!(node.store.count().await, 1);
    assert_eq!(depart(&node).await, Ok(true));
    let gone = node.subject.depart("s", "c", Departure::Disconnected).await;
    assert!(gone.is_some_and(|gone| gone.members.is_empty()));

    node.set_memory("0").await;
    let again = node.subject.join("s", join("c", "k")).await.unwrap();
    assert!(again.history.is_empty());
    let sent = message(2, "c", None, "1");
    assert!(is_first(node.subject.append("s", sent).await));
}

#[tokio::test]
async fn a_message_that_is_not_stored_is_a_use_of_the_session() {
    let Some(server) = server() else { return };
    let node = Node::start(&server.url(), "p", LIMITS).await;
    node.subject.join("s", creator("a", "k")).await.unwrap();
    let key = node.keys("s").session;
    node.ask::<()>(&["PEXPIRE", &key, "100000"]).await;
    node.set_memory("1").await;
    let sent = node.subject.append("s", message(1, "a", None, "1")).await;
    assert_eq!(sent, Some(Appended::NotStored));
    assert!(node.ask::<i64>(&["PTTL", &key]).await > 100_000);
}

#[tokio::test]
async fn without_redis_everything_is_rejected_at_once() {
    let Some(mut server) = server() else { return };
    let node = Node::start(&server.url(), "p", LIMITS).await;
    node.subject.join("s", creator("a", "k")).await.unwrap();
    assert_eq!(node.store.count().await, 1);
    server.kill();
    let start = Instant::now();
    is_rejected(&node).await;
    assert_eq!(depart(&node).await, Err(Unavailable));
    assert!(node.store.members(&id("s")).await.members.is_empty());
    assert_eq!(node.store.count().await, 1, "as many as there were");
    assert!(node.store.summaries().await.is_empty());
    assert!(start.elapsed() < Duration::from_secs(5), "{start:?}");

    server.restart();
    until("it is connected again", async || node.redis.is_up()).await;
    assert_eq!(
        node.subject.sweep(&[id("s")]).await,
        ["s"],
        "it lost its data"
    );
    assert_eq!(depart(&node).await, Ok(false));
    node.subject.join("s", creator("a", "k")).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_hangs_delays_nobody_for_long() {
    let Some(server) = server() else { return };
    let node = Node::start(&server.url(), "p", LIMITS).await;
    node.subject.join("s", creator("a", "k")).await.unwrap();
    server.pause();
    let start = Instant::now();
    let why = node.subject.why_not("s", join("b", "k")).await;
    assert_eq!(why, Some(JoinError::Busy));
    let sent = node.subject.append("s", message(1, "a", None, "1")).await;
    assert_eq!(sent, Some(Appended::NotStored));
    assert!(start.elapsed() < Duration::from_secs(10), "{start:?}");
    server.resume();
    until("it answers again", async || {
        node.subject.why_not("s", join("b", "k")).await.is_none()
    })
    .await;
}
