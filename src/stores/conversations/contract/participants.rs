//! Participants, and what only they may do.

use super::subject::*;
use crate::model::conversation::*;
use crate::model::{TokenUser, UserId};
use crate::stores::conversations::participants::MAX_NAMES;

pub(crate) async fn participants_are_added_removed_and_added_again(subject: Subject) {
    let stores = &subject.stores;
    let c = conversation("c");
    subject.with("c", &["ann", "bo"]).await;
    subject.send("c", "ann", "1").await;
    let at = subject.tick();
    let added = stores
        .participants
        .add(
            &c,
            &participant("cy", Role::Member),
            &ChangedBy::Admin,
            MAX_ACTIVE,
        )
        .await
        .unwrap();
    assert!(added.change.is_some() && added.value.is_active());
    assert_eq!(added.value.joined_at, at);
    // Earlier messages are not unread, but can be read.
    assert_eq!(subject.unread("c", "cy").await, 0);
    assert_eq!(subject.seen("c", "cy").await, ["1"]);

    let again = stores
        .participants
        .add(
            &c,
            &participant("cy", Role::Admin),
            &ChangedBy::Admin,
            MAX_ACTIVE,
        )
        .await
        .unwrap();
    assert!(again.change.is_none() && again.value.role == Role::Member);

    let cy = user("cy");
    let ended = stores.participants.end(&c, &cy, &ChangedBy::Admin).await;
    assert_eq!(
        ended.unwrap().unwrap().value.status,
        ParticipantStatus::Removed
    );
    let again = stores.participants.end(&c, &cy, &ChangedBy::Admin).await;
    assert!(again.unwrap().unwrap().change.is_none());
    let ended = stores.participants.end(&c, &cy, &by("ann")).await;
    assert!(ended.unwrap().is_none());
    let ended = stores.participants.end(&c, &cy, &by("cy")).await;
    assert_rejected!(ended, NotParticipant);
    let known = subject.participant("c", "cy").await.unwrap();
    assert_eq!(known.status, ParticipantStatus::Removed);
    subject.send("c", "ann", "2").await;
    subject.tick();
    let back = participant("cy", Role::Admin);
    let back = stores
        .participants
        .add(&c, &back, &ChangedBy::Admin, MAX_ACTIVE)
        .await
        .unwrap();
    assert!(back.change.is_some() && back.value.role == Role::Admin);
    assert_eq!(subject.unread("c", "cy").await, 0);
    subject.send("c", "ann", "3").await;
    assert_eq!(subject.unread("c", "cy").await, 1);

    let names = stores.participants.list(&c).await.unwrap();
    let names: Vec<_> = names.iter().map(|p| p.user.as_str()).collect();
    assert_eq!(names, ["ann", "bo", "cy"]);
    let nowhere = conversation("nowhere");
    let new = participant("cy", Role::Member);
    assert_rejected!(
        stores
            .participants
            .add(&nowhere, &new, &ChangedBy::Admin, MAX_ACTIVE)
            .await,
        NoConversation
    );
    assert!(stores.participants.list(&nowhere).await.unwrap().is_empty());
    assert!(subject.participant("c", "eve").await.is_none());
    let nobody = stores
        .participants
        .end(&nowhere, &cy, &ChangedBy::Admin)
        .await;
    assert!(nobody.unwrap().is_none());
}

pub(crate) async fn who_ended_a_participation_ends_it_again(subject: Subject) {
    let participants = &subject.stores.participants;
    let c = conversation("c");
    subject.with("c", &["ann", "bo", "cy", "di"]).await;
    let end = |who, author| async move {
        let (c, who) = (conversation("c"), user(who));
        let ended = participants.end(&c, &who, &by(author)).await;
        ended.map(|ended| ended.map(|logged| (logged.value, logged.change.is_some())))
    };
    for (who, author) in [("bo", "ann"), ("cy", "cy")] {
        let (first, is_new) = end(who, author).await.unwrap().unwrap();
        assert!(is_new);
        let (again, is_new) = end(who, author).await.unwrap().unwrap();
        assert!(!is_new && again.status == first.status && again.user == first.user);
    }
    assert_rejected!(end("bo", "bo").await, NotParticipant);
    assert_rejected!(end("bo", "di").await, NotAdmin);
    assert!(end("cy", "ann").await.unwrap().is_none());
    assert!(end("eve", "ann").await.unwrap().is_none());
    let by_ann = by("ann");
    let (admin, member) = (Role::Admin, Role::Member);
    let set = |who, role| {
        let who = user(who);
        let by_ann = &by_ann;
        let c = &c;
        async move { participants.set_role(c, &who, role, by_ann).await }
    };
    let _ = set("di", admin).await.unwrap();
    assert!(set("ann", member).await.unwrap().unwrap().change.is_some());
    assert!(set("ann", member).await.unwrap().unwrap().change.is_none());
    assert_rejected!(set("ann", admin).await, NotAdmin);
    assert_rejected!(end("bo", "ann").await, NotAdmin);
}

/// Whether every operation for this user in this conversation is refused.
async fn can_do_nothing(subject: &Subject, at: &str, who: &str, message: MessageId) {
    let stores = &subject.stores;
    let (c, who) = (&conversation(at), &user(who));
    let emoji = Emoji::parse("+").unwrap();
    let reaction = ReactionId::new(*message.uuid()).unwrap();
    let late = new_message(at, who.as_str(), "9");
    assert_rejected!(stores.messages.append(&late).await, NotParticipant);
    assert_rejected!(
        stores.messages.edit(c, message, who, &edit("9")).await,
        NotParticipant
    );
    assert_rejected!(
        stores.messages.delete(c, message, who).await,
        NotParticipant
    );
    assert_rejected!(stores.messages.hide(c, message, who).await, NotParticipant);
    let (window, most) = (Window::default(), limit(1));
    assert_rejected!(
        stores.messages.page(c, who, window, most).await,
        NotParticipant
    );
    assert_rejected!(stores.messages.slice(c, who, 0, most).await, NotParticipant);
    assert_rejected!(
        stores.receipts.mark_read(c, who, &[message]).await,
        NotParticipant
    );
    assert_rejected!(
        stores.receipts.mark_delivered(c, who, most).await,
        NotParticipant
    );
    assert_rejected!(
        stores.reactions.add(c, message, who, &emoji).await,
        NotParticipant
    );
    let removed = stores.reactions.remove(c, message, reaction, who).await;
    assert_rejected!(removed, NotParticipant);
}

pub(crate) async fn participants_are_read_in_parts(subject: Subject) {
    let participants = &subject.stores.participants;
    let c = conversation("c");
    subject.with("c", &["ann", "bo", "cy", "di", "Ö"]).await;
    let ended = participants.end(&c, &user("bo"), &by("ann")).await;
    assert!(ended.unwrap().is_some());
    let mut read = Vec::new();
    loop {
        let after: Option<&UserId> = read.last();
        let page = participants.page(&c, after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        let status = page.iter().find(|one| one.user == user("bo"));
        assert!(status.is_none_or(|bo| !bo.is_active()));
        read.extend(page.into_iter().map(|one| one.user));
    }
    let expected = ["ann", "bo", "cy", "di", "Ö"].map(user);
    assert_eq!(read, expected);
    let (nowhere, eve) = (conversation("none"), user("eve"));
    assert!(
        participants
            .page(&nowhere, None, 2)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(participants.page(&c, Some(&eve), 9).await.unwrap().len(), 1);
}

pub(crate) async fn a_full_conversation_takes_nobody_more(subject: Subject) {
    let participants = &subject.stores.participants;
    let c = conversation("c");
    subject.with("c", &["ann", "bo", "cy"]).await;
    let ended = participants.end(&c, &user("cy"), &by("cy")).await;
    assert!(ended.unwrap().is_some());
    let new = ["dan", "eve", "fay"].map(|name| participant(name, Role::Member));
    let (admin, by) = (ChangedBy::Admin, by("ann"));
    let add = |new, by| participants.add(&c, new, by, 3);
    // One place is left, for whoever is first.
    let added = tokio::join!(add(&new[0], &by), add(&new[1], &admin), add(&new[2], &by));
    let (added, refused): (Vec<_>, Vec<_>) = [added.0, added.1, added.2]
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((added.len(), refused.len()), (1, 2));
    for refused in refused {
        assert_rejected!(refused, ConversationFull);
    }
    // Who is in it already takes no place.
    let known = participant("bo", Role::Member);
    assert!(add(&known, &by).await.unwrap().change.is_none());
    let ended = participants.end(&c, &user("bo"), &admin).await;
    assert!(ended.unwrap().is_some());
    assert!(add(&known, &by).await.unwrap().change.is_some());
    let active = participants.list(&c).await.unwrap();
    assert_eq!(active.iter().filter(|one| one.is_active()).count(), 3);
}

pub(crate) async fn only_active_participants_can_do_anything(subject: Subject) {
    let stores = &subject.stores;
    let c = conversation("c");
    subject.with("c", &["ann", "bo", "cy"]).await;
    subject.with("other", &["eve"]).await;
    let bos = subject.send("c", "bo", "1").await;
    for (name, author) in [("bo", by("bo")), ("cy", ChangedBy::Admin)] {
        let ended = stores.participants.end(&c, &user(name), &author).await;
        assert!(ended.unwrap().is_some());
        can_do_nothing(&subject, "c", name, bos.id).await;
    }
    can_do_nothing(&subject, "c", "eve", bos.id).await;
    can_do_nothing(&subject, "nowhere", "ann", bos.id).await;
    let asked = [user("bo"), user("cy"), user("eve")];
    let reached = stores
        .receipts
        .mark_delivered_to(&c, bos.id, &user("bo"), &asked)
        .await;
    assert!(reached.unwrap().is_empty());
    assert_eq!(subject.seen("c", "ann").await, ["1"]);
    assert!(subject.stored.receipts(bos.id).await.is_empty());
    assert!(subject.stored.reactions(bos.id).await.is_empty());
}

pub(crate) async fn names_are_those_of_all_active_participants(subject: Subject) {
    let stores = &subject.stores;
    let names_in = async |ids: &[&str]| -> Vec<(String, Vec<String>)> {
        let ids: Vec<_> = ids.iter().map(|id| conversation(id)).collect();
        let found = stores
            .participants
            .names_in(&ids)
            .await
            .unwrap()
            .into_iter();
        let mut found: Vec<_> = found
            .map(|(id, names)| {
                let names = names.iter().map(|name| (**name).to_owned());
                (id.as_str().to_owned(), names.collect())
            })
            .collect();
        found.sort();
        found
    };
    let is = |found: Vec<(String, Vec<String>)>, expected: &[(&str, &[&str])]| {
        let expected = expected.iter();
        let expected = expected.map(|(id, names)| {
            let names = names.iter().map(|name| (*name).to_owned());
            ((*id).to_owned(), names.collect())
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
    };
    subject.with("one", &["u3", "u1", "U2"]).await;
    subject.with("two", &["u4", "u1"]).await;
    subject.with("nobody", &["u1"]).await;
    // Two users of the same name, an unknown one, and a known one without a name.
    for (id, name) in [("u1", Some("Zoe")), ("u4", Some("Zoe")), ("U2", None)] {
        let token = TokenUser {
            id: user(id),
            id_type: IdType::Text,
            name: name.map(Into::into),
            username: None,
            avatar_url: None,
        };
        stores.users.upsert(&token).await.unwrap();
    }
    let (one, two) = (&["U2", "Zoe", "u3"], &["Zoe", "Zoe"]);
    let both = names_in(&["two", "nowhere", "one", "two"]).await;
    is(both, &[("one", one), ("two", two)]);
    is(names_in(&["one"]).await, &[("one", one)]);
    is(names_in(&[]).await, &[]);
    let many: Vec<_> = (0..MAX_NAMES + 10)
        .map(|n| format!("many-{n:04}"))
        .collect();
    let ids: Vec<_> = many.iter().map(String::as_str).collect();
    subject.with("crowd", &ids).await;
    let first: Vec<_> = ids[..MAX_NAMES as usize].to_vec();
    let both = names_in(&["two", "crowd"]).await;
    is(both, &[("crowd", &first), ("two", two)]);

    // Who went is not named, until they are back, by the name they have then.
    for (at, who, author) in [("nobody", "u1", by("u1")), ("two", "u4", ChangedBy::Admin)] {
        let (at, who) = (conversation(at), user(who));
        let ended = stores.participants.end(&at, &who, &author).await;
        assert!(ended.unwrap().is_some());
    }
    is(names_in(&["nobody", "two"]).await, &[("two", &["Zoe"])]);
    let renamed = UserChange {
        name: Some("Ada".into()),
        ..UserChange::default()
    };
    stores.users.change(&user("u4"), &renamed).await.unwrap();
    let back = participant("u4", Role::Member);
    let back = stores
        .participants
        .add(&conversation("two"), &back, &ChangedBy::Admin, MAX_ACTIVE)
        .await;
    assert!(back.unwrap().change.is_some());
    is(names_in(&["two"]).await, &[("two", &["Zoe", "Ada"])]);
}

pub(crate) async fn content_keys_are_stored_for_each_participant(subject: Subject) {
    let stores = &subject.stores;
    let c = conversation("c");
    let key = |number, text| {
        let encrypted = json(text);
        Some(ContentKey { number, encrypted })
    };
    let mut new = new_conversation("c", &["ann", "bo", "cy"]);
    new.participants[0].key = key(1, "\"for ann\"");
    new.participants[1].key = key(1, "{\"for\" : \"bo\"}");
    let _ = stores
        .conversations
        .create(&new, &ChangedBy::Admin)
        .await
        .unwrap();
    let key_of = async |name| {
        let listed = stores.conversations.find_for(&c, &user(name)).await;
        let key = listed.unwrap().unwrap().key;
        key.map(|key| (key.number, text(&key.encrypted)))
    };
    let ann = Some((1, "\"for ann\"".to_owned()));
    let bo = Some((1, "{\"for\" : \"bo\"}".to_owned()));
    assert_eq!(key_of("ann").await, ann);
    assert_eq!(key_of("bo").await, bo);
    assert_eq!(key_of("cy").await, None);

    // A new key replaces the old one; none leaves it.
    for (key, stored) in [(None, bo), (key(-2, "2"), Some((-2, "2".to_owned())))] {
        let ended = stores.participants.end(&c, &user("bo"), &by("bo")).await;
        assert!(ended.unwrap().is_some());
        let mut again = participant("bo", Role::Member);
        again.key = key;
        let _ = stores
            .participants
            .add(&c, &again, &ChangedBy::Admin, MAX_ACTIVE)
            .await
            .unwrap();
        assert_eq!(key_of("bo").await, stored);
    }
    assert_eq!(key_of("ann").await, ann);
}

pub(crate) async fn a_list_has_ones_own_content_keys(subject: Subject) {
    let stores = &subject.stores;
    let mut new = new_conversation("keys", &["ann", "bo", "cy"]);
    for (number, participant) in (1..=2).zip(&mut new.participants) {
        let encrypted = json(&format!("\"for {}\"", participant.user.as_str()));
        participant.key = Some(ContentKey { number, encrypted });
    }
    let _ = stores
        .conversations
        .create(&new, &ChangedBy::Admin)
        .await
        .unwrap();
    subject.with("plain", &["ann", "bo", "cy"]).await;
    let keys = async |name| -> Vec<(String, Option<(i64, String)>)> {
        let list = subject.list(name, 10).await;
        let key = |key: ContentKey| (key.number, text(&key.encrypted));
        let rows = list.into_iter();
        let rows = rows.map(|l| (l.conversation.id.as_str().to_owned(), l.key.map(key)));
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        rows
    };
    for (name, key) in [
        ("ann", Some((1, "\"for ann\"".to_owned()))),
        ("bo", Some((2, "\"for bo\"".to_owned()))),
        ("cy", None),
    ] {
        let expected = [("keys".to_owned(), key), ("plain".to_owned(), None)];
        assert_eq!(keys(name).await, expected);
    }
}
