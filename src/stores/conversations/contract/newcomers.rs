//! Who joins a conversation with the history `joined`: what was sent before is not there for them.

use super::subject::*;
use crate::model::conversation::*;
use crate::stores::conversations::ConversationStores;

/// A conversation of ann and bo with this history, in which ann has said `1` and `2`; both ids.
async fn begun(subject: &Subject, history: History) -> [MessageId; 2] {
    let new = NewConversation {
        history,
        ..new_conversation("c", &["ann", "bo"])
    };
    let conversations = &subject.stores.conversations;
    let created = conversations.create(&new, &by("ann")).await.unwrap();
    assert_eq!(created.value.conversation.history, history);
    let first = subject.send("c", "ann", "1").await.id;
    [first, subject.send("c", "ann", "2").await.id]
}

async fn add(subject: &Subject, who: &str) -> ChangeNumber {
    subject.tick();
    let (c, new) = (conversation("c"), participant(who, Role::Member));
    let participants = &subject.stores.participants;
    let added = participants.add(&c, &new, &by("ann"), MAX_ACTIVE).await;
    added.unwrap().change.unwrap().number
}

async fn end(subject: &Subject, who: &str) {
    let participants = &subject.stores.participants;
    let ended = participants
        .end(&conversation("c"), &user(who), &by(who))
        .await;
    assert!(ended.unwrap().is_some());
}

/// The numbers of the changes that a user reads behind this one.
async fn changes(subject: &Subject, who: &str, after: u64) -> Vec<u64> {
    let (c, who, log) = (conversation("c"), user(who), &subject.stores.log);
    let found = log.participations(&who, Some(&c)).await.unwrap().remove(0);
    let window = LogWindow {
        after: ChangeNumber::new(after),
        until: found.ended.unwrap_or(found.last),
        with_sent: true,
    };
    let read = log.visible_changes(&c, &who, window, 100).await.unwrap();
    assert_eq!(read.end, window.until);
    let numbers = read.changes.iter().map(|change| change.number.get());
    numbers.collect()
}

pub(crate) async fn a_newcomer_sees_what_was_sent_since(subject: Subject) {
    let stores = &subject.stores;
    let (c, cy) = (conversation("c"), user("cy"));
    let [_, before] = begun(&subject, History::Joined).await;
    assert_eq!(subject.seen("c", "bo").await, ["1", "2"]);
    let joined = add(&subject, "cy").await;
    assert_eq!(joined, ChangeNumber::new(4));
    assert!(subject.seen("c", "cy").await.is_empty());
    assert_eq!(subject.unread("c", "cy").await, 0);
    let listed = stores
        .conversations
        .find_for(&c, &cy)
        .await
        .unwrap()
        .unwrap();
    let own = subject.participant("c", "cy").await.unwrap();
    assert_eq!(listed.conversation.last_message_at, own.joined_at);

    let (three, five) = ("3", "5");
    let after = subject.send("c", "bo", three).await.id;
    subject.send("c", "cy", "4").await;
    subject.send("c", "bo", five).await;
    assert_eq!(subject.seen("c", "cy").await, ["3", "4", "5"]);
    assert_eq!(subject.seen("c", "bo").await, ["1", "2", "3", "4", "5"]);
    assert_eq!(subject.unread("c", "cy").await, 2);
    for (window, expected) in [
        (
            Window {
                after: Some(before.into()),
                before: None,
            },
            &["3", "4", "5"][..],
        ),
        (
            Window {
                after: Some(After::Change(ChangeNumber::new(1))),
                before: None,
            },
            &["3", "4", "5"],
        ),
        (
            Window {
                after: None,
                before: Some(after),
            },
            &[],
        ),
        (
            Window {
                after: Some(after.into()),
                before: None,
            },
            &["4", "5"],
        ),
    ] {
        let page = subject.page("c", "cy", window, 9).await;
        let texts: Vec<_> = page.messages.iter().map(text_of).collect();
        assert_eq!(texts, expected, "{window:?}");
        assert!(!page.more);
    }
    let slice = subject.slice("c", "cy", 1, 9).await;
    let texts: Vec<_> = slice.messages.iter().map(text_of).collect();
    assert_eq!(
        (texts, slice.total),
        (vec!["4".to_owned(), five.to_owned()], 3)
    );
    assert!(stores.messages.hide(&c, after, &cy).await.unwrap());
    let slice = subject.slice("c", "cy", 0, 9).await;
    assert_eq!((slice.messages.len(), slice.total), (2, 2));
    assert_eq!(changes(&subject, "cy", 0).await, [4, 6, 7]);
    assert_eq!(changes(&subject, "bo", 0).await, [1, 2, 3, 4, 5, 6, 7]);
}

/// Everything that one can do with a message, as one to whom it is not there.
async fn is_not_there(stores: &ConversationStores, message: MessageId, who: &str) {
    let (c, who) = (conversation("c"), user(who));
    let (messages, emoji) = (&stores.messages, Emoji::parse("+").unwrap());
    assert_rejected!(messages.hide(&c, message, &who).await, NotFoundOrForbidden);
    assert_rejected!(
        messages.delete(&c, message, &who).await,
        NotFoundOrForbidden
    );
    let edited = messages.edit(&c, message, &who, &edit("9")).await;
    assert_rejected!(edited, NotFoundOrForbidden);
    let reacted = stores.reactions.add(&c, message, &who, &emoji).await;
    assert_rejected!(reacted, NotFoundOrForbidden);
    let read = stores.receipts.mark_read(&c, &who, &[message]).await;
    assert!(read.unwrap().messages.is_empty());
}

pub(crate) async fn to_a_newcomer_earlier_messages_are_not_there(subject: Subject) {
    let stores = &subject.stores;
    let (c, ann, cy) = (conversation("c"), user("ann"), user("cy"));
    let [first, second] = begun(&subject, History::Joined).await;
    add(&subject, "cy").await;
    let promoted = stores
        .participants
        .set_role(&c, &cy, Role::Admin, &by("ann"))
        .await;
    assert!(promoted.unwrap().is_some());
    let start = stores
        .receipts
        .noted_since(&c, &cy, None, 9)
        .await
        .unwrap()
        .end;
    is_not_there(stores, first, "cy").await;
    let delivered = stores.receipts.mark_delivered(&c, &cy, limit(9)).await;
    assert!(delivered.unwrap().messages.is_empty());

    // What happens to them is no news, either.
    let bo = user("bo");
    let edited = stores.messages.edit(&c, first, &ann, &edit("\"1b\"")).await;
    assert!(edited.is_ok());
    let emoji = Emoji::parse("+").unwrap();
    let reacted = stores.reactions.add(&c, first, &bo, &emoji).await.unwrap();
    let id = reacted.value.id;
    let _ = stores.reactions.remove(&c, first, id, &bo).await.unwrap();
    let _ = stores.messages.delete(&c, second, &ann).await.unwrap();
    stores.receipts.mark_read(&c, &bo, &[first]).await.unwrap();
    assert_eq!(changes(&subject, "cy", 0).await, [4, 5]);
    assert_eq!(changes(&subject, "cy", 5).await, [0; 0]);
    assert_eq!(changes(&subject, "bo", 5).await, [6, 7, 8, 9]);
    let noted = stores.receipts.noted_since(&c, &cy, Some(start), 9).await;
    assert!(noted.unwrap().receipts.is_empty());

    // Which they are who have to be told nothing of them.
    let newcomers = stores.log.newcomers(&c).await.unwrap();
    assert_eq!(newcomers, [(cy, ChangeNumber::new(4))]);
    let sent = stores.log.sent_by(&c, second).await.unwrap();
    assert_eq!(sent, Some(ChangeNumber::new(3)));
    let nowhere = stores.log.sent_by(&conversation("d"), second).await;
    assert_eq!(nowhere.unwrap(), None);
}

pub(crate) async fn who_comes_back_sees_what_was_sent_since(subject: Subject) {
    let stores = &subject.stores;
    let (c, bo) = (conversation("c"), user("bo"));
    begun(&subject, History::Joined).await;
    let own = subject.send("c", "bo", "3").await.id;
    end(&subject, "bo").await;
    // Until then they read what they could.
    assert_eq!(changes(&subject, "bo", 0).await, [1, 2, 3, 4, 5]);
    assert!(stores.log.newcomers(&c).await.unwrap().is_empty());
    add(&subject, "bo").await;
    subject.send("c", "ann", "4").await;
    assert_eq!(subject.seen("c", "bo").await, ["4"]);
    is_not_there(stores, own, "bo").await;
    let receipts = &stores.receipts;
    let start = receipts.noted_since(&c, &bo, None, 9).await.unwrap().end;
    let read = receipts.mark_read(&c, &user("ann"), &[own]).await;
    assert_eq!(read.unwrap().messages, [(bo.clone(), vec![own])]);
    let noted = receipts.noted_since(&c, &bo, Some(start), 9).await;
    assert!(noted.unwrap().receipts.is_empty());
    assert_eq!(changes(&subject, "bo", 0).await, [6, 7]);
    end(&subject, "bo").await;
    assert_eq!(changes(&subject, "bo", 0).await, [6, 7, 8]);

    // Where all is seen again, that holds for who is added from then on.
    let set = stores
        .conversations
        .set_history(&c, History::All, &by("ann"))
        .await;
    assert_eq!(set.unwrap().history, History::All);
    add(&subject, "cy").await;
    assert_eq!(subject.seen("c", "cy").await, ["1", "2", "3", "4"]);
    add(&subject, "bo").await;
    assert_eq!(subject.seen("c", "bo").await, ["1", "2", "3", "4"]);
    assert!(stores.log.newcomers(&c).await.unwrap().is_empty());
    let delivered = stores.receipts.mark_delivered(&c, &bo, limit(9)).await;
    assert!(delivered.unwrap().messages.is_empty());
}

pub(crate) async fn admins_say_what_newcomers_see(subject: Subject) {
    let stores = &subject.stores;
    let c = conversation("c");
    begun(&subject, History::All).await;
    let set = async |id: &str, author: &ChangedBy| {
        let conversations = &stores.conversations;
        conversations
            .set_history(&conversation(id), History::Joined, author)
            .await
    };
    assert_rejected!(set("c", &by("bo")).await, NotAdmin);
    assert_rejected!(set("c", &by("eve")).await, NotParticipant);
    assert_rejected!(set("nowhere", &ChangedBy::Admin).await, NoConversation);
    let found = stores.conversations.find(&c).await.unwrap().unwrap();
    assert_eq!(found.history, History::All);
    for author in [by("ann"), ChangedBy::Admin] {
        let changed = set("c", &author).await.unwrap();
        assert_eq!(changed.history, History::Joined);
    }
    let listed = subject.list("bo", 1).await.remove(0).conversation;
    assert_eq!(listed.history, History::Joined);
    // Who is there already goes on seeing all.
    assert_eq!(subject.seen("c", "bo").await, ["1", "2"]);
    add(&subject, "cy").await;
    assert!(subject.seen("c", "cy").await.is_empty());
}

pub(crate) async fn who_is_asked_or_awaited_joins_when_they_come(subject: Subject) {
    let stores = &subject.stores;
    let c = conversation("c");
    begun(&subject, History::Joined).await;
    let mut invited = participant("cy", Role::Member);
    invited.is_invited = true;
    let mut pending = participant("Dan", Role::Member);
    pending.pending = true;
    for new in [invited, pending] {
        let added = stores
            .participants
            .add(&c, &new, &by("ann"), MAX_ACTIVE)
            .await;
        assert!(added.unwrap().change.is_some());
    }
    subject.send("c", "ann", "3").await;
    let accepted = stores.invitations.accept(&c, &user("cy")).await.unwrap();
    assert!(accepted.unwrap().change.is_some());
    // The name was there before.
    let claimed = stores.pending.claim(&c, &user("Dan"), &user("dan")).await;
    assert!(claimed.unwrap().is_some());
    subject.send("c", "ann", "4").await;
    assert_eq!(subject.seen("c", "cy").await, ["4"]);
    assert_eq!(subject.seen("c", "dan").await, ["3", "4"]);
}
