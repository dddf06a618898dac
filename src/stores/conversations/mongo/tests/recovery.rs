//! Operations that were interrupted half-way, and an unreachable server.

use super::*;

#[tokio::test]
async fn a_counted_message_whose_receipt_is_missing_is_not_counted_again() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    let stores = &stage.stores;
    stage.subject.with("c", &["ann", "bo"]).await;
    let read = stage.subject.send("c", "ann", "1").await.id;
    let hidden = stage.subject.send("c", "ann", "2").await.id;
    stage.subject.send("c", "ann", "3").await;
    let (c, bo) = (conversation("c"), user("bo"));
    stores.receipts.mark_read(&c, &bo, &[read]).await.unwrap();
    assert!(stores.messages.hide(&c, hidden, &bo).await.unwrap());
    assert_eq!(stage.unread("bo").await, 1);
    let receipts = stage.collection("receipts");
    receipts.delete_many(doc! {}).await.unwrap();
    let shown = doc! { "$unset": { "deletedFor": "" } };
    stage
        .update("messages", doc! { "id": hidden.to_string() }, shown)
        .await;
    let read_again = stores.receipts.mark_read(&c, &bo, &[read]).await.unwrap();
    assert_eq!(read_again.messages, [(user("ann"), vec![read])]);
    assert!(stores.messages.hide(&c, hidden, &bo).await.unwrap());
    assert_eq!(stage.unread("bo").await, 1);
}

#[tokio::test]
async fn an_unfinished_deletion_is_finished_at_the_next_start() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann", "bo", "cy"]).await;
    let id = stage.subject.send("c", "ann", "1").await.id;
    let (c, cy) = (conversation("c"), user("cy"));
    stage
        .stores
        .receipts
        .mark_read(&c, &cy, &[id])
        .await
        .unwrap();
    delete_without_counting(&stage, id).await;
    assert_eq!(stage.unread("bo").await, 1);
    for _ in 0..2 {
        stage
            .another(&stage.clock)
            .await
            .health
            .check()
            .await
            .unwrap();
        assert_eq!((stage.unread("bo").await, stage.unread("cy").await), (0, 0));
    }
    let again = stage
        .stores
        .messages
        .delete(&c, id, &user("ann"))
        .await
        .unwrap();
    assert!(again.change.is_none());
    assert_eq!(stage.unread("bo").await, 0);
}

/// Readers do not wait for a deletion, nor it for them: each finds the other half-way.
#[tokio::test]
async fn a_message_that_is_read_or_hidden_amid_its_deletion_is_counted_once() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann", "bo", "cy", "di"]).await;
    let id = stage.subject.send("c", "ann", "1").await.id;
    stage.subject.send("c", "ann", "2").await;
    let c = conversation("c");
    delete_without_counting(&stage, id).await;
    let (messages, receipts) = (&stage.stores.messages, &stage.stores.receipts);
    receipts.mark_read(&c, &user("bo"), &[id]).await.unwrap();
    assert!(messages.hide(&c, id, &user("cy")).await.unwrap());
    // The rest of the deletion; its end is no news to anybody.
    for _ in 0..2 {
        let deleted = messages.delete(&c, id, &user("ann")).await.unwrap();
        assert!(deleted.change.is_none());
        receipts.mark_read(&c, &user("di"), &[id]).await.unwrap();
        for reader in ["bo", "cy", "di"] {
            assert_eq!(stage.unread(reader).await, 1, "{reader}");
        }
    }
}

/// A deletion as it is between its parts: it is stored, and nobody's count has changed.
async fn delete_without_counting(stage: &Stage, id: MessageId) {
    let deleted = doc! {
        "$set": { "deletedAt": date(stage.clock.now_ms()), "uncounted": true },
        "$unset": { "content": "" },
    };
    stage
        .update("messages", doc! { "id": id.to_string() }, deleted)
        .await;
}

#[tokio::test]
async fn an_unreachable_server_fails_fast_and_recovers() {
    if !is_ready() {
        return;
    }
    let folder = tempdir().unwrap();
    let mut server = Server::start(folder.path());
    let stores = stores_at(&server.uri("away"), Arc::new(ManualClock::new())).await;
    let new = new_conversation("c", &["ann", "bo"]);
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    let message = new_message("c", "ann", "1");
    server.stop();
    assert_rejected!(stores.messages.append(&message).await, Failed);
    // Later operations do not wait.
    for _ in 0..100 {
        let asked = stores.health.check().now_or_never();
        assert_rejected!(asked.expect("an answer at once"), Failed);
    }
    server.restart();
    let deadline = Instant::now() + Duration::from_secs(30);
    while stores.messages.append(&message).await.is_err() {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (c, bo) = (conversation("c"), user("bo"));
    let page = stores
        .messages
        .page(&c, &bo, Window::default(), limit(9))
        .await;
    assert_eq!(page.unwrap().messages.len(), 1);
    let ended = stores.participants.end(&c, &bo, &by("bo")).await;
    let ended = ended.unwrap().unwrap().value;
    assert_eq!(ended.status, ParticipantStatus::Left);
}
