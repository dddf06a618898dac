//! Whom users have blocked.

use super::subject::*;
use crate::model::Block;
use crate::stores::conversations::StoreError;

fn names(blocks: &[Block]) -> Vec<&str> {
    blocks.iter().map(|one| one.blocked.as_str()).collect()
}

pub(crate) async fn a_block_list_is_the_users_own(subject: Subject) {
    let blocks = &subject.stores.blocks;
    let [ann, bo, cy] = ["ann", "bo", "cy"].map(user);
    let now = subject.tick();
    let first = Block {
        blocked: bo.clone(),
        since: now,
    };
    let blocked = blocks.block(&ann, &bo, 9).await.unwrap();
    assert_eq!(blocked, (first.clone(), true));
    subject.tick();
    let again = blocks.block(&ann, &bo, 9).await.unwrap();
    assert_eq!(again, (first.clone(), false), "since the first time");
    blocks.block(&cy, &bo, 9).await.unwrap();
    assert_eq!(blocks.find(&ann, &bo).await.unwrap(), Some(first.clone()));
    assert_eq!(blocks.find(&bo, &ann).await.unwrap(), None);
    assert!(blocks.list(&bo, None, 9).await.unwrap().is_empty());

    let mut blockers = blocks.blockers_of(&bo, 9).await.unwrap();
    blockers.sort();
    assert_eq!(blockers, [ann.clone(), cy.clone()]);
    assert_eq!(blocks.blockers_of(&bo, 1).await.unwrap().len(), 1);
    assert!(blocks.blockers_of(&ann, 9).await.unwrap().is_empty());

    assert_eq!(blocks.unblock(&ann, &bo).await.unwrap(), Some(first));
    assert_eq!(blocks.unblock(&ann, &bo).await.unwrap(), None);
    assert_eq!(blocks.find(&ann, &bo).await.unwrap(), None);
    assert_eq!(blocks.blockers_of(&bo, 9).await.unwrap(), [cy]);
}

pub(crate) async fn a_block_list_is_read_in_parts_and_is_bounded(subject: Subject) {
    let blocks = &subject.stores.blocks;
    let ann = user("ann");
    for name in ["e", "b", "d", "a", "c"] {
        blocks.block(&ann, &user(name), 5).await.unwrap();
    }
    let list = async |after: Option<&str>, limit| {
        let after = after.map(user);
        blocks.list(&ann, after.as_ref(), limit).await.unwrap()
    };
    assert_eq!(names(&list(None, 2).await), ["a", "b"]);
    assert_eq!(names(&list(Some("b"), 9).await), ["c", "d", "e"]);
    assert_eq!(names(&list(Some("bb"), 1).await), ["c"]);
    assert!(list(Some("e"), 9).await.is_empty());
    let full = blocks.block(&ann, &user("f"), 5).await;
    assert!(matches!(full, Err(StoreError::BlockListFull)), "{full:?}");
    assert!(!blocks.block(&ann, &user("e"), 5).await.unwrap().1);
    blocks.unblock(&ann, &user("a")).await.unwrap();
    assert!(blocks.block(&ann, &user("f"), 5).await.unwrap().1);
}
