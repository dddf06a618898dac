//! Messages that one recipient does not receive, told as one fact.

use serde_json::{Value, json};

use super::{UNDELIVERED, send, telling};
use test_support::endpoint::{Answer, Endpoint, Told};
use test_support::scene::stop;

/// The recipient, the message that is named and how many there were.
fn told(one: &Told) -> [Value; 3] {
    let data = &one.json()["data"];
    ["userId", "messageId", "count"].map(|name| data[name].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_a_while_are_one_fact_that_stays_the_same_after_a_kill() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let settings = [UNDELIVERED, &[("WEBHOOK_COALESCE", "3s")]].concat();
    let mut relay = telling(data.path(), &endpoint.url(), &settings);
    endpoint.answer(Answer::status(500));
    send(&relay, 0..9).await;
    endpoint.asked(2).await;
    let asked = endpoint.told();
    let ids = [asked[0].id(), asked[1].id()];
    relay.kill();
    relay.wait();
    endpoint.answer(Answer::status(200));
    let mut relay = telling(data.path(), &endpoint.url(), &settings);
    let taken = endpoint.took("message.undelivered", 2).await;
    stop(&mut relay);
    assert_eq!(endpoint.taken().len(), 2);
    for one in &taken {
        assert!(ids.contains(&one.id()), "the same id in every attempt");
    }
    let mut facts: Vec<_> = taken.iter().map(told).collect();
    facts.sort_by_key(|fact| fact[0].to_string());
    let bob = [json!("bob"), json!("m-8"), json!(5)];
    assert_eq!(facts, [bob, [json!("carol"), json!("m-7"), json!(4)]]);
}
