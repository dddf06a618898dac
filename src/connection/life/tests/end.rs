//! Connections that end after they opened.

use super::*;

#[tokio::test]
async fn a_member_that_leaves_is_undone_once() {
    let server = Server::start();
    let client = server.connect("member").await;
    client.receive("welcome").await;
    assert_eq!(server.seen.undone.load(Ordering::SeqCst), 0);
    client.post("41").await;
    server.assert_ended(1, true).await;
    assert!(server.connection().is_closed());
}

#[tokio::test]
async fn a_transport_that_closes_behind_a_disconnect_undoes_nothing_twice() {
    let server = Server::start();
    let client = server.connect("member").await;
    client.receive("welcome").await;
    client.post("41").await;
    client.post("1").await;
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn closing_twice_undoes_once() {
    let server = Server::start();
    let client = server.connect("member").await;
    client.receive("welcome").await;
    client.post(r#"42["close twice"]"#).await;
    server.assert_ended(1, true).await;
    let reason = server.connection().close_reason();
    assert_eq!(reason, Some(DisconnectReason::Revoked), "the first stays");
}

#[tokio::test]
async fn a_handler_that_panics_costs_its_connection_and_undoes_once() {
    let server = Server::start();
    let client = server.connect("member").await;
    client.receive("welcome").await;
    client.post(r#"42["panic"]"#).await;
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn a_guest_that_became_a_member_is_undone_once() {
    let server = Server::start();
    let client = server.connect("guest").await;
    client.receive("welcome").await;
    client.post(r#"42["enter"]"#).await;
    client.post(r#"42["echo"]"#).await;
    client.receive("echo").await;
    assert!(!server.connection().has_guest_bounds());
    client.post("41").await;
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn a_guest_that_leaves_has_nothing_to_undo() {
    let server = Server::start();
    let client = server.connect("guest").await;
    client.receive("40").await;
    client.post("41").await;
    server.assert_ended(0, false).await;
}

#[tokio::test]
async fn draining_answers_what_was_begun_and_begins_nothing_more() {
    let server = Server::start();
    let client = server.connect("member").await;
    client.receive("welcome").await;
    client.post(r#"42["wait"]"#).await;
    let waits = |seen: &Seen| seen.waits.load(Ordering::SeqCst) > 0;
    server.until("handled", waits).await;
    let flow = server.connection().flow().clone();
    // Here no transport says what it has taken.
    flow.taken(usize::MAX);

    let mut drains = server.open.drain(TIMEOUT, DisconnectReason::ServerShutdown);
    let mut drained = Box::pin(drains.remove(0));
    assert!(futures_util::poll!(&mut drained).is_pending());
    client.post(r#"42["echo"]"#).await;
    server.seen.goes_on.notify_one();
    let received = client.receive("went on").await;
    assert!(!received.contains("echo"), "{received}");
    flow.taken(usize::MAX);
    drained.await;
    server.assert_ended(1, true).await;
}
