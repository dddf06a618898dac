//! An endpoint that is away, refuses, breaks off or is slow, and comes back; and a relay that is killed meanwhile.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{UNDELIVERED, send, telling};
use test_support::endpoint::{Answer, Endpoint, Told};
use test_support::ports::free_port;
use test_support::scene::stop;

/// The messages that were told, by subject, in the order in which they were taken.
fn by_subject(told: &[Told]) -> BTreeMap<String, Vec<u64>> {
    let mut subjects: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for one in told {
        let json = one.json();
        let id = json["data"]["messageId"].as_str().unwrap().to_owned();
        let number = id.trim_start_matches("m-").parse().unwrap();
        subjects.entry(one.what().1).or_default().push(number);
    }
    subjects
}

fn expected(seqs: std::ops::Range<u64>) -> BTreeMap<String, Vec<u64>> {
    let of = |rest: u64| seqs.clone().filter(|seq| seq % 2 == rest).collect();
    [
        ("user:bob".to_owned(), of(0)),
        ("user:carol".to_owned(), of(1)),
    ]
    .into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_an_endpoint_does_it_is_told_all_in_the_order_of_each_subject() {
    let faults = [
        Answer::status(500),
        Answer::HalfWay,
        Answer::Nothing,
        Answer::Status(302, "Location: /elsewhere\r\n".to_owned()),
    ];
    for fault in faults {
        let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
        let more = [UNDELIVERED, &[("WEBHOOK_TIMEOUT", "500ms")]].concat();
        let mut relay = telling(data.path(), &endpoint.url(), &more);
        endpoint.answer(fault.clone());
        send(&relay, 0..20).await;
        endpoint.asked(4).await;
        endpoint.answer(Answer::status(200));
        let told = endpoint.took("message.undelivered", 20).await;
        assert_eq!(by_subject(&told), expected(0..20), "{fault:?}");
        let first = endpoint.told().into_iter().next().unwrap();
        assert!(!first.taken && told.iter().any(|one| one.id() == first.id()));
        assert!(
            endpoint
                .told()
                .iter()
                .all(|one| one.body.is_empty() || one.json()["type"].is_string())
        );
        stop(&mut relay);
        let log = relay.log();
        assert!(
            log.contains("the endpoint does not take what it is told"),
            "{log}"
        );
        assert!(log.contains("the endpoint answers again"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_an_endpoint_is_told_everything_that_was_confirmed() {
    let (data, port) = (tempfile::tempdir().unwrap(), free_port());
    let url = format!("http://127.0.0.1:{port}/hook");
    let mut begin = 0;
    // It is away; then it takes some; then it is killed at once.
    for round in 0..3 {
        let mut relay = telling(data.path(), &url, UNDELIVERED);
        let endpoint = match round {
            1 => Some(Endpoint::start_at(port).await),
            _ => None,
        };
        send(&relay, begin..begin + 50).await;
        begin += 50;
        if let Some(endpoint) = &endpoint {
            endpoint.took("message.undelivered", 10).await;
        }
        relay.kill();
        relay.wait();
        if let Some(endpoint) = endpoint {
            // What it has taken counts, and is told once more at most.
            let taken = by_subject(&endpoint.took("message.undelivered", 10).await);
            for (subject, numbers) in &taken {
                assert!(numbers.is_sorted(), "{subject}: {numbers:?}");
            }
            std::fs::write(
                data.path().join("taken"),
                serde_json::to_vec(&taken).unwrap(),
            )
            .unwrap();
        }
    }
    let endpoint = Endpoint::start_at(port).await;
    let mut relay = telling(data.path(), &url, UNDELIVERED);
    let before: BTreeMap<String, Vec<u64>> =
        serde_json::from_slice(&std::fs::read(data.path().join("taken")).unwrap()).unwrap();
    let all = expected(0..begin);
    let is_whole = async || {
        let mut told = by_subject(&endpoint.taken());
        for (subject, numbers) in &before {
            told.entry(subject.clone()).or_default().extend(numbers);
        }
        told.values_mut().for_each(|numbers| {
            numbers.sort_unstable();
            numbers.dedup();
        });
        told == all
    };
    test_support::wait::until("all is told", is_whole).await;
    for (subject, numbers) in by_subject(&endpoint.taken()) {
        assert!(numbers.is_sorted(), "{subject}: {numbers:?}");
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_and_a_start_tell_nothing_twice_and_leave_out_nothing() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    for round in 0..3 {
        let mut relay = telling(data.path(), &endpoint.url(), UNDELIVERED);
        send(&relay, round * 20..round * 20 + 20).await;
        if round != 1 {
            endpoint
                .took("message.undelivered", round as usize * 20 + 20)
                .await;
        }
        stop(&mut relay);
    }
    let told = endpoint.told();
    assert_eq!(by_subject(&told), expected(0..60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_taken_in_time_is_dead_and_what_comes_then_is_told() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let more = [UNDELIVERED, &[("WEBHOOK_MAX_AGE", "1500ms")]].concat();
    let mut relay = telling(data.path(), &endpoint.url(), &more);
    endpoint.answer(Answer::status(500));
    send(&relay, 0..2).await;
    relay.logs("facts were not taken in time", 1);
    endpoint.answer(Answer::status(200));
    send(&relay, 2..4).await;
    let told = endpoint.took("message.undelivered", 2).await;
    assert_eq!(by_subject(&told), expected(2..4));
    stop(&mut relay);
    let database = rusqlite::Connection::open(data.path().join("webhooks.db")).unwrap();
    let mut select = database
        .prepare("SELECT type, subject, outcome FROM dead ORDER BY subject")
        .unwrap();
    let dead = select.query_map([], |row| {
        Ok([0, 1, 2].map(|column| row.get::<_, String>(column).unwrap()))
    });
    let dead: Vec<_> = dead.unwrap().map(Result::unwrap).collect();
    let of = |user: &str| ["message.undelivered", user, "status"].map(str::to_owned);
    assert_eq!(dead, [of("user:bob"), of("user:carol")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_gone_is_told_nothing_until_the_next_start() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let mut relay = telling(data.path(), &endpoint.url(), UNDELIVERED);
    endpoint.answer(Answer::status(410));
    send(&relay, 0..1).await;
    relay.logs("the endpoint is gone (410)", 1);
    endpoint.answer(Answer::status(200));
    send(&relay, 1..4).await;
    stop(&mut relay);
    assert!(endpoint.taken().is_empty());
    let mut relay = telling(data.path(), &endpoint.url(), UNDELIVERED);
    let told = endpoint.took("message.undelivered", 4).await;
    assert_eq!(by_subject(&told), expected(0..4));
    let ids: Vec<Value> = endpoint
        .told()
        .iter()
        .map(|one| one.json()["id"].clone())
        .collect();
    let first = ids.iter().filter(|id| **id == ids[0]);
    assert!(first.count() >= 2, "the same id in every attempt");
    stop(&mut relay);
}
