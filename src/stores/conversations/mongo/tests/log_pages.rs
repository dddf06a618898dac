//! What a reader of the log receives.

use super::*;
use crate::model::conversation::PageLimit;

#[tokio::test]
async fn what_another_program_removes_leaves_no_gap() {
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann"]).await;
    let mut ids = Vec::new();
    for what in ["1", "2", "3"] {
        ids.push(stage.subject.send("c", "ann", what).await.id);
    }
    let gone = doc! { "id": ids[1].to_string() };
    stage.collection("messages").delete_one(gone).await.unwrap();
    let log = stage.log(&stage.stores).await;
    assert_eq!(
        log[1..],
        ["2 ann sent 1", "3 application forgotten", "4 ann sent 3"]
    );
}

#[tokio::test]
async fn large_messages_make_short_pages_of_the_log() {
    const LARGE: usize = PageLimit::MAX_BYTES / 8 * 5;
    let Some(stage) = Stage::set().await else {
        return;
    };
    stage.subject.with("c", &["ann"]).await;
    let (c, ann) = (conversation("c"), user("ann"));
    let large = |letter: &str| format!("\"{}\"", letter.repeat(LARGE));
    let mut ids = Vec::new();
    for letter in ["a", "b"] {
        ids.push(stage.subject.send("c", "ann", &large(letter)).await.id);
    }
    for id in ids.into_iter().rev() {
        let edit = edit(&large("e"));
        let _ = stage
            .stores
            .messages
            .edit(&c, id, &ann, &edit)
            .await
            .unwrap();
    }
    let mut after = ChangeNumber::START;
    let mut pages = Vec::new();
    while pages.iter().sum::<usize>() < 5 {
        let page = stage.stores.log.changes(&c, after, 200).await.unwrap();
        after = page.changes.last().unwrap().number;
        pages.push(page.changes.len());
    }
    assert_eq!(pages, [2, 1, 1, 1]);
    // Both messages were sent before these.
    let page = stage
        .stores
        .log
        .changes(&c, ChangeNumber::new(3), 200)
        .await;
    assert_eq!(page.unwrap().changes.len(), 1);
}
