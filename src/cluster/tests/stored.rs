//! What nodes keep in Redis: leases, the ledger, and the form of all of it.

use super::*;

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
