//! Strings are data, whatever they look like.

use std::collections::VecDeque;

use bytes::Bytes;

use super::subject::*;
use crate::model::conversation::*;
use crate::model::{TokenUser, name};
use crate::payload::OwnedValue;

const ODD: &[&str] = &[
    "'; DROP TABLE messages; --",
    "\" OR \"\"=\"",
    "%",
    "_",
    "$ne",
    "$where",
    "{\"$gt\":\"\"}",
    "a.b.$[]",
    "__proto__",
    "null",
    "0",
    "00",
    "0.0",
    " ",
    "a ",
    "A",
    "a",
    "é",
    "e\u{301}",
    "\u{202e}\u{feff}",
    "💥",
];

pub(crate) async fn strings_that_look_like_a_query_are_strings(subject: Subject) {
    let stores = &subject.stores;
    for text in ODD {
        let mut new = new_conversation(text, &[text]);
        new.description.title = Some((*text).into());
        let created = stores
            .conversations
            .create(&new, &ChangedBy::Admin)
            .await
            .unwrap();
        assert_eq!(
            created.value.conversation.description.title.as_deref(),
            Some(*text)
        );
        let token = TokenUser {
            id: user(text),
            id_type: IdType::Text,
            name: Some((*text).into()),
            username: Some((*text).into()),
            avatar_url: Some((*text).into()),
        };
        stores.users.upsert(&token).await.unwrap();
    }
    for text in ODD {
        let (c, who) = (&conversation(text), &user(text));
        let known = stores.users.find(who).await.unwrap().unwrap();
        // As others are shown it.
        let shown = name::shown(text).unwrap_or_else(|| who.as_name());
        assert_eq!((&known.id, &known.name), (who, &shown));
        assert_eq!(known.avatar_url.as_deref(), Some(*text));
        let called = stores.users.addressed(&[(*text).into()]).await.unwrap();
        assert_eq!(called, [known]);
        let names = stores
            .participants
            .names_in(std::slice::from_ref(c))
            .await
            .unwrap();
        assert_eq!(names, [(c.clone(), vec![shown])]);
        let theirs = stores.log.memberships(who).await.unwrap();
        assert_eq!(theirs, [(conversation(text), ChangeNumber::new(1))]);
        assert!(
            stores
                .conversations
                .partners_of(who)
                .await
                .unwrap()
                .is_empty()
        );

        let what = serde_json::to_string(text).unwrap();
        let mut new = new_message(text, text, &what);
        new.temp_id = TempId::parse(text);
        let sent = stores.messages.append(&new).await.unwrap().value;
        let stored = stores.messages.find(sent.id).await.unwrap().unwrap();
        assert_eq!((&stored.sender, &stored.conversation), (who, c));
        assert_eq!(stored.temp_id, TempId::parse(text));
        assert_eq!(text_of(&stored), what);
        assert_eq!(subject.seen(text, text).await, [what]);
        if let Some(emoji) = Emoji::parse(text) {
            let added = stores.reactions.add(c, sent.id, who, &emoji).await.unwrap();
            assert_eq!(subject.stored.reactions(sent.id).await, [added.value]);
        }
    }
}

pub(crate) async fn contents_come_back_byte_for_byte(subject: Subject) {
    let stores = &subject.stores;
    subject.with("c", &["ann"]).await;
    let large = format!("\"{}\"", "x".repeat(300_000));
    let contents = [
        "\"\"",
        "null",
        "true",
        "1.0e+2",
        "-0.0",
        "123456789012345678901234567890",
        "\"\\u0000\\ud83d\\udca5\\/\\\"'\"",
        "\"\u{2028}ü💥\"",
        "{ \"b\" : 1 ,\n\"a\":1, \"b\":2, \"$set\": {\"content\": 0}, \"\":[] }",
        r#"{"_placeholder":true,"num":0}"#,
        &large,
    ];
    for what in contents {
        let sent = subject.send("c", "ann", what).await;
        let stored = stores.messages.find(sent.id).await.unwrap().unwrap();
        assert_eq!(text_of(&stored), what);
        assert!(stored.content().unwrap().to_parts().1.is_empty());
    }

    let attachments: VecDeque<_> = [&b"\0\xff"[..], b"", b"{}"].map(Bytes::from_static).into();
    let around = concat!(
        r#"{"a":{"_placeholder":true,"num":2}, "n":1.0,"#,
        r#""l":[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]}"#
    );
    let binary = OwnedValue::from_parts(around.to_owned(), attachments.into()).unwrap();
    let new = NewMessage {
        content: Some(binary.clone()),
        media: Some(binary.clone()),
        ..new_message("c", "ann", "0")
    };
    let sent = stores.messages.append(&new).await.unwrap().value;
    let stored = stores.messages.find(sent.id).await.unwrap().unwrap();
    for value in [stored.content(), stored.media()] {
        assert_eq!(value.unwrap().to_parts(), binary.to_parts());
    }
    assert_eq!(binary.to_parts().1, [&b"{}"[..], b"", b"\0\xff"]);
}

/// As earlier versions stored it, or an application.
pub(crate) async fn what_clients_cannot_read_is_empty_among_the_others(subject: Subject) {
    subject.with("c", &["ann"]).await;
    let deep = format!("{}{}", "[".repeat(6000), "]".repeat(6000));
    for content in ["0", &deep, r#"{"a":"\ud800"}"#, "[1e999]", "1"] {
        subject.send("c", "ann", content).await;
    }
    let seen = subject.seen("c", "ann").await;
    assert_eq!(seen, ["0", "\"\"", "\"\"", "\"\"", "1"]);
}
