//! Whom a connection was told is online.

use super::super::told::MAX_TOLD;
use super::{GRACE, Server, changes, id, sent, until};
use crate::config::PresenceAudience;
use crate::users::Member;

/// Whether a user who is found online is told to a connection.
fn is_told_found(server: &Server, member: &Member, user: &str, epoch: u64) -> bool {
    let mut is_told = false;
    server
        .users
        .tell_found(member, &id(user), epoch, || is_told = true);
    is_told
}

#[tokio::test]
async fn a_change_that_comes_while_it_is_found_out_decides() {
    let server = Server::start(PresenceAudience::Peers);
    let _ann = server.connect("ann").await;
    let ann = &server.users.members("ann")[0];
    let users = &server.users;
    let contacts = ["came", "went", "here"].map(id);
    users.expect(ann, &contacts);
    assert!(users.tell_online(ann, &contacts[0], 1, false));
    assert!(!users.untell(ann, &contacts[1]), "it was not told yet");
    assert!(!is_told_found(&server, ann, "came", 1));
    assert!(!is_told_found(&server, ann, "went", 1));
    assert!(is_told_found(&server, ann, "here", 1));
    assert!(!is_told_found(&server, ann, "here", 1), "only once");
    users.found_all(ann, &contacts);
    let told = contacts.map(|user| users.was_told(ann, &user));
    assert_eq!(told, [true, false, true]);
}

#[tokio::test]
async fn what_was_found_is_not_told_again_by_the_change_to_it() {
    let server = Server::start(PresenceAudience::Peers);
    let _ann = server.connect("ann").await;
    let ann = &server.users.members("ann")[0];
    let bo = id("bo");
    server.users.expect(ann, std::slice::from_ref(&bo));
    assert!(is_told_found(&server, ann, "bo", 1));
    assert!(!server.users.tell_online(ann, &bo, 1, false));
    assert!(!server.users.tell_online(ann, &bo, 1, true));
    assert!(server.users.tell_online(ann, &bo, 2, false), "another time");
    assert!(server.users.untell(ann, &bo) && !server.users.untell(ann, &bo));
}

#[tokio::test]
async fn what_is_remembered_is_bounded_and_counted_and_ends_with_the_connection() {
    let server = Server::start(PresenceAudience::Peers);
    let ann = server.connect("ann").await;
    let member = server.users.members("ann")[0].clone();
    let users = &server.users;
    let before = member.user.account.held();
    for number in 0..=MAX_TOLD {
        let is_told = users.tell_online(&member, &id(&number.to_string()), 1, false);
        assert_eq!(is_told, number < MAX_TOLD);
    }
    users.expect(&member, &[id("bo")]);
    assert!(!is_told_found(&server, &member, "bo", 1));
    assert!(
        users.tell_online(&member, &id("bo"), 1, true),
        "as everyone is"
    );
    assert_eq!(users.watching.len(), MAX_TOLD);
    assert!(member.user.account.held() > before + MAX_TOLD * 64);
    server.disconnect("ann", ann).await;
    assert!(users.watching.is_empty());
    assert_eq!(member.user.account.held(), 0);
    assert!(
        !users.tell_online(&member, &id("bo"), 1, false),
        "it has ended"
    );
}

#[tokio::test]
async fn who_was_told_is_told_of_the_end_though_the_audience_is_another_then() {
    let server = Server::start(PresenceAudience::Peers);
    let ann = server.users.get_or_create(&id("ann"));
    server.users.add_peer(&ann, &id("bo"));
    let ann = server.connect("ann").await;
    let bo = server.connect("bo").await;
    // They are forgotten as peers.
    for user in ["ann", "bo"] {
        *server.users.get(user).unwrap().peers.lock() = Default::default();
    }
    server.disconnect("bo", bo).await;
    until("offline", || sent(&ann).len() > 1).await;
    assert_eq!(sent(&ann), changes([("bo", true), ("bo", false)]));
    let _bo = server.connect("bo").await;
    // What must not be sent has no sign of its own.
    tokio::time::sleep(3 * GRACE).await;
    assert_eq!(sent(&ann).len(), 2, "they are no peers");
}
