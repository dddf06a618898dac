//! Several nodes that write at the same time.

use super::*;

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
            assert!(!sent.repeated);
            ids.push(sent.message.id);
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
    let mut seqs = stage
        .collection("messages")
        .find(doc! {})
        .sort(doc! { "id": 1 })
        .await
        .unwrap();
    for seq in 1..=4 * EACH as i64 {
        assert!(seqs.advance().await.unwrap());
        assert_eq!(seqs.current().get_i64("seq").unwrap(), seq);
    }
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
