//! Participants who are ignored: they have blocked who added them.

use super::subject::*;
use crate::model::UserId;
use crate::model::conversation::*;

pub(super) async fn block(subject: &Subject, who: &str, other: &str) {
    let blocks = &subject.stores.blocks;
    blocks.block(&user(who), &user(other), 9).await.unwrap();
}

async fn add(subject: &Subject, who: &str, by: &ChangedBy) -> Logged<Participant> {
    let new = participant(who, Role::Member);
    let participants = &subject.stores.participants;
    participants
        .add(&conversation("c"), &new, by, MAX_ACTIVE)
        .await
        .unwrap()
}

pub(super) async fn end(subject: &Subject, who: &str, by: &ChangedBy) -> Logged<Participant> {
    let (c, participants) = (conversation("c"), &subject.stores.participants);
    participants.end(&c, &user(who), by).await.unwrap().unwrap()
}

/// Whether a user has anything of the conversation.
pub(super) async fn takes_part(subject: &Subject, who: &str) -> bool {
    let (c, who, stores) = (conversation("c"), user(who), &subject.stores);
    let conversations = &stores.conversations;
    let found = conversations.find_for(&c, &who).await.unwrap().is_some();
    let listed = conversations
        .list_for(&who, None, 9)
        .await
        .unwrap()
        .conversations
        .len();
    let memberships = stores.log.memberships(&who).await.unwrap().len();
    let participations = stores.log.participations(&who, Some(&c)).await.unwrap();
    let all = stores.log.participations(&who, None).await.unwrap().len();
    let snapshot = stores.log.snapshot(&c).await.unwrap();
    let is_known = snapshot.participants.contains_key(&who);
    let message = new_message("c", who.as_str(), "1");
    let may_write = stores.messages.append(&message).await.is_ok();
    let seen = [
        listed == 1,
        memberships == 1,
        participations.len() == 1,
        all == 1,
        is_known,
        may_write,
    ];
    assert!(seen.iter().all(|one| *one == found), "{found} {seen:?}");
    found
}

pub(super) async fn last_change(subject: &Subject) -> Changed {
    let (c, log) = (conversation("c"), &subject.stores.log);
    let last = log.changes(&c, ChangeNumber::START, 100).await;
    last.unwrap().changes.pop().unwrap().what
}

fn is_added(change: &Changed, who: &str, as_ignored: bool) -> bool {
    matches!(change, Changed::Added { user, is_ignored, .. }
        if user.as_str() == who && *is_ignored == as_ignored)
}

fn ids(users: &[UserId]) -> Vec<&str> {
    users.iter().map(UserId::as_str).collect()
}

pub(crate) async fn who_has_blocked_the_creator_is_a_participant_for_others_only(subject: Subject) {
    let stores = &subject.stores;
    block(&subject, "bo", "ann").await;
    let new = new_conversation("c", &["ann", "bo", "cy"]);
    let created = stores.conversations.create(&new, &by("ann")).await.unwrap();
    let shown = created.value.participants.iter();
    let shown: Vec<_> = shown.map(|one| one.status.shown()).collect();
    assert_eq!(shown, [ParticipantStatus::Active; 3]);
    for change in [created.change.unwrap().what, last_change(&subject).await] {
        let Changed::Created {
            participants,
            ignored,
            ..
        } = change
        else {
            panic!("{change:?}");
        };
        assert_eq!((participants.len(), ids(&ignored)), (3, vec!["bo"]));
    }
    assert!(!takes_part(&subject, "bo").await);
    assert!(takes_part(&subject, "cy").await);
    let c = conversation("c");
    let names = stores.participants.names_in(std::slice::from_ref(&c));
    assert_eq!(names.await.unwrap()[0].1.len(), 3);
    let partners = stores.conversations.partners_of(&user("ann")).await;
    assert_eq!(ids(&partners.unwrap()), ["cy"]);
    let left = stores.participants.end(&c, &user("bo"), &by("bo")).await;
    assert_rejected!(left, NotParticipant);
}

pub(crate) async fn who_has_blocked_who_adds_them_is_a_participant_for_others_only(
    subject: Subject,
) {
    subject.with("c", &["ann"]).await;
    block(&subject, "bo", "ann").await;
    let added = add(&subject, "bo", &by("ann")).await;
    assert!(added.value.looks_active() && !added.value.is_active());
    assert!(is_added(&added.change.unwrap().what, "bo", true));
    assert!(is_added(&last_change(&subject).await, "bo", true));
    assert!(!takes_part(&subject, "bo").await);
    // As whoever is added twice.
    assert!(add(&subject, "bo", &by("ann")).await.change.is_none());

    let removed = end(&subject, "bo", &by("ann")).await;
    assert_eq!(removed.value.status, ParticipantStatus::Removed);
    assert!(matches!(removed.change.unwrap().what, Changed::Dismissed(who) if who == user("bo")));
    assert!(matches!(last_change(&subject).await, Changed::Dismissed(who) if who == user("bo")));
    assert!(!takes_part(&subject, "bo").await);
    let (c, participants) = (conversation("c"), &subject.stores.participants);
    let again = participants.end(&c, &user("bo"), &by("ann")).await;
    assert!(again.unwrap().unwrap().change.is_none());

    // Whom they have not blocked adds them for good.
    add(&subject, "bo", &by("ann")).await.change.unwrap();
    let added = add(&subject, "bo", &ChangedBy::Admin).await;
    assert!(added.value.is_active());
    assert!(is_added(&added.change.unwrap().what, "bo", false));
    assert!(is_added(&last_change(&subject).await, "bo", false));
    assert!(takes_part(&subject, "bo").await);

    // A participant stays one, and has been one afterwards.
    assert!(add(&subject, "bo", &by("ann")).await.change.is_none());
    assert!(takes_part(&subject, "bo").await);
    let removed = end(&subject, "bo", &by("ann")).await.change.unwrap();
    assert!(matches!(removed.what, Changed::Removed(_)));
    let read = subject.stores.log.participations(&user("bo"), None).await;
    assert_eq!(read.unwrap()[0].ended, Some(removed.number));
}

pub(crate) async fn who_blocks_nobody_any_more_is_added_when_they_are_added_again(
    subject: Subject,
) {
    subject.with("c", &["ann"]).await;
    block(&subject, "bo", "ann").await;
    let _ = add(&subject, "bo", &by("ann")).await;
    subject.send("c", "ann", "1").await;
    let blocks = &subject.stores.blocks;
    blocks.unblock(&user("bo"), &user("ann")).await.unwrap();
    assert!(!takes_part(&subject, "bo").await);
    let added = add(&subject, "bo", &by("ann")).await;
    assert!(is_added(&added.change.unwrap().what, "bo", false));
    assert_eq!(subject.unread("c", "bo").await, 0);
    assert!(takes_part(&subject, "bo").await);
}

pub(crate) async fn who_is_ignored_counts_where_a_conversation_is_full(subject: Subject) {
    subject.with("c", &["ann"]).await;
    block(&subject, "bo", "ann").await;
    let (c, participants) = (conversation("c"), &subject.stores.participants);
    let add = async |who: &str, max| {
        let new = participant(who, Role::Member);
        participants.add(&c, &new, &by("ann"), max).await
    };
    assert!(add("bo", 2).await.unwrap().change.is_some());
    assert_rejected!(add("cy", 2).await, ConversationFull);
    let blocks = &subject.stores.blocks;
    blocks.unblock(&user("bo"), &user("ann")).await.unwrap();
    assert!(add("bo", 2).await.unwrap().value.is_active());
}

pub(crate) async fn a_name_puts_nobody_in_who_has_blocked_who_gave_it(subject: Subject) {
    let mut new = new_conversation("c", &["ann", "bob"]);
    new.participants[1].pending = true;
    let stores = &subject.stores;
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    block(&subject, "42", "ann").await;
    let (c, bob, u42) = (conversation("c"), user("bob"), user("42"));
    let claimed = stores.pending.claim(&c, &bob, &u42).await;
    let claimed = claimed.unwrap().unwrap();
    assert!(claimed.value.looks_active());
    assert!(is_added(&claimed.change.unwrap().what, "42", true));
    assert!(is_added(&last_change(&subject).await, "42", true));
    assert!(!takes_part(&subject, "42").await);
    let _ = add(&subject, "42", &ChangedBy::Admin).await;
    assert!(takes_part(&subject, "42").await);
}
