//! How many bytes a page of a history has.

use super::subject::*;
use crate::model::conversation::*;

/// Sends a message of this size, half of it content, half media, named by its first digit.
async fn send_large(subject: &Subject, name: u8, size: usize) -> MessageId {
    // A fraction, since no number has so many digits in front of the point.
    let filled = |size: usize| {
        let digits = name.to_string().repeat(size);
        json(&match size {
            1 | 2 => digits,
            _ => format!("{name}.{}", &digits[2..]),
        })
    };
    let new = NewMessage {
        media: Some(filled(size / 2)),
        content: Some(filled(size - size / 2)),
        ..new_message("c", "bo", "0")
    };
    let sent = subject.stores.messages.append(&new).await.unwrap().value;
    assert_eq!(sent.size(), size);
    sent.id
}

pub(crate) async fn a_page_has_no_more_bytes_than_it_may(subject: Subject) {
    const MAX: usize = PageLimit::MAX_BYTES;
    subject.with("c", &["ann", "bo"]).await;
    let mut ids = Vec::new();
    for (name, size) in (1..).zip([2, MAX + 1, MAX / 2, MAX / 2, 2]) {
        ids.push(send_large(&subject, name, size).await);
    }
    let (c, ann) = (conversation("c"), user("ann"));
    let first = |messages: &[Message]| -> String {
        let first = messages
            .iter()
            .map(|message| text_of(message)[..1].to_owned());
        first.collect()
    };
    let page = async |after: Option<usize>, before: Option<usize>, most| {
        let (after, before) = (after.map(|i| ids[i - 1].into()), before.map(|i| ids[i - 1]));
        let window = Window { after, before };
        let page = subject.page("c", "ann", window, most).await;
        (first(&page.messages), page.more)
    };
    let slice = async |offset| {
        let slice = subject.slice("c", "ann", offset, 9).await;
        (first(&slice.messages), slice.total)
    };
    // So many bytes are read, and not one more; but never nothing.
    for (after, most, expected, more) in [
        (1, 9, "2", true),
        (2, 9, "34", true),
        (2, 1, "3", true),
        (3, 9, "45", false),
    ] {
        let found = page(Some(after), None, most).await;
        assert_eq!(found, (expected.to_owned(), more));
    }
    for (before, expected, more) in [
        (None, "45", true),
        (Some(5), "34", true),
        (Some(4), "3", true),
        (Some(3), "2", true),
        (Some(2), "1", false),
    ] {
        let found = page(None, before, 9).await;
        assert_eq!(found, (expected.to_owned(), more));
    }
    for (offset, expected) in [(0, "1"), (1, "2"), (2, "34"), (3, "45"), (4, "5")] {
        assert_eq!(slice(offset).await, (expected.to_owned(), 5));
    }

    // What was deleted has no size.
    let _ = subject
        .stores
        .messages
        .delete(&c, ids[1], &ann)
        .await
        .unwrap();
    assert_eq!(slice(0).await, ("1d3".to_owned(), 5));
}
