//! Several nodes that write at the same time.

use super::*;
use crate::model::Identity;
use crate::model::conversation::{ConversationEvent, LoggedEvent, NumberedEvent};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_make_one_order_whatever_their_clocks_say() {
    const EACH: usize = 40;
    let Some(stage) = Stage::set().await else {
        return;
    };
    let ahead = Arc::new(ManualClock::new());
    ahead.set(1_900_000_000_000);
    let other = stage.another(&ahead).await;
    stage.subject.with("c", &["ann", "bo", "cy"]).await;
    let nodes = [&stage.stores, &other];
    let write = async |node: usize, who: &str| {
        let mut ids = Vec::new();
        for number in 0..EACH {
            let new = named("c", who, "1", &format!("{node} {number}"));
            let sent = nodes[node].messages.append(&new).await.unwrap();
            assert!(sent.change.is_some());
            ids.push(sent.value.id);
        }
        ids
    };
    let all = join_all([
        write(0, "ann"),
        write(1, "ann"),
        write(0, "bo"),
        write(1, "bo"),
    ])
    .await;
    let mut sent: Vec<_> = all.iter().flatten().copied().collect();
    sent.sort();
    let (c, cy) = (conversation("c"), user("cy"));
    let page = other
        .messages
        .page(&c, &cy, Window::default(), limit(200))
        .await;
    let read: Vec<_> = page.unwrap().messages.iter().map(|one| one.id).collect();
    assert_eq!(read, sent);
    assert_eq!(stage.unread("cy").await, 4 * EACH as u64);
    assert_eq!(stage.unread("ann").await, 2 * EACH as u64);
    let page = (other.log)
        .changes(&c, ChangeNumber::START, 1 + 4 * EACH)
        .await
        .unwrap();
    let numbers = page.changes.iter().map(|change| change.number.get());
    assert!(numbers.eq(1..=1 + 4 * EACH as u64));
    let logged = page.changes.iter().filter_map(Change::message);
    assert!(logged.map(|message| message.id).eq(sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_reads_on_two_nodes_are_counted_once() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let other = stage.another(&stage.clock).await;
    stage.subject.with("c", &["ann", "bo", "cy"]).await;
    let mut ids = Vec::new();
    for _ in 0..70 {
        ids.push(stage.subject.send("c", "ann", "1").await.id);
    }
    let (c, bo) = (&conversation("c"), &user("bo"));
    let nodes = [&stage.stores, &other];
    let reading = (0..8).map(|turn| {
        nodes[turn % 2]
            .receipts
            .mark_read(c, bo, &ids[turn..60 + turn])
    });
    let deleting = ids[60..].iter().enumerate();
    let (c, ann) = (conversation("c"), user("ann"));
    let deleting = deleting.map(|(turn, id)| nodes[turn % 2].messages.delete(&c, *id, &ann));
    let (read, deleted) = tokio::join!(try_join_all(reading), try_join_all(deleting));
    read.unwrap();
    deleted.unwrap();
    assert_eq!(stage.unread("bo").await, 0);
    assert_eq!(stage.unread("cy").await, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_change_different_things_at_once_make_one_log() {
    const EACH: usize = 20;
    let Some(stage) = Stage::set().await else {
        return;
    };
    let other = stage.another(&stage.clock).await;
    stage.subject.with("c", &["ann", "bo"]).await;
    let first = stage.subject.send("c", "ann", "0").await.id;
    let (c, bo, cy) = (conversation("c"), user("bo"), user("cy"));
    let emoji = Emoji::parse("+").unwrap();
    let nodes = [&stage.stores, &other];
    let sending = async {
        for number in 0..EACH {
            let new = named("c", "ann", "1", &number.to_string());
            // Both nodes are asked to send each message.
            let sent = nodes.map(|node| node.messages.append(&new));
            let sent = try_join_all(sent).await.unwrap();
            assert_eq!(sent[0].value.id, sent[1].value.id);
            assert_eq!(sent.iter().filter(|sent| sent.change.is_some()).count(), 1);
        }
    };
    let reacting = async {
        for number in 0..EACH {
            let node = nodes[number % 2];
            let reacted = node.reactions.add(&c, first, &bo, &emoji).await.unwrap();
            let id = reacted.value.id;
            let _ = node.reactions.remove(&c, first, id, &bo).await.unwrap();
            let edited = edit(&number.to_string());
            let _ = node
                .messages
                .edit(&c, first, &user("ann"), &edited)
                .await
                .unwrap();
        }
    };
    let adding = async {
        for number in 0..EACH {
            let (node, new) = (nodes[number % 2], participant("cy", Role::Member));
            let added = node
                .participants
                .add(&c, &new, &by("ann"), MAX_ACTIVE)
                .await
                .unwrap();
            assert!(added.change.is_some());
            let ended = node.participants.end(&c, &cy, &by("cy")).await.unwrap();
            assert!(ended.unwrap().change.is_some());
        }
    };
    tokio::join!(sending, reacting, adding);
    let log = stage.log(&other).await;
    assert_eq!(log.len(), 2 + 6 * EACH);
    for (index, change) in log.iter().enumerate() {
        assert!(change.starts_with(&format!("{} ", index + 1)), "{change}");
    }
    let all = stage.collection("changes").count_documents(doc! {}).await;
    assert_eq!(all.unwrap(), 1 + 5 * EACH as u64);
    // Each one left before they were added again.
    let of_cy: Vec<_> = log.iter().filter(|change| change.contains("cy")).collect();
    for pair in of_cy.chunks(2) {
        assert!(
            pair[0].contains("ann added") && pair[1].contains("cy left"),
            "{pair:?}"
        );
    }
}

/// A change, as the node that made it tells others.
fn told(change: &Change) -> NumberedEvent {
    let event = match &change.what {
        Changed::Sent(message) => LoggedEvent::Event(ConversationEvent::Sent {
            message: message.clone(),
            sender: Identity {
                user: message.sender.clone(),
                name: "Ann".into(),
                avatar_url: None,
            },
        }),
        Changed::Edited(message) => LoggedEvent::Event(ConversationEvent::Edited(message.clone())),
        _ => LoggedEvent::Nothing,
    };
    NumberedEvent {
        number: change.number,
        event,
    }
}

#[tokio::test]
async fn a_node_goes_on_behind_what_another_one_told_it() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let other = stage.another(&stage.clock).await;
    let nodes = [&stage.stores, &other];
    stage.subject.with("c", &["ann", "bo"]).await;
    let (c, ann) = (conversation("c"), user("ann"));
    // Changes that the other node is not told, is told twice, and is told late.
    let mut late = Vec::new();
    for round in 0..12 {
        let (node, next) = (nodes[round % 2], nodes[(round + 1) % 2]);
        let hears = |change: &Change| {
            let log = next.shared_log.as_ref().unwrap();
            log.heard(&c, &told(change));
        };
        let new = new_message("c", "ann", &round.to_string());
        let sent = node.messages.append(&new).await.unwrap();
        let edited = node
            .messages
            .edit(&c, sent.value.id, &ann, &edit("7"))
            .await;
        let changes = [sent.change.unwrap(), edited.unwrap().change.unwrap()];
        match round % 4 {
            0 => changes.iter().for_each(hears),
            1 => [&changes[0], &changes[0], &changes[1]]
                .into_iter()
                .for_each(hears),
            2 => hears(&changes[1]),
            _ => late.iter().for_each(hears),
        }
        late = changes.to_vec();
    }
    let document = stage.found("conversations", doc! { "id": "c" }).await;
    assert_eq!(document.get_i64("messageCount").unwrap(), 12);
    assert_eq!(document.get_i64("changes").unwrap(), 25);
    assert_eq!(
        (stage.unread("ann").await, stage.unread("bo").await),
        (0, 12)
    );
    assert_eq!(stage.log(&other).await.len(), 25);
}
