//! Pending participants.

use super::subject::*;
use crate::model::conversation::*;

/// A conversation of `ann` with a name that nobody has, who was given a key.
async fn with_pending(subject: &Subject, at: &str, name: &str) {
    let mut new = new_conversation(at, &["ann", name]);
    new.participants[1].pending = true;
    new.participants[1].key = Some(ContentKey {
        number: 7,
        encrypted: json("\"key\""),
    });
    let _ = subject
        .stores
        .conversations
        .create(&new, &by("ann"))
        .await
        .unwrap();
}

pub(crate) async fn a_user_takes_the_place_of_a_pending_participant(subject: Subject) {
    let pending = &subject.stores.pending;
    with_pending(&subject, "one", "bob").await;
    subject.with("two", &["ann", "bob"]).await;
    let waiting = pending.pending_in(&user("bob")).await.unwrap();
    assert_eq!(waiting, [conversation("one")]);
    let before = subject.participant("one", "bob").await.unwrap();
    assert!(before.pending && before.is_active());
    for what in ["1", "2", "3"] {
        subject.send("one", "ann", what).await;
    }

    let (c, bob, u42) = (conversation("one"), user("bob"), user("42"));
    let claimed = pending.claim(&c, &bob, &u42).await.unwrap().unwrap();
    assert_eq!(claimed.value.user, u42);
    assert_eq!(claimed.value.joined_at, before.joined_at);
    assert!(claimed.value.is_active() && !claimed.value.pending);
    let change = claimed.change.unwrap();
    assert_eq!(change.number, ChangeNumber::new(5));
    assert_eq!(change.by, by("42"));
    let added = |changed: Changed| match changed {
        Changed::Added {
            user,
            role,
            key_number,
            in_place_of,
            is_ignored: false,
        } => (user, role, key_number, in_place_of),
        other => panic!("{other:?}"),
    };
    let expected = (u42.clone(), Role::Member, Some(7), Some(bob.clone()));
    assert_eq!(added(change.what), expected);
    let logged = subject
        .stores
        .log
        .changes(&c, ChangeNumber::new(4), 10)
        .await;
    let logged = logged.unwrap().changes.pop().unwrap();
    assert_eq!(added(logged.what), expected);

    // What was sent meanwhile is for them, and so is the key.
    let listed = subject.stores.conversations.find_for(&c, &u42).await;
    let listed = listed.unwrap().unwrap();
    assert_eq!(listed.unread, 3);
    assert_eq!(listed.key.unwrap().number, 7);
    let nobody = subject.stores.conversations.find_for(&c, &bob).await;
    assert!(nobody.unwrap().is_none());
    let former = subject.participant("one", "bob").await.unwrap();
    assert_eq!(former.status, ParticipantStatus::Removed);
    assert!(pending.pending_in(&bob).await.unwrap().is_empty());
    assert!(pending.claim(&c, &bob, &u42).await.unwrap().is_none());

    // Who was added by their id is no name to claim.
    let other = conversation("two");
    assert!(pending.claim(&other, &bob, &u42).await.unwrap().is_none());
    assert!(subject.participant("two", "bob").await.unwrap().is_active());
}

pub(crate) async fn a_pending_participant_goes_where_the_user_is_already(subject: Subject) {
    let (participants, pending) = (&subject.stores.participants, &subject.stores.pending);
    with_pending(&subject, "c", "bob").await;
    let (c, bob) = (conversation("c"), user("bob"));
    let member = participant("42", Role::Admin);
    let _ = participants
        .add(&c, &member, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    let claimed = pending.claim(&c, &bob, &user("42")).await;
    let claimed = claimed.unwrap().unwrap();
    assert_eq!(claimed.value.role, Role::Admin);
    let removed = claimed.change.unwrap().what;
    assert!(matches!(removed, Changed::Removed(gone) if gone == bob));
    let former = subject.participant("c", "bob").await.unwrap();
    assert_eq!(former.status, ParticipantStatus::Removed);

    // Added again by the same name, as a user.
    let again = participant("bob", Role::Member);
    let again = participants
        .add(&c, &again, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    assert!(!again.value.pending);
    assert!(pending.pending_in(&bob).await.unwrap().is_empty());
}
