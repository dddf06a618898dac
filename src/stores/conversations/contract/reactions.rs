//! Reactions.

use futures_util::future::join_all;

use super::subject::*;
use crate::model::conversation::*;

fn emoji(text: &str) -> Emoji {
    Emoji::parse(text).unwrap()
}

pub(crate) async fn the_same_reaction_is_stored_once(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann, bo) = (&conversation("c"), &user("ann"), &user("bo"));
    subject.with("c", &["ann", "bo"]).await;
    let message = subject.send("c", "ann", "1").await.id;
    let at = subject.tick();
    let first = stores
        .reactions
        .add(c, message, bo, &emoji("👍"))
        .await
        .unwrap();
    assert!(first.change.is_some());
    let reaction = first.value;
    assert_eq!((&reaction.user, reaction.created_at), (bo, at));
    assert_eq!((&reaction.conversation, reaction.message), (c, message));
    subject.tick();
    let again = stores
        .reactions
        .add(c, message, bo, &emoji("👍"))
        .await
        .unwrap();
    assert!(again.change.is_none());
    assert_eq!(again.value, reaction);

    let others = [(bo, "👎"), (ann, "👍"), (bo, "👍🏽")];
    let others = others.map(|(who, what)| (who, emoji(what)));
    for (who, what) in &others {
        let other = stores.reactions.add(c, message, who, what).await.unwrap();
        assert!(other.change.is_some() && other.value.id != reaction.id);
        subject.tick();
    }
    let all = subject.stored.reactions(message).await;
    assert_eq!(all.len(), 4);
    assert_eq!(all[0], reaction);

    let what = emoji("!");
    let at_once = join_all((0..9).map(|_| stores.reactions.add(c, message, ann, &what))).await;
    let at_once: Vec<_> = at_once.into_iter().map(Result::unwrap).collect();
    assert_eq!(at_once.iter().filter(|one| one.change.is_some()).count(), 1);
    assert!(at_once.iter().all(|one| one.value == at_once[0].value));
}

pub(crate) async fn only_its_owner_removes_a_reaction(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann, bo) = (&conversation("c"), &user("ann"), &user("bo"));
    subject.with("c", &["ann", "bo"]).await;
    let message = subject.send("c", "ann", "1").await.id;
    let other = subject.send("c", "ann", "2").await.id;
    let added = stores
        .reactions
        .add(c, message, bo, &emoji("x"))
        .await
        .unwrap();
    let id = added.value.id;
    assert_rejected!(
        stores.reactions.remove(c, message, id, ann).await,
        NotFoundOrForbidden
    );
    assert_rejected!(
        stores.reactions.remove(c, other, id, bo).await,
        NotFoundOrForbidden
    );
    assert_eq!(subject.stored.reactions(message).await.len(), 1);
    let removed = stores.reactions.remove(c, message, id, bo).await.unwrap();
    assert!(removed.change.is_some());
    let again = stores.reactions.remove(c, message, id, bo).await.unwrap();
    assert!(again.change.is_none());
    assert_rejected!(
        stores.reactions.remove(c, message, id, ann).await,
        NotFoundOrForbidden
    );
    assert!(subject.stored.reactions(message).await.is_empty());
    let anew = stores
        .reactions
        .add(c, message, bo, &emoji("x"))
        .await
        .unwrap();
    assert!(anew.change.is_some() && anew.value.id != id);
    let again = stores.reactions.remove(c, message, id, bo).await.unwrap();
    assert!(again.change.is_none());
    assert_eq!(subject.stored.reactions(message).await.len(), 1);
}

pub(crate) async fn a_deleted_message_takes_no_reaction(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann) = (&conversation("c"), &user("ann"));
    subject.with("c", &["ann"]).await;
    let message = subject.send("c", "ann", "1").await.id;
    let added = stores
        .reactions
        .add(c, message, ann, &emoji("x"))
        .await
        .unwrap();
    let _ = stores.messages.delete(c, message, ann).await.unwrap();
    let late = stores.reactions.add(c, message, ann, &emoji("y")).await;
    assert_rejected!(late, NotFoundOrForbidden);
    // It can be taken back all the same.
    let removed = stores
        .reactions
        .remove(c, message, added.value.id, ann)
        .await;
    assert!(removed.unwrap().change.is_some());
    let unknown = MessageId::new(uuid::Uuid::now_v7()).unwrap();
    assert_rejected!(
        stores.reactions.add(c, unknown, ann, &emoji("x")).await,
        NotFoundOrForbidden
    );
}

pub(crate) async fn reactions_are_read_by_message(subject: Subject) {
    let (stores, c) = (&subject.stores, conversation("c"));
    subject.with("c", &["ann", "bo"]).await;
    subject.with("d", &["ann"]).await;
    let first = subject.send("c", "ann", "1").await.id;
    let second = subject.send("c", "bo", "2").await.id;
    let other = subject.send("d", "ann", "3").await.id;
    let mut added = Vec::new();
    for (message, who, emoji) in [
        (second, "ann", "+"),
        (first, "bo", "b"),
        (first, "ann", "a"),
        (first, "bo", "c"),
    ] {
        subject.tick();
        let emoji = Emoji::parse(emoji).unwrap();
        let reacted = stores.reactions.add(&c, message, &user(who), &emoji).await;
        added.push(reacted.unwrap().value);
    }
    let emoji = Emoji::parse("+").unwrap();
    let elsewhere = stores
        .reactions
        .add(&conversation("d"), other, &user("ann"), &emoji)
        .await;
    let _ = elsewhere.unwrap();
    let gone = added.remove(1);
    let removed = stores
        .reactions
        .remove(&c, first, gone.id, &user("bo"))
        .await;
    let _ = removed.unwrap();
    let found = stores
        .reactions
        .of_messages(&c, &[second, first, other])
        .await;
    added.rotate_left(1);
    assert_eq!(found.unwrap(), added);
    assert!(
        stores
            .reactions
            .of_messages(&c, &[])
            .await
            .unwrap()
            .is_empty()
    );
}
