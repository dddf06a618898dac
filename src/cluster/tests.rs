//! Nodes on a real Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use parking_lot::Mutex as SyncMutex;
use tokio::time::timeout;

use super::*;
use crate::config::RedisUrl;
use crate::model::clock::SystemClock;
use crate::model::conversation::ConversationId;
use test_support::redis::{Keeps, Server, Space, is_ready};

const PATIENCE: Duration = Duration::from_secs(20);

/// Notes what it hears.
#[derive(Default)]
struct Notes {
    heard: SyncMutex<Vec<Heard>>,
    missed: SyncMutex<usize>,
}

impl Hearer for Notes {
    fn hear(&self, heard: Heard) -> BoxFuture<'_, ()> {
        self.heard.lock().push(heard);
        Box::pin(std::future::ready(()))
    }

    fn missed(&self, _: &Topic) {
        *self.missed.lock() += 1;
    }
}

async fn node(url: &str, prefix: &str) -> (Arc<Cluster>, Arc<Notes>) {
    let config = Config {
        redis_url: RedisUrl::parse(url),
        redis_prefix: prefix.to_owned(),
        ..Config::default()
    };
    let nodes = Cluster::new(&config, Arc::new(SystemClock))
        .unwrap()
        .unwrap();
    let (nodes, notes) = (Arc::new(nodes), Arc::new(Notes::default()));
    nodes.start(notes.clone());
    until(|| nodes.bus.is_settled()).await;
    (nodes, notes)
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("not in time");
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn spent(number: u32) -> Body {
    Body::Spent(Spent::Messages(number))
}

fn numbers(notes: &Notes) -> Vec<u32> {
    let heard = notes.heard.lock();
    let number = |heard: &Heard| match heard.body {
        Body::Spent(Spent::Messages(number)) => Some(number),
        _ => None,
    };
    heard.iter().filter_map(number).collect()
}

fn change(name: &str, online: bool) -> Change {
    Change {
        user: user(name),
        name: name.into(),
        online,
        coming: 7,
        at: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_is_heard_in_order_by_others_who_want_it() {
    let Some(space) = Space::new() else { return };
    let (speaker, own) = node(space.url(), space.prefix()).await;
    let (hearer, notes) = node(space.url(), space.prefix()).await;
    let topic = Topic::User(user("ann"));
    assert_eq!(speaker.bus.post(&topic, &spent(0)).elsewhere().await, 0);
    let _own = speaker.bus.subscribe(topic.clone()).await;
    let heard = hearer.bus.subscribe(topic.clone()).await;
    let again = hearer.bus.subscribe(topic.clone()).await;
    let posted: Vec<_> = (1..=2000)
        .map(|n| speaker.bus.post(&topic, &spent(n)))
        .collect();
    let counts = join_all(posted.into_iter().map(Posted::elsewhere)).await;
    assert!(counts.iter().all(|count| *count == 1), "{counts:?}");
    until(|| numbers(&notes).len() == 2000).await;
    assert!(numbers(&notes).into_iter().eq(1..=2000));
    assert!(own.heard.lock().is_empty(), "nobody hears themselves");
    drop(heard);
    assert_eq!(speaker.bus.post(&topic, &spent(1)).elsewhere().await, 1);
    drop(again);
    hearer.bus.flush().await;
    assert_eq!(speaker.bus.post(&topic, &spent(2)).elsewhere().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_comes_once_and_goes_once_over_all_nodes() {
    let Some(space) = Space::new() else { return };
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(node(space.url(), space.prefix()).await);
    }
    let (witness, notes) = node(space.url(), space.prefix()).await;
    let _heard = witness.bus.subscribe(Topic::Everyone).await;
    for _ in 0..20 {
        let (ann, gone) = (change("ann", true), change("ann", false));
        let came = join_all(all.iter().map(|(node, _)| node.came(&ann, false))).await;
        assert_eq!(
            came.into_iter()
                .filter(|came| *came.as_ref().unwrap())
                .count(),
            1
        );
        let online = witness.online(&[user("ann"), user("bob")]).await;
        assert_eq!(online.len(), 1);
        assert_eq!((&*online[0].1.name, online[0].1.coming), ("ann", 7));
        let left = all
            .iter()
            .map(|(node, _)| node.left(node.me, &gone, false, false));
        let left = join_all(left).await;
        assert_eq!(
            left.into_iter()
                .filter(|left| *left.as_ref().unwrap())
                .count(),
            1
        );
        assert!(witness.online(&[user("ann")]).await.is_empty());
    }
    until(|| notes.heard.lock().len() == 40).await;
    let is_online = |heard: &Heard| matches!(&heard.body, Body::Presence(change) if change.online);
    let online: Vec<_> = notes.heard.lock().iter().map(is_online).collect();
    assert_eq!(online, [true, false].repeat(20));
    for (node, _) in &all {
        assert_eq!(node.ledger(node.me, 0).await.unwrap().1, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_is_entered_once_and_left_once_over_all_nodes() {
    let Some(space) = Space::new() else { return };
    let (one, _) = node(space.url(), space.prefix()).await;
    let (other, notes) = node(space.url(), space.prefix()).await;
    let (room, ann) = (ConversationId::parse("r").unwrap(), user("ann"));
    let _heard = other.bus.subscribe(Topic::Conversation(room.clone())).await;
    let said = spent(1);
    let entered = async |node: &Cluster, here| {
        let entered = node.enter(&room, &ann, here, Some(&said)).await.unwrap();
        (entered.is_first, entered.connections)
    };
    assert_eq!(entered(&one, 1).await, (true, 1));
    assert_eq!(entered(&one, 2).await, (false, 2));
    assert_eq!(entered(&other, 1).await, (false, 3));
    let there = one.in_room(one.me, &room).await.unwrap();
    assert_eq!(there, std::slice::from_ref(&ann));
    let gone = Some((&ann, Some(&said)));
    assert!(!one.exit(one.me, &room, 1, None, true).await.unwrap());
    assert!(!one.exit(one.me, &room, 0, gone, true).await.unwrap());
    assert!(
        !one.exit(one.me, &room, 0, gone, true).await.unwrap(),
        "twice"
    );
    assert!(other.exit(other.me, &room, 0, gone, true).await.unwrap());
    assert!(!other.is_in_room(&room, &ann).await);
    // Of somebody who is not known to have been there, only when nothing is known.
    assert!(!one.exit(one.me, &room, 0, gone, true).await.unwrap());
    assert!(one.exit(one.me, &room, 0, gone, false).await.unwrap());
    until(|| numbers(&notes).len() == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_a_lease_is_dead_and_has_one_heir() {
    let Some(space) = Space::new() else { return };
    let (one, _) = node(space.url(), space.prefix()).await;
    let (other, _) = node(space.url(), space.prefix()).await;
    assert_eq!(one.renew(3).await.unwrap(), LeaseState::New);
    assert_eq!(one.renew(3).await.unwrap(), LeaseState::Alive);
    assert_eq!(other.renew(0).await.unwrap(), LeaseState::New);
    assert_eq!(other.look_for_dead().await.unwrap(), []);
    assert_eq!(other.users_on_other_nodes(), 3);
    one.note(&Entry::User(user("ann"))).await.unwrap();
    one.end_lease(Duration::from_millis(1)).await.unwrap();
    let waiting = async {
        while other.look_for_dead().await.unwrap() != [one.me] {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it is dead");
    let (third, _) = node(space.url(), space.prefix()).await;
    assert!(other.take_over(one.me).await.unwrap());
    assert!(other.take_over(one.me).await.unwrap(), "still its heir");
    assert!(!third.take_over(one.me).await.unwrap());
    let (next, entries) = other.ledger(one.me, 0).await.unwrap();
    assert_eq!((next, entries), (None, vec![Entry::User(user("ann"))]));
    other.bury(one.me).await.unwrap();
    assert_eq!(third.look_for_dead().await.unwrap(), []);
    assert_eq!(one.renew(3).await.unwrap(), LeaseState::Expired);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_are_answered_by_all_who_hear_them() {
    let Some(space) = Space::new() else { return };
    let (asker, answers) = node(space.url(), space.prefix()).await;
    let _own = asker.bus.subscribe(Topic::Node(asker.me)).await;
    let (hearer, notes) = node(space.url(), space.prefix()).await;
    let topic = Topic::User(user("ann"));
    assert!(
        asker.ask(&topic, &spent(1)).await.is_empty(),
        "nobody hears it"
    );
    let _heard = hearer.bus.subscribe(topic.clone()).await;
    let answering = async {
        until(|| !notes.heard.lock().is_empty()).await;
        let question = notes.heard.lock()[0].question.expect("a question");
        hearer.answer(asker.me, question, Answer::Count(5));
        until(|| !answers.heard.lock().is_empty()).await;
        if let Body::Answer { question, answer } = &answers.heard.lock()[0].body {
            asker.answered(*question, answer.clone());
        }
    };
    let body = spent(1);
    let (answers, ()) = futures_util::future::join(asker.ask(&topic, &body), answering).await;
    assert!(matches!(answers[..], [Answer::Count(5)]), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_heard_is_heard_again_after_redis_was_away() {
    if !is_ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path(), Keeps::Nothing);
    let (speaker, _) = node(&server.url(), "p").await;
    let (hearer, notes) = node(&server.url(), "p").await;
    let topic = Topic::User(user("ann"));
    let _heard = hearer.bus.subscribe(topic.clone()).await;
    server.kill();
    until(|| !speaker.redis.is_up() && !hearer.redis.is_up()).await;
    assert_eq!(speaker.problem(), Some("Redis is away"));
    assert_eq!(speaker.bus.post(&topic, &spent(1)).elsewhere().await, 0);
    assert!(speaker.came(&change("ann", true), false).await.is_err());
    let wanted = Topic::User(user("bob"));
    let _wanted = timeout(PATIENCE, hearer.bus.subscribe(wanted.clone()))
        .await
        .expect("at once");
    server.restart();
    until(|| speaker.bus.is_settled() && hearer.bus.is_settled()).await;
    for topic in [topic, wanted] {
        assert_eq!(speaker.bus.post(&topic, &spent(2)).elsewhere().await, 1);
    }
    until(|| numbers(&notes) == [2, 2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_stands_still_is_away_until_it_goes_on() {
    if !is_ready() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Keeps::Nothing);
    let (node, _) = node(&server.url(), "p").await;
    server.pause();
    assert!(node.renew(0).await.is_err());
    assert!(!node.redis.is_up());
    assert!(node.renew(0).await.is_err(), "at once");
    server.resume();
    until(|| node.bus.is_settled()).await;
    assert_eq!(node.renew(0).await.unwrap(), LeaseState::New);
}

/// Nodes of different releases share what is in Redis: names of keys, fields and values stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_redis_is_what_other_releases_read() {
    let Some(space) = Space::new() else { return };
    let (node, _) = node(space.url(), space.prefix()).await;
    let (me, dead) = (node.me.to_string(), NodeId::from_bytes([0xab; 16]));
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
    node.came(&change("ann", true), true).await.unwrap();
    assert_eq!(
        hash("online:{ann}").await,
        pairs(&[(&me, "ann"), ("@", "7")])
    );
    node.enter(&room, &ann, 2, None).await.unwrap();
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
    assert!(node.take_over(dead).await.unwrap());
    assert_eq!(get(&format!("heir:{{{dead}}}")).await, me);

    node.add_peer(&ann, &user("bob"), 10);
    node.bus.flush().await;
    for (peers, peer) in [("peers:{ann}", "bob"), ("peers:{bob}", "ann")] {
        let known = redis::Cmd::zrange(key(peers), 0, -1);
        let known: Vec<String> = node.redis.query(&known).await.unwrap();
        assert_eq!(known, [peer]);
    }
}
