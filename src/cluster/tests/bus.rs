//! Messages and questions between nodes.

use super::*;
use crate::cluster::envelope::Head;

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
async fn what_comes_by_the_topic_of_something_else_is_counted() {
    let Some(space) = Space::new() else { return };
    let (publisher, _) = node(space.url(), space.prefix()).await;
    let (subscriber, records) = node(space.url(), space.prefix()).await;
    let session = SessionId::parse("s").unwrap().0;
    let conversation = ConversationId::parse("c").unwrap();
    let bus = &subscriber.bus;
    let _subscriptions = (
        bus.subscribe(user("ann")).await,
        bus.subscribe(session.clone()).await,
        bus.subscribe(conversation.clone()).await,
        bus.subscribe(subscriber.node_id).await,
        bus.subscribe(AllNodes).await,
    );
    let from = publisher.node_id;
    let to_user = envelope::encode(from, Head::default(), &spent(1)).unwrap();
    let question = ConversationMessage::ListSubscribers;
    let to_conversation = envelope::encode(from, Head::default(), &question).unwrap();
    let send = async |topic: Topic, bytes: &[u8]| {
        let how = if topic.is_sharded() {
            "SPUBLISH"
        } else {
            "PUBLISH"
        };
        let mut command = redis::Cmd::new();
        let channel = topic.channel(&publisher.redis);
        command.arg(how).arg(channel).arg(bytes);
        let receivers: Result<u32, _> = publisher.redis.query(&command).await;
        receivers.unwrap()
    };
    let node = subscriber.node_id;
    let wrong = [
        (Topic::User(user("ann")), &to_conversation),
        (Topic::Session(session), &to_user),
        (Topic::Conversation(conversation), &to_user),
        (Topic::Node(node), &to_user),
        (Topic::AllNodes, &to_conversation),
    ];
    for (topic, bytes) in wrong.iter().cloned() {
        assert!(send(topic.clone(), bytes).await >= 1, "{topic:?}");
    }
    // The first is logged, the others with the next that is.
    until(|| subscriber.unknown.unlogged() == (4, true)).await;
    assert!(records.received.lock().is_empty());
    send(Topic::User(user("ann")), &to_user).await;
    until(|| numbers(&records) == [1]).await;
    assert_eq!(subscriber.unknown.unlogged(), (4, true));
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
