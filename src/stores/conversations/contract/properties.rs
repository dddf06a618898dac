//! Properties of concurrent operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future::{join, join_all};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::subject::*;
use crate::model::conversation::*;

/// Runs a case for many values, each in a conversation of its own.
pub(super) fn check<S: Strategy>(cases: u32, values: &S, case: impl AsyncFn(S::Value, String)) {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    });
    let number = AtomicUsize::new(0);
    let checked = runner.run(values, |value| {
        let name = format!("case {}", number.fetch_add(1, Ordering::Relaxed));
        block_in_place(|| Handle::current().block_on(case(value, name)));
        Ok(())
    });
    checked.unwrap();
}

/// Sends its messages one after the other, some of them twice at once.
async fn write(subject: &Subject, at: &str, who: &str, twice: &[bool]) {
    for (number, twice) in twice.iter().enumerate() {
        let mut new = new_message(at, who, &format!("\"{who} {number}\""));
        new.temp_id = TempId::parse(&number.to_string());
        let again = async {
            if *twice {
                let _ = subject.stores.messages.append(&new).await.unwrap();
            }
        };
        join(
            async { drop(subject.stores.messages.append(&new).await.unwrap()) },
            again,
        )
        .await;
    }
}

/// Reads on from what it has, in pages of these sizes over and over, until all is written and
/// nothing more comes.
async fn follow(subject: &Subject, at: &str, sizes: &[u64], written: &AtomicBool) -> Vec<Message> {
    let mut history: Vec<Message> = Vec::new();
    let mut window = Window {
        after: MessageId::new(uuid::Uuid::from_u128(7 << 76)).map(Into::into),
        before: None,
    };
    for size in sizes.iter().cycle() {
        let is_all_written = written.load(Ordering::Acquire);
        let page = subject.page(at, "reader", window, *size).await;
        if is_all_written && page.messages.is_empty() {
            break;
        }
        history.extend(page.messages);
        let last = history.last().map(|message| message.id.into());
        window.after = last.or(window.after);
    }
    history
}

pub(crate) async fn a_reader_misses_nothing_while_others_write(subject: Subject) {
    let subject = Arc::new(subject);
    let writers = prop::collection::vec(prop::collection::vec(any::<bool>(), 1..30), 1..6);
    let sizes = prop::collection::vec(1_u64..20, 1..5);
    check(16, &(writers, sizes), async |(writers, sizes), at| {
        let names: Vec<_> = (0..writers.len()).map(|w| format!("w{w}")).collect();
        let mut all = vec!["reader"];
        all.extend(names.iter().map(String::as_str));
        subject.with(&at, &all).await;
        let written = Arc::new(AtomicBool::new(false));
        let reading = [1, 2].map(|_| {
            let (subject, written) = (subject.clone(), written.clone());
            let (at, sizes) = (at.clone(), sizes.clone());
            tokio::spawn(async move { follow(&subject, &at, &sizes, &written).await })
        });
        let writing = names.iter().zip(&writers);
        join_all(writing.map(|(name, twice)| write(&subject, &at, name, twice))).await;
        written.store(true, Ordering::Release);
        for read in join_all(reading).await {
            is_the_history(&subject, &at, &read.unwrap(), &names, &writers).await;
        }
    });
}

/// That what was read is each message once, in one order, and each writer's in theirs.
async fn is_the_history(
    subject: &Subject,
    at: &str,
    read: &[Message],
    names: &[String],
    writers: &[Vec<bool>],
) {
    assert!(read.is_sorted_by(|one, two| one.id < two.id));
    for (name, written) in names.iter().zip(writers) {
        let theirs = read.iter().filter(|message| message.sender == user(name));
        let theirs: Vec<_> = theirs.map(text_of).collect();
        let sent = (0..written.len()).map(|number| format!("\"{name} {number}\""));
        assert_eq!(theirs, sent.collect::<Vec<_>>());
    }
    let texts: Vec<_> = read.iter().map(text_of).collect();
    assert_eq!(subject.seen(at, "reader").await, texts);
}
