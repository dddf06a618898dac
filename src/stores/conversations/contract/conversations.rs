//! Conversations and the lists of them.

use super::ignored::last_change;
use super::subject::*;
use crate::model::UserId;
use crate::model::clock::Clock as _;
use crate::model::conversation::*;

pub(crate) async fn a_conversation_is_created_once(subject: Subject) {
    let stores = &subject.stores;
    assert_eq!(
        stores.conversations.find(&conversation("7")).await.unwrap(),
        None
    );
    let mut new = new_conversation("7", &["ann", "bo"]);
    new.description.title = Some("Plans".into());
    // The first entry of a user counts.
    new.participants.push(participant("ann", Role::Member));
    let created = stores
        .conversations
        .create(&new, &ChangedBy::Admin)
        .await
        .unwrap();
    assert_eq!(
        created.value.conversation.created_at,
        subject.clock.now_ms()
    );
    assert_eq!(created.value.conversation.created_by, user("ann"));
    assert_eq!(
        created.value.conversation.description.title.as_deref(),
        Some("Plans")
    );
    let roles = created
        .value
        .participants
        .iter()
        .map(|p| (p.user.as_str(), p.role));
    let roles: Vec<_> = roles.collect();
    assert_eq!(roles, [("ann", Role::Admin), ("bo", Role::Member)]);

    let by_number = stores
        .conversations
        .find(&ConversationId::from(7))
        .await
        .unwrap();
    assert_eq!(by_number, Some(created.value.conversation.clone()));
    let other = new_conversation("7", &["eve"]);
    assert_rejected!(
        stores.conversations.create(&other, &ChangedBy::Admin).await,
        ConversationExists
    );
    let numbered = NewConversation {
        id_type: IdType::Number,
        ..new_conversation("8", &["ann"])
    };
    let made = stores.conversations.create(&numbered, &ChangedBy::Admin);
    let made = made.await.unwrap().value.conversation;
    let (id, ann) = (conversation("8"), user("ann"));
    let found = stores.conversations.find(&id).await.unwrap().unwrap();
    let own = stores.conversations.find_for(&id, &ann).await.unwrap();
    let listed = subject.list("ann", 9).await.into_iter();
    let listed = listed.map(|one| one.conversation);
    let types = [made, found, own.unwrap().conversation].into_iter();
    let types = types.chain(listed.filter(|one| one.id == id));
    let types: Vec<_> = types.map(|one| one.id_type).collect();
    assert_eq!(types, [IdType::Number; 4]);
    let still = stores.conversations.find(&conversation("7")).await.unwrap();
    assert_eq!(still, Some(created.value.conversation));
    assert_eq!(
        stores
            .participants
            .list(&conversation("7"))
            .await
            .unwrap()
            .len(),
        2
    );

    // Of several who make the same at once, one does.
    let twin = new_conversation("twin", &["ann"]);
    let (one, two) = tokio::join!(
        stores.conversations.create(&twin, &ChangedBy::Admin),
        stores.conversations.create(&twin, &ChangedBy::Admin)
    );
    assert_eq!(one.is_ok(), two.is_err());
}

pub(crate) async fn admins_describe_a_conversation(subject: Subject) {
    let conversations = &subject.stores.conversations;
    subject.with("c", &["ann", "bo"]).await;
    let c = conversation("c");
    let to = |title: Option<Option<&str>>, url: Option<Option<&str>>| DescriptionChange {
        title: title.map(|title| title.map(Into::into)),
        avatar_url: url.map(|url| url.map(Into::into)),
    };
    let is = |title: Option<&str>, url: Option<&str>| Description {
        title: title.map(Into::into),
        avatar_url: url.map(Into::into),
    };
    let (first, second) = (Some(Some("A")), Some(Some("u")));
    for (change, expected) in [
        (to(first, None), is(Some("A"), None)),
        (to(None, second), is(Some("A"), Some("u"))),
        (to(Some(Some("B")), Some(None)), is(Some("B"), None)),
        (to(Some(None), None), is(None, None)),
        (to(first, second), is(Some("A"), Some("u"))),
    ] {
        let described = conversations.describe(&c, &change, &by("ann")).await;
        let described = described.unwrap();
        assert_eq!(described.value.description, expected);
        for what in [described.change.unwrap().what, last_change(&subject).await] {
            assert!(matches!(what, Changed::Described(now) if now == expected));
        }
        let again = conversations.describe(&c, &change, &by("ann")).await;
        assert!(again.unwrap().change.is_none());
        let found = conversations.find(&c).await.unwrap().unwrap();
        assert_eq!(found.description, expected);
        assert_eq!(subject.list("bo", 9).await[0].conversation, found);
    }
    let change = to(Some(Some("C")), None);
    for (who, at) in [("bo", "c"), ("eve", "c"), ("ann", "d")] {
        let (at, author) = (conversation(at), by(who));
        let described = conversations.describe(&at, &change, &author).await;
        match who {
            "bo" => assert_rejected!(described, NotAdmin),
            _ => assert_rejected!(described, NotParticipant),
        }
    }
    let d = conversation("d");
    let nowhere = conversations.describe(&d, &change, &ChangedBy::Admin).await;
    assert_rejected!(nowhere, NoConversation);
    let by_admin = conversations.describe(&c, &change, &ChangedBy::Admin).await;
    assert!(by_admin.unwrap().change.is_some());
}

pub(crate) async fn a_list_is_sorted_by_the_newest_message_and_counts_unread_ones(
    subject: Subject,
) {
    let stores = &subject.stores;
    for id in ["one", "two", "three"] {
        subject.tick();
        subject.with(id, &["ann", "bo"]).await;
    }
    subject.with("foreign", &["bo"]).await;
    let at = subject.tick();
    subject.send("one", "bo", "1").await;
    subject.send("one", "ann", "2").await;
    let list = subject.list("ann", 10).await;
    let short: Vec<_> = list
        .iter()
        .map(|listed| (listed.conversation.id.as_str(), listed.unread))
        .collect();
    assert_eq!(short, [("one", 1), ("three", 0), ("two", 0)]);
    assert_eq!(list[0].conversation.last_message_at, at);
    assert_eq!(list[0].role, Role::Admin);
    assert_eq!(
        list[1].conversation.last_message_at,
        list[1].conversation.created_at
    );
    assert_eq!(subject.unread("one", "bo").await, 1);

    let (id, ann) = (&list[0].conversation.id, user("ann"));
    let one = stores
        .conversations
        .find_for(id, &ann)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(one.conversation, list[0].conversation);
    assert_eq!((one.role, one.unread), (list[0].role, list[0].unread));
    for (id, who) in [("none", "ann"), (list[0].conversation.id.as_str(), "eve")] {
        let (id, who) = (conversation(id), user(who));
        let none = stores.conversations.find_for(&id, &who).await.unwrap();
        assert!(none.is_none(), "{id:?} {who:?}");
    }
    let short = subject.list("ann", 2).await;
    let ids: Vec<_> = short.iter().map(|l| l.conversation.id.as_str()).collect();
    assert_eq!(ids, ["one", "three"]);
    let left = stores
        .participants
        .end(&conversation("two"), &user("ann"), &by("ann"))
        .await;
    assert!(left.unwrap().is_some());
    let mut ids = stores.log.memberships(&user("ann")).await.unwrap();
    ids.sort();
    let ids: Vec<_> = ids.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["one", "three"]);
    assert!(subject.list("eve", 10).await.is_empty());
}

pub(crate) async fn a_list_in_parts_is_as_it_was_when_it_began(subject: Subject) {
    let stores = &subject.stores;
    let ann = user("ann");
    for number in 0..10 {
        // Two at the same time.
        if number % 2 == 0 {
            subject.tick();
        }
        subject.with(&number.to_string(), &["ann", "bo"]).await;
    }
    for id in ["3", "7", "3"] {
        subject.tick();
        subject.send(id, "bo", "1").await;
    }
    let whole = subject.list("ann", 10).await;
    let ids = |page: &[Listed]| -> Vec<String> {
        let ids = page.iter().map(|one| one.conversation.id.as_str());
        ids.map(str::to_owned).collect()
    };
    let whole = ids(&whole);
    assert_eq!(whole[..2], ["3", "7"]);
    for limit in [1, 3, 10] {
        let mut read = Vec::new();
        let mut cursor = None;
        for moved in (0..10).rev() {
            let page = stores
                .conversations
                .list_for(&ann, cursor.as_ref(), limit)
                .await
                .unwrap();
            read.extend(ids(&page.conversations));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            // Whatever moves up, or comes anew, between two parts.
            subject.tick();
            subject.send(&moved.to_string(), "bo", "2").await;
            let new = format!("new {limit} {moved}");
            subject.with(&new, &["ann", "bo"]).await;
        }
        let mut all = read.clone();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), read.len(), "doubled: {read:?}");
        assert!((0..10).all(|id| all.contains(&id.to_string())), "{read:?}");
    }
    // Who left in between is in no later part.
    let page = stores.conversations.list_for(&ann, None, 1).await.unwrap();
    let left = stores
        .participants
        .end(&conversation("5"), &ann, &by("ann"))
        .await;
    assert!(left.unwrap().is_some());
    let rest = stores
        .conversations
        .list_for(&ann, page.next.as_ref(), 100)
        .await
        .unwrap();
    assert!(rest.next.is_none());
    assert!(!ids(&rest.conversations).contains(&"5".to_owned()));
}

pub(crate) async fn partners_are_those_one_shares_a_conversation_with(subject: Subject) {
    let stores = &subject.stores;
    subject.with("one", &["ann", "bo", "cy"]).await;
    subject.with("two", &["ann", "bo"]).await;
    subject.with("three", &["bo", "di"]).await;
    let partners = async |name| -> Vec<UserId> {
        let mut partners = stores.conversations.partners_of(&user(name)).await.unwrap();
        partners.sort();
        partners
    };
    assert_eq!(partners("ann").await, [user("bo"), user("cy")]);
    assert_eq!(partners("bo").await, [user("ann"), user("cy"), user("di")]);
    let removed = stores
        .participants
        .end(&conversation("one"), &user("cy"), &ChangedBy::Admin)
        .await;
    assert!(removed.unwrap().is_some());
    assert_eq!(partners("ann").await, [user("bo")]);
    assert!(partners("cy").await.is_empty());
}

pub(crate) async fn a_conversation_of_two_is_found_by_who_they_are(subject: Subject) {
    let stores = &subject.stores;
    let conversations = &stores.conversations;
    let between = async |one, other| {
        let found = conversations.between(&user(one), &user(other)).await;
        found.unwrap().map(|id| id.as_str().to_owned())
    };
    let count = async |name| conversations.count_for(&user(name)).await.unwrap();
    assert_eq!((between("ann", "bo").await, count("ann").await), (None, 0));
    subject.with("three", &["ann", "bo", "cy"]).await;
    let mut titled = new_conversation("titled", &["ann", "bo"]);
    titled.description.title = Some("Plans".into());
    let titled = conversations.create(&titled, &ChangedBy::Admin).await;
    let _ = titled.unwrap();
    assert_eq!(between("ann", "bo").await, None);
    subject.with("two", &["ann", "bo"]).await;
    for (one, other) in [("ann", "bo"), ("bo", "ann")] {
        assert_eq!(between(one, other).await.as_deref(), Some("two"));
    }
    assert_eq!(between("ann", "cy").await, None);
    let end = async |id, name| {
        let (id, admin) = (conversation(id), ChangedBy::Admin);
        let ended = stores.participants.end(&id, &user(name), &admin).await;
        assert!(ended.unwrap().is_some());
    };
    // The one of three becomes one of two, and then has the newest message.
    end("three", "cy").await;
    subject.tick();
    subject.send("three", "ann", r#""later""#).await;
    assert_eq!(between("ann", "bo").await.as_deref(), Some("three"));
    assert_eq!((count("ann").await, count("cy").await), (3, 0));
    end("three", "bo").await;
    end("two", "ann").await;
    assert_eq!(between("ann", "bo").await, None);
    assert_eq!(between("bo", "ann").await, None);
    assert_eq!((count("ann").await, count("bo").await), (2, 2));
}
