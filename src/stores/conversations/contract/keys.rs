//! The content keys that participants are given, one after the other.

use super::subject::*;
use crate::model::clock::Clock as _;
use crate::model::conversation::*;
use crate::stores::conversations::{MAX_KEYS, StoreError};

fn key(number: i64, encrypted: &str) -> ContentKey {
    let encrypted = json(&format!("\"{encrypted}\""));
    ContentKey { number, encrypted }
}

fn rotation(number: i64, names: &[&str]) -> KeyRotation {
    let encrypted = names.iter();
    let encrypted = encrypted.map(|name| (user(name), json(&format!("\"{number} for {name}\""))));
    KeyRotation {
        number,
        encrypted: encrypted.collect(),
    }
}

/// The keys of a user in some conversations, by these, each with when it was given.
async fn keys_in(
    subject: &Subject,
    who: &str,
    names: &[&str],
) -> Vec<(String, Vec<(i64, String, u64)>)> {
    let ids: Vec<_> = names.iter().map(|name| conversation(name)).collect();
    let keys = subject.stores.participants.keys_in(&user(who), &ids).await;
    let of = |given: GivenKey| (given.key.number, text(&given.key.encrypted), given.at);
    let keys = keys.unwrap().into_iter();
    let mut keys: Vec<_> = keys
        .map(|(id, keys)| (id.as_str().to_owned(), keys.into_iter().map(of).collect()))
        .collect();
    keys.sort();
    keys
}

/// Those in `c`, without the times.
async fn keys(subject: &Subject, who: &str) -> Vec<(i64, String)> {
    let found = keys_in(subject, who, &["c"]).await;
    let keys = found.into_iter().flat_map(|(_, keys)| keys);
    keys.map(|(number, key, _)| (number, key)).collect()
}

/// Gives these users a key.
async fn rotate(
    subject: &Subject,
    who: &str,
    number: i64,
    names: &[&str],
) -> Result<Logged<()>, StoreError> {
    let (id, new) = (conversation("c"), rotation(number, names));
    let participants = &subject.stores.participants;
    participants.rotate_key(&id, &user(who), &new).await
}

/// The number of the key that counts.
async fn counting(subject: &Subject, who: &str) -> Option<i64> {
    let (id, who) = (conversation("c"), user(who));
    let listed = subject.stores.conversations.find_for(&id, &who).await;
    listed.unwrap().unwrap().key.map(|key| key.number)
}

async fn made(subject: &Subject) {
    let mut new = new_conversation("c", &["ann", "bo", "cy"]);
    for participant in &mut new.participants[..2] {
        participant.key = Some(key(1, &format!("1 for {}", participant.user.as_str())));
    }
    let conversations = &subject.stores.conversations;
    let _ = conversations.create(&new, &by("ann")).await.unwrap();
}

pub(crate) async fn a_new_key_is_added_to_those_before(subject: Subject) {
    let c = conversation("c");
    made(&subject).await;
    let first = subject.clock.now_ms();
    let at = subject.tick();
    let rotated = rotate(&subject, "bo", 2, &["ann", "bo", "cy", "eve"]).await;
    let change = rotated.unwrap().change.unwrap();
    assert!(matches!(change.what, Changed::KeyRotated { key_number: 2 }));
    assert_eq!(
        (change.number.get(), change.at, change.by),
        (2, at, by("bo"))
    );
    let ann = vec![
        (1, "\"1 for ann\"".to_owned(), first),
        (2, "\"2 for ann\"".to_owned(), at),
    ];
    assert_eq!(
        keys_in(&subject, "ann", &["c"]).await,
        [("c".to_owned(), ann)]
    );
    assert_eq!(keys(&subject, "cy").await, [(2, "\"2 for cy\"".to_owned())]);
    assert_eq!(keys(&subject, "eve").await, []);
    for name in ["ann", "bo", "cy"] {
        assert_eq!(counting(&subject, name).await, Some(2), "{name}");
    }
    let page = subject
        .stores
        .log
        .changes(&c, ChangeNumber::new(1), 9)
        .await;
    let logged = page.unwrap().changes.remove(0).what;
    assert!(matches!(logged, Changed::KeyRotated { key_number: 2 }));
}

pub(crate) async fn a_new_key_has_a_higher_number_and_comes_from_a_participant(subject: Subject) {
    let (c, participants) = (conversation("c"), subject.stores.participants.clone());
    made(&subject).await;
    let rotate = async |who: &str, number| rotate(&subject, who, number, &["ann", "bo"]).await;
    assert_rejected!(rotate("ann", 1).await, KeyExists);
    assert_rejected!(rotate("ann", -1).await, KeyExists);
    assert_rejected!(rotate("eve", 2).await, NotParticipant);
    let _ = participants.end(&c, &user("bo"), &by("bo")).await.unwrap();
    assert_rejected!(rotate("bo", 2).await, NotParticipant);
    let _ = rotate("ann", 7).await.unwrap();
    assert_rejected!(rotate("ann", 7).await, KeyExists);
    // Who has left is given none, and keeps what they had.
    assert_eq!(keys(&subject, "bo").await, [(1, "\"1 for bo\"".to_owned())]);
    let (x, new) = (conversation("x"), rotation(2, &["ann"]));
    let unknown = participants.rotate_key(&x, &user("ann"), &new).await;
    assert_rejected!(unknown, NotParticipant);
    assert_eq!(counting(&subject, "ann").await, Some(7));
}

pub(crate) async fn who_is_added_is_given_the_keys_of_before(subject: Subject) {
    let (c, participants) = (conversation("c"), subject.stores.participants.clone());
    made(&subject).await;
    let mut new = participant("di", Role::Member);
    new.earlier_keys = vec![key(1, "a"), key(2, "b")];
    new.key = Some(key(3, "c"));
    let added = participants.add(&c, &new, &by("ann"), MAX_ACTIVE).await;
    let change = added.unwrap().change.unwrap().what;
    assert!(matches!(
        change,
        Changed::Added {
            key_number: Some(3),
            ..
        }
    ));
    let all = [(1, "\"a\""), (2, "\"b\""), (3, "\"c\"")];
    assert_eq!(
        keys(&subject, "di").await,
        all.map(|(n, key)| (n, key.to_owned()))
    );
    assert_eq!(counting(&subject, "di").await, Some(3));
    // Again, with another key and one of before.
    let _ = participants.end(&c, &user("di"), &by("di")).await.unwrap();
    new.earlier_keys = vec![key(2, "new")];
    new.key = Some(key(4, "d"));
    let _ = participants
        .add(&c, &new, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    let all = [(1, "\"a\""), (2, "\"new\""), (3, "\"c\""), (4, "\"d\"")];
    assert_eq!(
        keys(&subject, "di").await,
        all.map(|(n, key)| (n, key.to_owned()))
    );
    subject.with("plain", &["di"]).await;
    let found = keys_in(&subject, "di", &["plain", "c", "none"]).await;
    assert_eq!(found.iter().map(|(id, _)| &**id).collect::<Vec<_>>(), ["c"]);
}

pub(crate) async fn who_takes_a_place_takes_its_keys(subject: Subject) {
    let (c, participants) = (conversation("c"), subject.stores.participants.clone());
    made(&subject).await;
    let mut waiting = participant("Di", Role::Member);
    waiting.pending = true;
    waiting.earlier_keys = vec![key(1, "a")];
    waiting.key = Some(key(2, "b"));
    let _ = participants
        .add(&c, &waiting, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    let _ = rotate(&subject, "ann", 3, &["ann", "Di"]).await.unwrap();
    let (name, known) = (user("Di"), user("d1"));
    let claimed = subject.stores.pending.claim(&c, &name, &known).await;
    assert!(claimed.unwrap().unwrap().change.is_some());
    let all = [(1, "\"a\""), (2, "\"b\""), (3, "\"3 for Di\"")];
    assert_eq!(
        keys(&subject, "d1").await,
        all.map(|(n, key)| (n, key.to_owned()))
    );
    assert_eq!(counting(&subject, "d1").await, Some(3));
}

pub(crate) async fn nobody_has_more_keys_than_they_may(subject: Subject) {
    let (c, participants) = (conversation("c"), subject.stores.participants.clone());
    made(&subject).await;
    let most = MAX_KEYS as i64;
    let mut new = participant("di", Role::Member);
    new.earlier_keys = (1..most).map(|number| key(number, "x")).collect();
    new.key = Some(key(most, "x"));
    let mut too_many = new.clone();
    too_many.earlier_keys.push(key(0, "x"));
    let added = participants
        .add(&c, &too_many, &by("ann"), MAX_ACTIVE)
        .await;
    assert_rejected!(added, TooLarge);
    assert!(subject.participant("c", "di").await.is_none());
    let _ = participants
        .add(&c, &new, &by("ann"), MAX_ACTIVE)
        .await
        .unwrap();
    assert_eq!(keys(&subject, "di").await.len(), MAX_KEYS);
    assert_rejected!(
        rotate(&subject, "ann", most + 1, &["ann", "di"]).await,
        TooLarge
    );
    assert_eq!(counting(&subject, "ann").await, Some(1));
    let _ = rotate(&subject, "ann", most + 1, &["ann"]).await.unwrap();
}
