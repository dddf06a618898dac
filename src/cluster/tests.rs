//! Nodes on a real Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex as SyncMutex;
use tokio::time::timeout;

use super::bus::Published;
use super::*;
use crate::config::RedisUrl;
use crate::model::clock::SystemClock;
use crate::model::conversation::ConversationId;
use test_support::redis::{Durability, Server, Space, is_ready};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Records what it receives.
#[derive(Default)]
struct Records {
    received: SyncMutex<Vec<Incoming>>,
    missed: SyncMutex<usize>,
    /// What it answers.
    answer: SyncMutex<Option<Answer>>,
}

struct Recorder(Arc<Records>);

impl MessageHandler for Recorder {
    async fn handle(&self, incoming: Incoming) -> Option<Answer> {
        self.0.received.lock().push(incoming);
        self.0.answer.lock().clone()
    }

    fn missed(&self, _: &Topic) {
        *self.0.missed.lock() += 1;
    }
}

async fn node(url: &str, prefix: &str) -> (Arc<Cluster>, Arc<Records>) {
    let config = Config {
        redis_url: RedisUrl::parse(url),
        redis_prefix: prefix.to_owned(),
        ..Config::default()
    };
    let (node, receiver) = Cluster::new(&config, Arc::new(SystemClock))
        .unwrap()
        .unwrap();
    let records = Arc::new(Records::default());
    tokio::spawn(receiver.run(Recorder(records.clone())));
    until(|| node.bus.is_ready()).await;
    (node, records)
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TIMEOUT, waiting).await.expect("not in time");
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn spent(number: u32) -> UserMessage {
    UserMessage::Spent(Spent::Messages(number))
}

fn numbers(records: &Records) -> Vec<u32> {
    let received = records.received.lock();
    let number = |incoming: &Incoming| match incoming {
        Incoming::User(_, UserMessage::Spent(Spent::Messages(number))) => Some(*number),
        _ => None,
    };
    received.iter().filter_map(number).collect()
}

fn change(name: &str, online: bool) -> PresenceChange {
    PresenceChange {
        user: user(name),
        name: name.into(),
        online,
        presence_epoch: 7,
        at: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_in_order_at_other_nodes_that_subscribe() {
    let Some(space) = Space::new() else { return };
    let (publisher, own) = node(space.url(), space.prefix()).await;
    let (subscriber, records) = node(space.url(), space.prefix()).await;
    let topic = user("ann");
    assert_eq!(
        publisher.bus.publish(&topic, &spent(0)).receivers().await,
        0
    );
    let _own = publisher.bus.subscribe(topic.clone()).await;
    let first = subscriber.bus.subscribe(topic.clone()).await;
    let again = subscriber.bus.subscribe(topic.clone()).await;
    let published: Vec<_> = (1..=2000)
        .map(|n| publisher.bus.publish(&topic, &spent(n)))
        .collect();
    let counts = join_all(published.into_iter().map(Published::receivers)).await;
    assert!(counts.iter().all(|count| *count == 1), "{counts:?}");
    until(|| numbers(&records).len() == 2000).await;
    assert!(numbers(&records).into_iter().eq(1..=2000));
    assert!(own.received.lock().is_empty(), "not its own");
    drop(first);
    assert_eq!(
        publisher.bus.publish(&topic, &spent(1)).receivers().await,
        1
    );
    drop(again);
    subscriber.bus.flush().await;
    assert_eq!(
        publisher.bus.publish(&topic, &spent(2)).receivers().await,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_comes_once_and_goes_once_over_all_nodes() {
    let Some(space) = Space::new() else { return };
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(node(space.url(), space.prefix()).await);
    }
    let (witness, records) = node(space.url(), space.prefix()).await;
    let _subscription = witness.bus.subscribe(AllNodes).await;
    for _ in 0..20 {
        let (ann, gone) = (change("ann", true), change("ann", false));
        let came = join_all(all.iter().map(|(node, _)| node.came_online(&ann, false))).await;
        assert_eq!(
            came.into_iter()
                .filter(|came| *came.as_ref().unwrap())
                .count(),
            1
        );
        let online = witness.online(&[user("ann"), user("bob")]).await;
        assert_eq!(online.len(), 1);
        assert_eq!((&*online[0].1.name, online[0].1.presence_epoch), ("ann", 7));
        let left = all
            .iter()
            .map(|(node, _)| node.went_offline(node.node_id, &gone, false, false));
        let left = join_all(left).await;
        assert_eq!(
            left.into_iter()
                .filter(|left| *left.as_ref().unwrap())
                .count(),
            1
        );
        assert!(witness.online(&[user("ann")]).await.is_empty());
    }
    until(|| records.received.lock().len() == 40).await;
    let is_online = |incoming: &Incoming| {
        matches!(
            incoming,
            Incoming::AllNodes(_, AllNodesMessage::Presence(change)) if change.online
        )
    };
    let online: Vec<_> = records.received.lock().iter().map(is_online).collect();
    assert_eq!(online, [true, false].repeat(20));
    for (node, _) in &all {
        assert_eq!(node.ledger(node.node_id, 0).await.unwrap().1, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_is_entered_once_and_left_once_over_all_nodes() {
    let Some(space) = Space::new() else { return };
    let (one, _) = node(space.url(), space.prefix()).await;
    let (other, records) = node(space.url(), space.prefix()).await;
    let (room, ann) = (ConversationId::parse("r").unwrap(), user("ann"));
    let _subscription = other.bus.subscribe(room.clone()).await;
    let message = ConversationMessage::ParticipantsChanged;
    let entered = async |node: &Cluster, local| {
        let entered = node
            .enter_room(&room, &ann, local, Some(&message))
            .await
            .unwrap();
        (entered.is_first, entered.connections)
    };
    assert_eq!(entered(&one, 1).await, (true, 1));
    assert_eq!(entered(&one, 2).await, (false, 2));
    assert_eq!(entered(&other, 1).await, (false, 3));
    let there = one.in_room(one.node_id, &room).await.unwrap();
    assert_eq!(there, std::slice::from_ref(&ann));
    let gone = Some((&ann, Some(&message)));
    assert!(
        !one.leave_room(one.node_id, &room, 1, None, true)
            .await
            .unwrap()
    );
    assert!(
        !one.leave_room(one.node_id, &room, 0, gone, true)
            .await
            .unwrap()
    );
    assert!(
        !one.leave_room(one.node_id, &room, 0, gone, true)
            .await
            .unwrap(),
        "twice"
    );
    assert!(
        other
            .leave_room(other.node_id, &room, 0, gone, true)
            .await
            .unwrap()
    );
    assert!(!other.is_in_room(&room, &ann).await);
    // Of somebody who is not known to have been there, only when nothing is known.
    assert!(
        !one.leave_room(one.node_id, &room, 0, gone, true)
            .await
            .unwrap()
    );
    assert!(
        one.leave_room(one.node_id, &room, 0, gone, false)
            .await
            .unwrap()
    );
    until(|| records.received.lock().len() == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_a_lease_is_dead_and_is_claimed_once() {
    let Some(space) = Space::new() else { return };
    let (one, _) = node(space.url(), space.prefix()).await;
    let (other, _) = node(space.url(), space.prefix()).await;
    assert_eq!(one.renew(3).await.unwrap(), LeaseState::New);
    assert_eq!(one.renew(3).await.unwrap(), LeaseState::Alive);
    assert_eq!(other.renew(0).await.unwrap(), LeaseState::New);
    assert_eq!(other.find_dead_nodes().await.unwrap(), []);
    assert_eq!(other.users_on_other_nodes(), 3);
    one.note(&Entry::User(user("ann"))).await.unwrap();
    one.end_lease(Duration::from_millis(1)).await.unwrap();
    let waiting = async {
        while other.find_dead_nodes().await.unwrap() != [one.node_id] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(TIMEOUT, waiting).await.expect("it is dead");
    let (third, _) = node(space.url(), space.prefix()).await;
    assert!(other.claim_node(one.node_id).await.unwrap());
    assert!(
        other.claim_node(one.node_id).await.unwrap(),
        "still claimed"
    );
    assert!(!third.claim_node(one.node_id).await.unwrap());
    let (next, entries) = other.ledger(one.node_id, 0).await.unwrap();
    assert_eq!((next, entries), (None, vec![Entry::User(user("ann"))]));
    other.forget_node(one.node_id).await.unwrap();
    assert_eq!(third.find_dead_nodes().await.unwrap(), []);
    assert_eq!(one.renew(3).await.unwrap(), LeaseState::Expired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_by_all_subscribers() {
    let Some(space) = Space::new() else { return };
    let (asker, _) = node(space.url(), space.prefix()).await;
    let _own = asker.bus.subscribe(asker.node_id).await;
    let (subscriber, records) = node(space.url(), space.prefix()).await;
    let topic = user("ann");
    assert!(
        asker.ask(&topic, &spent(1)).await.is_empty(),
        "nobody is subscribed"
    );
    let _subscription = subscriber.bus.subscribe(topic.clone()).await;
    *records.answer.lock() = Some(Answer::Count(5));
    let answers = asker.ask(&topic, &spent(1)).await;
    assert!(matches!(answers[..], [Answer::Count(5)]), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_are_restored_after_redis_was_away() {
    if !is_ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), Durability::InMemory);
    let (publisher, _) = node(&server.url(), "p").await;
    let (subscriber, records) = node(&server.url(), "p").await;
    let topic = user("ann");
    let _subscription = subscriber.bus.subscribe(topic.clone()).await;
    server.kill();
    until(|| !publisher.redis.is_up() && !subscriber.redis.is_up()).await;
    assert_eq!(publisher.problem(), Some("Redis is away"));
    assert_eq!(
        publisher.bus.publish(&topic, &spent(1)).receivers().await,
        0
    );
    assert!(
        publisher
            .came_online(&change("ann", true), false)
            .await
            .is_err()
    );
    let other = user("bob");
    let _other = timeout(TIMEOUT, subscriber.bus.subscribe(other.clone()))
        .await
        .expect("at once");
    server.restart();
    until(|| publisher.bus.is_ready() && subscriber.bus.is_ready()).await;
    for topic in [topic, other] {
        assert_eq!(
            publisher.bus.publish(&topic, &spent(2)).receivers().await,
            1
        );
    }
    until(|| numbers(&records) == [2, 2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_is_away_until_it_resumes() {
    if !is_ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Durability::InMemory);
    let (node, _) = node(&server.url(), "p").await;
    server.pause();
    assert!(node.renew(0).await.is_err());
    assert!(!node.redis.is_up());
    assert!(node.renew(0).await.is_err(), "at once");
    server.resume();
    until(|| node.bus.is_ready()).await;
    assert_eq!(node.renew(0).await.unwrap(), LeaseState::New);
}

/// Nodes of different releases share what is in Redis: names of keys, fields and values stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_redis_is_what_other_releases_read() {
    let Some(space) = Space::new() else { return };
    let (node, _) = node(space.url(), space.prefix()).await;
    let (me, dead) = (node.node_id.to_string(), NodeId::from_bytes([0xab; 16]));
    let key = |name: &str| format!("{}:{name}", space.prefix());
    let get = async |name: &str| {
        let value: String = node.redis.query(&redis::Cmd::get(key(name))).await.unwrap();
        value
    };
    let hash = async |name: &str| {
        let command = redis::Cmd::hgetall(key(name));
        let fields: BTreeMap<String, String> = node.redis.query(&command).await.unwrap();
        fields.into_iter().collect::<Vec<_>>()
    };
    let set = async |name: &str| {
        let command = redis::Cmd::smembers(key(name));
        let mut members: Vec<String> = node.redis.query(&command).await.unwrap();
        members.sort();
        members
    };
    let pairs = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort();
        pairs
    };

    let (room, ann) = (ConversationId::parse("r").unwrap(), user("ann"));
    node.came_online(&change("ann", true), true).await.unwrap();
    assert_eq!(
        hash("online:{ann}").await,
        pairs(&[(&me, "ann"), ("@", "7")])
    );
    node.enter_room(&room, &ann, 2, None).await.unwrap();
    let in_room = [(&*format!("n{me}ann"), "1"), ("uann", "1")];
    assert_eq!(hash("room:{r}").await, pairs(&in_room));
    assert_eq!(hash("seats:{r}").await, pairs(&[(&me, "2")]));
    assert_eq!(
        set(&format!("ledger:{{{me}}}")).await,
        ["room\nr", "user\nann"]
    );

    node.renew(3).await.unwrap();
    assert_eq!(get("epoch:{}").await, me);
    assert_eq!(get(&format!("lease:{{{me}}}")).await, "3");
    assert_eq!(set("nodes:{}").await, [&*me]);
    assert!(node.claim_node(dead).await.unwrap());
    assert_eq!(get(&format!("heir:{{{dead}}}")).await, me);

    node.add_peer(&ann, &user("bob"), 10);
    node.bus.flush().await;
    for (peers, peer) in [("peers:{ann}", "bob"), ("peers:{bob}", "ann")] {
        let known = redis::Cmd::zrange(key(peers), 0, -1);
        let known: Vec<String> = node.redis.query(&known).await.unwrap();
        assert_eq!(known, [peer]);
    }
}
