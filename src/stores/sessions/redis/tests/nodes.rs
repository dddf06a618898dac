//! Servers that share sessions.

use futures_util::future::join_all;

use super::*;
use crate::model::session::Member;

/// A change, and all members after it.
struct Done {
    revision: u64,
    /// `None`: the change returned no list.
    members: Option<Vec<String>>,
    who: String,
    is_in: bool,
}

fn names(members: &[Member]) -> Vec<String> {
    let names = members.iter().map(|member| member.user.as_str().to_owned());
    names.collect()
}

/// Joins, sends and departs several times, and stays in the end.
async fn visit(node: &Node, who: &str) -> Vec<Done> {
    let subject = &node.subject;
    let mut done = Vec::new();
    let mut note = |revision, members: Option<&[Member]>, is_in| {
        done.push(Done {
            revision,
            members: members.map(names),
            who: who.to_owned(),
            is_in,
        });
    };
    for round in 0..8 {
        let joined = subject.join("s", creator(who, "k")).await.unwrap();
        note(joined.revision, Some(&joined.members), true);
        let sent = subject.append("s", message(round, who, None, "1")).await;
        note(number(sent), None, true);
        let saved = subject.save_key("s", who, "\"k\"", None).await.unwrap();
        note(saved.revision, Some(&saved.members), true);
        if round < 7 {
            let departed = subject.depart("s", who, Departure::Disconnected).await;
            let departed = departed.unwrap();
            note(departed.revision, Some(&departed.members), false);
        }
    }
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_change_a_session_at_once_keep_it_one() {
    let Some(space) = Space::new() else { return };
    let limits = SessionLimits {
        members: 100,
        ..LIMITS
    };
    let nodes = [
        Node::of(&space, limits).await,
        Node::of(&space, limits).await,
    ];
    let visits = ["a", "b", "c", "d", "e", "f"].into_iter().enumerate();
    let done = join_all(visits.map(|(at, who)| visit(&nodes[at % 2], who))).await;
    for one in &done {
        assert!(one.is_sorted_by(|a, b| a.revision < b.revision));
    }
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_by_key(|done| done.revision);
    let revisions: Vec<_> = done.iter().map(|done| done.revision).collect();
    let expected = revisions[0]..revisions[0] + done.len() as u64;
    assert_eq!(revisions, expected.collect::<Vec<_>>());

    // Each list is the one before it with its own change.
    let mut members: Vec<String> = Vec::new();
    for done in &done {
        members.retain(|member| done.is_in || *member != done.who);
        if done.is_in && !members.contains(&done.who) {
            members.push(done.who.clone());
        }
        if let Some(listed) = &done.members {
            assert_eq!(*listed, members, "{}", done.revision);
        }
    }
    for node in &nodes {
        assert_eq!(names(&node.store.members(&id("s")).await.members), members);
        assert_eq!(node.store.count().await, 1);
    }
}

#[tokio::test]
async fn a_server_that_is_started_again_finds_the_sessions() {
    let Some(space) = Space::new() else { return };
    let first = Node::of(&space, LIMITS).await;
    let created = first.subject.join("s", creator("a", "k")).await.unwrap();
    let sent = message(1, "a", None, "\"kept\"");
    assert!(is_first(first.subject.append("s", sent.clone()).await));
    drop(first);
    let again = Node::of(&space, LIMITS).await;
    let why = again.subject.why_not("s", join("b", "x")).await;
    assert_eq!(why, Some(JoinError::WrongKey));
    let joined = again.subject.join("s", join("b", "k")).await.unwrap();
    assert_eq!(names(&joined.members), ["a", "b"]);
    assert_eq!(joined.revision, created.revision + 2);
    assert_eq!(joined.history[0].encrypted.to_parts().0, "\"kept\"");
    let key = joined.members[0].public_key.as_ref().unwrap();
    assert_eq!(key.to_parts().0, "\"key of a\"");
    assert!(is_repeated(again.subject.append("s", sent).await));
    let departed = again
        .subject
        .depart("s", "a", Departure::Disconnected)
        .await;
    assert!(
        departed.is_some(),
        "also from a server that it did not join on"
    );
}

#[tokio::test]
async fn a_member_that_rejoined_on_another_node_with_another_key_is_not_removed_by_the_first() {
    let Some(space) = Space::new() else { return };
    let nodes = [
        Node::of(&space, LIMITS).await,
        Node::of(&space, LIMITS).await,
    ];
    nodes[0].subject.join("s", creator("a", "k")).await.unwrap();
    let slot = JoinSlot {
        connection: connection("another"),
        is_free: true,
        maker: MAKER,
    };
    let again = Join {
        public_key: Some(json("1")),
        ..join("a", "k")
    };
    let again = nodes[1].store.join(&id("s"), again, slot).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(again.displaced, [connection("a")]);
    for how in [Departure::Disconnected, Departure::Left] {
        assert!(nodes[0].subject.depart("s", "a", how).await.is_none());
    }
    assert_eq!(nodes[0].store.members(&id("s")).await.members.len(), 1);
}

#[tokio::test]
async fn a_session_that_is_created_again_has_greater_revisions() {
    let Some(space) = Space::new() else { return };
    let node = Node::of(&space, LIMITS).await;
    let first = node.subject.join("s", creator("a", "k")).await.unwrap();
    let left = node.subject.depart("s", "a", Departure::Left).await;
    assert!(left.unwrap().members.is_empty());
    let next = node.subject.join("s", creator("a", "k")).await.unwrap();
    assert!(next.revision > first.revision, "{}", next.revision);
}
