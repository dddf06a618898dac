//! Who comes and goes over all nodes.

use super::*;

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
    let message = ConversationMessage::ListSubscribers;
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
