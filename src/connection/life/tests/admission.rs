//! Connections that end, or are sent something, before they open.

use super::*;

#[tokio::test]
async fn a_member_that_is_refused_at_last_is_undone() {
    let server = Server::start();
    let client = server.connect("refused").await;
    client.receive("44").await;
    server
        .until("undone", |seen| seen.undone.load(Ordering::SeqCst) == 1)
        .await;
    assert_eq!(server.open.count(), 0);
}

#[tokio::test]
async fn a_member_whose_connection_is_closed_before_it_opens_is_undone() {
    let server = Server::start();
    let client = server.connect("closed early").await;
    server
        .until("undone", |seen| seen.undone.load(Ordering::SeqCst) == 1)
        .await;
    // The client is not let in, or has no session any more.
    let _ = client.poll().await;
    assert_eq!(server.seen.opened.load(Ordering::SeqCst), 0);
    assert_eq!(server.open.count(), 0);
}

#[tokio::test]
async fn what_is_sent_before_a_connection_opens_comes_behind_the_first_event() {
    let server = Server::start();
    let client = server.connect("sent early").await;
    let received = client.receive("early").await;
    let position = |text: &str| received.find(text).unwrap();
    assert!(position("40{") < position("welcome"), "{received}");
    assert!(position("welcome") < position("early"), "{received}");
}

#[tokio::test]
async fn a_member_disconnected_before_its_connection_opens_gets_what_was_sent() {
    let server = Server::start();
    let client = server.connect("disconnected early").await;
    let received = client.receive("41").await;
    let position = |text: &str| received.find(text).unwrap();
    assert!(
        position("early") < received.rfind("41").unwrap(),
        "{received}"
    );
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn a_client_that_is_rejected_hears_why_and_is_disconnected() {
    let server = Server::start();
    let client = server.connect("rejected").await;
    let received = client.receive("41").await;
    assert!(received.contains("due"), "{received}");
    assert_eq!(server.seen.opened.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_client_that_leaves_while_it_is_admitted_is_undone() {
    let server = Server::start();
    let watching = tokio::spawn(deadlines::watch(server.open.clone()));
    let client = server.connect("slow").await;
    server
        .until("registered", |seen| {
            seen.registered.load(Ordering::SeqCst) == 1
        })
        .await;
    client.post("1").await;
    server.seen.admits_slow.notify_one();
    server.assert_ended(1, true).await;
    assert_eq!(server.seen.opened.load(Ordering::SeqCst), 0);
    watching.abort();
}

#[tokio::test]
async fn a_token_that_is_taken_back_while_its_client_is_admitted_ends_the_connection() {
    let server = Server::start();
    let client = server.connect("slow").await;
    server
        .until("registered", |seen| {
            seen.registered.load(Ordering::SeqCst) == 1
        })
        .await;
    // Who takes it back finds no connection yet.
    server.seen.revoked.store(true, Ordering::SeqCst);
    assert_eq!(server.open.end_revoked(&|_, _| true), 0);
    server.seen.admits_slow.notify_one();
    let received = client.receive("41").await;
    assert!(received.contains(r#"["due","revoked"]"#), "{received}");
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn so_does_the_token_of_a_guest_and_a_fresh_one() {
    for (kind, event) in [("guest", "enter"), ("member", "renew")] {
        let server = Server::start();
        let client = server.connect(kind).await;
        client.receive("40").await;
        server.seen.revoked.store(true, Ordering::SeqCst);
        client.post(&format!(r#"42["{event}"]"#)).await;
        let received = client.receive("41").await;
        assert!(received.contains(r#"["due","revoked"]"#), "{received}");
    }
}

#[tokio::test]
async fn connections_end_whose_tokens_were_taken_back_and_are_counted_once() {
    let server = Server::start();
    let client = server.connect("member").await;
    client.receive("welcome").await;
    let _guest = server.connect("guest").await;
    assert_eq!(server.open.end_revoked(&|_, _| false), 0);
    assert_eq!(server.open.end_revoked(&|_, _| true), 1);
    assert_eq!(server.open.end_revoked(&|_, _| true), 0);
    let received = client.receive("41").await;
    assert!(received.contains(r#"["due","revoked"]"#), "{received}");
}
