//! Participants who are invited: they are none until they accept.

use super::ignored::{block, end, last_change, takes_part};
use super::subject::*;
use crate::model::conversation::*;

async fn invite(subject: &Subject, who: &str) -> Logged<Participant> {
    let new = NewParticipant {
        is_invited: true,
        ..participant(who, Role::Member)
    };
    let participants = &subject.stores.participants;
    participants
        .add(&conversation("c"), &new, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap()
}

async fn invitations_of(subject: &Subject, who: &str) -> Vec<Invitation> {
    let (who, c, store) = (user(who), conversation("c"), &subject.stores.invitations);
    let all = store.invitations_of(&who, None, 9).await.unwrap();
    let only = store.invitations_of(&who, Some(&c), 9).await.unwrap();
    assert_eq!(all.len(), only.len());
    let other = conversation("other");
    let none = store.invitations_of(&who, Some(&other), 9).await.unwrap();
    assert!(none.is_empty());
    all
}

async fn accept(subject: &Subject, who: &str) -> Option<Logged<Participant>> {
    let (c, store) = (conversation("c"), &subject.stores.invitations);
    store.accept(&c, &user(who)).await.unwrap()
}

fn is_invited(change: &Changed, who: &str) -> bool {
    matches!(change, Changed::Invited { user, in_place_of: None, .. } if user.as_str() == who)
}

fn is_uninvited(change: &Changed, who: &str) -> bool {
    matches!(change, Changed::Uninvited(user) if user.as_str() == who)
}

pub(crate) async fn who_is_invited_has_nothing_until_they_accept(subject: Subject) {
    let stores = &subject.stores;
    let mut new = new_conversation("c", &["ann", "bo"]);
    new.participants[1].is_invited = true;
    new.participants[1].key = Some(ContentKey {
        number: 7,
        encrypted: json("\"key\""),
    });
    let created = stores.conversations.create(&new, &by("ann")).await.unwrap();
    for change in [created.change.unwrap().what, last_change(&subject).await] {
        let Changed::Created {
            participants,
            ignored,
            invited,
            ..
        } = change
        else {
            panic!("{change:?}");
        };
        assert_eq!((participants.len(), ignored.len()), (2, 0));
        assert_eq!(invited, [user("bo")]);
    }
    let known = subject.participant("c", "bo").await.unwrap();
    assert_eq!(known.status, ParticipantStatus::Invited);
    assert!(!takes_part(&subject, "bo").await);
    let c = conversation("c");
    let names = stores.participants.names_in(std::slice::from_ref(&c)).await;
    assert_eq!(names.unwrap()[0].1.len(), 1);
    let partners = stores.conversations.partners_of(&user("ann")).await;
    assert!(partners.unwrap().is_empty());

    let invitation = invitations_of(&subject, "bo").await.pop().unwrap();
    assert_eq!(
        (invitation.conversation, invitation.by),
        (c.clone(), user("ann"))
    );
    assert_eq!(
        (invitation.at, invitation.role),
        (known.joined_at, Role::Member)
    );
    assert_eq!(invitation.key.unwrap().number, 7);
    assert!(invitations_of(&subject, "ann").await.is_empty());
    assert!(accept(&subject, "ann").await.unwrap().change.is_none());
    assert!(accept(&subject, "cy").await.is_none());

    subject.send("c", "ann", "1").await;
    let accepted = accept(&subject, "bo").await.unwrap();
    assert!(accepted.value.is_active());
    let change = accepted.change.unwrap();
    assert_eq!(change.by, by("bo"));
    for what in [change.what, last_change(&subject).await] {
        let Changed::Added {
            user, key_number, ..
        } = what
        else {
            panic!("{what:?}");
        };
        assert_eq!((user.as_str(), key_number), ("bo", Some(7)));
    }
    assert!(invitations_of(&subject, "bo").await.is_empty());
    let listed = stores.conversations.find_for(&c, &user("bo")).await;
    let listed = listed.unwrap().unwrap();
    assert_eq!((listed.unread, listed.key.unwrap().number), (0, 7));
    assert!(takes_part(&subject, "bo").await);
    assert!(accept(&subject, "bo").await.unwrap().change.is_none());
    assert!(invite(&subject, "bo").await.change.is_none());
}

pub(crate) async fn an_invitation_is_declined_withdrawn_and_given_again(subject: Subject) {
    subject.with("c", &["ann"]).await;
    let (c, bo) = (conversation("c"), user("bo"));
    for (who, status) in [
        ("bo", ParticipantStatus::Left),
        ("ann", ParticipantStatus::Removed),
    ] {
        let invited = invite(&subject, "bo").await;
        assert!(is_invited(&invited.change.unwrap().what, "bo"));
        assert!(is_invited(&last_change(&subject).await, "bo"));
        assert!(invite(&subject, "bo").await.change.is_none());
        let ended = end(&subject, "bo", &by(who)).await;
        assert_eq!(ended.value.status, status);
        assert!(is_uninvited(&ended.change.unwrap().what, "bo"));
        assert!(is_uninvited(&last_change(&subject).await, "bo"));
        assert!(accept(&subject, "bo").await.is_none());
        assert!(invitations_of(&subject, "bo").await.is_empty());
        assert!(!takes_part(&subject, "bo").await);
    }
    let participants = &subject.stores.participants;
    assert_rejected!(participants.end(&c, &bo, &by("bo")).await, NotParticipant);

    // Who left comes back by their own act.
    let _ = invite(&subject, "bo").await;
    let _ = accept(&subject, "bo").await.unwrap();
    let left = end(&subject, "bo", &by("bo")).await.change.unwrap();
    assert!(matches!(left.what, Changed::Left(_)));
    subject.send("c", "ann", "1").await;
    let again = invite(&subject, "bo").await;
    assert_eq!(again.value.status, ParticipantStatus::Invited);
    assert!(!takes_part(&subject, "bo").await);
    let _ = accept(&subject, "bo").await.unwrap();
    assert!(takes_part(&subject, "bo").await);

    // Whom an administrator adds is not asked.
    let _ = invite(&subject, "cy").await;
    let new = participant("cy", Role::Admin);
    let added = participants
        .add(&c, &new, &ChangedBy::Admin, MAX_ACTIVE)
        .await;
    let added = added.unwrap();
    assert!(added.value.is_active());
    assert!(matches!(
        added.change.unwrap().what,
        Changed::Added {
            role: Role::Admin,
            ..
        }
    ));
    assert!(takes_part(&subject, "cy").await);
}

pub(crate) async fn nobody_is_told_of_an_invitation_by_whom_they_have_blocked(subject: Subject) {
    subject.with("c", &["ann"]).await;
    block(&subject, "bo", "ann").await;
    let invited = invite(&subject, "bo").await;
    assert_eq!(invited.value.status, ParticipantStatus::Invited);
    assert!(invitations_of(&subject, "bo").await.is_empty());
    let blocks = &subject.stores.blocks;
    blocks.unblock(&user("bo"), &user("ann")).await.unwrap();
    assert_eq!(invitations_of(&subject, "bo").await.len(), 1);
    // Who looks like a participant is not invited.
    block(&subject, "cy", "ann").await;
    let (c, new) = (conversation("c"), participant("cy", Role::Member));
    let participants = &subject.stores.participants;
    let _ = participants
        .add(&c, &new, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    assert!(invite(&subject, "cy").await.change.is_none());
    assert!(invitations_of(&subject, "cy").await.is_empty());
}

pub(crate) async fn who_is_invited_counts_where_a_conversation_is_full(subject: Subject) {
    subject.with("c", &["ann"]).await;
    let _ = invite(&subject, "bo").await;
    let (c, new) = (conversation("c"), participant("cy", Role::Member));
    let participants = &subject.stores.participants;
    let full = participants.add(&c, &new, &by("ann"), 2).await;
    assert_rejected!(full, ConversationFull);
    assert!(accept(&subject, "bo").await.unwrap().value.is_active());
}

pub(crate) async fn invitations_are_the_newest_first_and_no_more_than_asked_for(subject: Subject) {
    let stores = &subject.stores;
    for name in ["one", "two", "three"] {
        subject.tick();
        let mut new = new_conversation(name, &["ann", "bo"]);
        new.participants[1].is_invited = true;
        let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    }
    let bo = user("bo");
    let found = stores
        .invitations
        .invitations_of(&bo, None, 2)
        .await
        .unwrap();
    let ids: Vec<_> = found.iter().map(|one| one.conversation.as_str()).collect();
    assert_eq!(ids, ["three", "two"]);
}

pub(crate) async fn a_name_that_is_invited_invites_who_is_known_by_it(subject: Subject) {
    let stores = &subject.stores;
    let mut new = new_conversation("c", &["ann", "bob", "eve"]);
    for one in &mut new.participants[1..] {
        (one.pending, one.is_invited) = (true, true);
        one.key = Some(ContentKey {
            number: 7,
            encrypted: json("\"key\""),
        });
    }
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    let (c, bob, u42) = (conversation("c"), user("bob"), user("42"));
    let pending = &stores.pending;
    assert_eq!(
        pending.pending_in(&bob).await.unwrap(),
        std::slice::from_ref(&c)
    );
    assert!(
        accept(&subject, "bob").await.is_none(),
        "a name does nothing"
    );
    let claimed = pending.claim(&c, &bob, &u42).await.unwrap().unwrap();
    assert_eq!(claimed.value.status, ParticipantStatus::Invited);
    let change = claimed.change.unwrap();
    assert_eq!(change.by, by("ann"));
    for what in [change.what, last_change(&subject).await] {
        let Changed::Invited {
            user,
            key_number,
            in_place_of,
            ..
        } = what
        else {
            panic!("{what:?}");
        };
        assert_eq!(
            (user, key_number, in_place_of),
            (u42.clone(), Some(7), Some(bob.clone()))
        );
    }
    assert!(!takes_part(&subject, "42").await && !takes_part(&subject, "bob").await);
    assert_eq!(invitations_of(&subject, "42").await[0].by, user("ann"));

    // Where they are invited already, nothing is left of the name.
    let eve = user("eve");
    let claimed = pending.claim(&c, &eve, &u42).await.unwrap().unwrap();
    assert!(is_uninvited(&claimed.change.unwrap().what, "eve"));
    assert!(is_uninvited(&last_change(&subject).await, "eve"));
    assert!(pending.pending_in(&eve).await.unwrap().is_empty());
    let _ = accept(&subject, "42").await.unwrap();
    assert!(takes_part(&subject, "42").await);
}
