//! The roles of participants: who is given another one, and who becomes an admin where there is none any more.

use super::subject::*;
use crate::model::conversation::*;

async fn roles(subject: &Subject) -> Vec<String> {
    let all = subject.stores.participants.list(&conversation("c")).await;
    let active = all.unwrap().into_iter().filter(Participant::is_active);
    let short = |one: Participant| format!("{} {}", one.user.as_str(), one.role.as_str());
    active.map(short).collect()
}

async fn set(
    subject: &Subject,
    who: &str,
    role: Role,
    author: &ChangedBy,
) -> Result<Option<Logged<Participant>>, crate::stores::conversations::StoreError> {
    let participants = &subject.stores.participants;
    participants
        .set_role(&conversation("c"), &user(who), role, author)
        .await
}

async fn add(subject: &Subject, who: &str, role: Role) {
    let (c, new) = (conversation("c"), participant(who, role));
    let participants = &subject.stores.participants;
    let added = participants
        .add(&c, &new, &ChangedBy::Admin, MAX_ACTIVE)
        .await;
    assert!(added.unwrap().change.is_some());
}

/// The number of a change, and of whom it changed the role to what.
fn updated(change: Option<Change>) -> Option<(u64, String, Role)> {
    let change = change?;
    let Changed::Updated { user, role, .. } = change.what else {
        panic!("{change:?}");
    };
    Some((change.number.get(), user.as_str().to_owned(), role))
}

pub(crate) async fn where_the_last_admin_goes_the_oldest_becomes_one(subject: Subject) {
    let (stores, c) = (&subject.stores, conversation("c"));
    subject.with("c", &["ann"]).await;
    for name in ["zoe", "cy", "bo"] {
        subject.tick();
        add(&subject, name, Role::Member).await;
    }
    let end = async |who: &str, author: ChangedBy| {
        let ended = stores.participants.end(&c, &user(who), &author).await;
        ended.unwrap().unwrap()
    };
    let left = end("ann", by("ann")).await;
    assert!(matches!(left.change.unwrap().what, Changed::Left(_)));
    let promoted = left.consequence.unwrap();
    assert_eq!(promoted.by, by("ann"));
    let expected = Some((6, "zoe".to_owned(), Role::Admin));
    assert_eq!(updated(Some(promoted)), expected);
    assert_eq!(
        roles(&subject).await,
        ["zoe admin", "cy member", "bo member"]
    );

    // Both are in the log, and in what those read who are still there.
    let log = stores
        .log
        .changes(&c, ChangeNumber::new(4), 9)
        .await
        .unwrap();
    assert_eq!(log.last, ChangeNumber::new(6));
    let [left, promoted] = <[Change; 2]>::try_from(log.changes).unwrap();
    assert!(matches!(left.what, Changed::Left(ref gone) if *gone == user("ann")));
    assert_eq!(updated(Some(promoted)), expected);
    let snapshot = stores.log.snapshot(&c).await.unwrap();
    assert_eq!(snapshot.number, ChangeNumber::new(6));
    assert_eq!(snapshot.participants[&user("zoe")], Role::Admin);

    // While there is another one, and where a member goes, nobody is promoted.
    let changed = set(&subject, "bo", Role::Admin, &by("zoe")).await.unwrap();
    assert!(changed.unwrap().change.is_some());
    assert!(end("bo", by("bo")).await.consequence.is_none());
    add(&subject, "bo", Role::Member).await;
    assert!(end("cy", by("zoe")).await.consequence.is_none());
    // An administrator takes the last one out.
    let removed = end("zoe", ChangedBy::Admin).await;
    let (_, who, role) = updated(removed.consequence).unwrap();
    assert_eq!((&*who, role), ("bo", Role::Admin));
    // Nobody is left who could be one.
    assert!(end("bo", by("bo")).await.consequence.is_none());
}

pub(crate) async fn who_is_none_for_all_is_not_promoted(subject: Subject) {
    let (stores, c) = (&subject.stores, conversation("c"));
    let blocked = stores.blocks.block(&user("bo"), &user("ann"), 9).await;
    let _ = blocked.unwrap();
    let mut new = new_conversation("c", &["ann", "bo", "cy", "dan", "eve"]);
    new.participants[2].is_invited = true;
    new.participants[3].pending = true;
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    let ended = stores.participants.end(&c, &user("ann"), &by("ann")).await;
    let promoted = updated(ended.unwrap().unwrap().consequence);
    assert_eq!(promoted.unwrap().1, "eve");
    let ended = stores.participants.end(&c, &user("eve"), &by("eve")).await;
    let promoted = updated(ended.unwrap().unwrap().consequence);
    assert_eq!(
        promoted.unwrap().1,
        "dan",
        "a name, if there is nobody else"
    );
}

pub(crate) async fn only_admins_give_participants_another_role(subject: Subject) {
    subject.with("c", &["ann", "bo", "cy"]).await;
    assert_rejected!(set(&subject, "cy", Role::Admin, &by("bo")).await, NotAdmin);
    assert_rejected!(
        set(&subject, "bo", Role::Admin, &by("eve")).await,
        NotParticipant
    );
    let promoted = set(&subject, "bo", Role::Admin, &by("ann")).await;
    let promoted = promoted.unwrap().unwrap();
    assert_eq!(promoted.value.role, Role::Admin);
    let expected = Some((2, "bo".to_owned(), Role::Admin));
    assert_eq!(updated(promoted.change), expected);
    assert!(promoted.consequence.is_none());
    let again = set(&subject, "bo", Role::Admin, &by("ann")).await;
    let again = again.unwrap().unwrap();
    assert!(again.change.is_none() && again.value.role == Role::Admin);
    // What they may do from now on.
    let demoted = set(&subject, "ann", Role::Member, &by("bo")).await;
    assert!(demoted.unwrap().unwrap().change.is_some());
    assert_rejected!(
        set(&subject, "ann", Role::Admin, &by("ann")).await,
        NotAdmin
    );
    for author in [by("bo"), ChangedBy::Admin] {
        let last = set(&subject, "bo", Role::Member, &author).await;
        assert_rejected!(last, LastAdmin);
    }
    assert_eq!(
        roles(&subject).await,
        ["ann member", "bo admin", "cy member"]
    );
    let nobody = set(&subject, "eve", Role::Admin, &ChangedBy::Admin).await;
    assert!(nobody.unwrap().is_none());
    let (nowhere, ann) = (conversation("nowhere"), user("ann"));
    let participants = &subject.stores.participants;
    let nobody = participants.set_role(&nowhere, &ann, Role::Admin, &ChangedBy::Admin);
    assert!(nobody.await.unwrap().is_none());
}

pub(crate) async fn others_see_no_difference_between_the_roles_of_who_is_ignored(subject: Subject) {
    let (stores, c) = (&subject.stores, conversation("c"));
    let blocked = stores.blocks.block(&user("bo"), &user("ann"), 9).await;
    let _ = blocked.unwrap();
    let new = new_conversation("c", &["ann", "bo", "cy"]);
    let _ = stores.conversations.create(&new, &by("ann")).await.unwrap();
    let changed = set(&subject, "bo", Role::Admin, &by("ann")).await;
    let changed = changed.unwrap().unwrap();
    assert_eq!(changed.value.status, ParticipantStatus::Ignored);
    assert_eq!(updated(changed.change).unwrap().1, "bo");
    let snapshot = stores.log.snapshot(&c).await.unwrap();
    assert!(!snapshot.participants.contains_key(&user("bo")));
    // They are none who could manage the others.
    let last = set(&subject, "ann", Role::Member, &by("ann")).await;
    assert_rejected!(last, LastAdmin);
    let back = set(&subject, "bo", Role::Member, &by("ann")).await;
    assert!(back.unwrap().unwrap().change.is_some());
}
