//! The relay is killed.

use std::fs::OpenOptions;

use super::load::Load;
use super::trail::{check, is_of};
use super::{Stage, spool};
use test_support::scene::stop;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_confirmed_before_a_kill_is_recorded_once() {
    let Some(mut stage) = Stage::set() else {
        return;
    };
    let mut all = Vec::new();
    for round in 0..6 {
        let mut relay = stage.relay(&[]);
        let mut load = Load::begin(&relay, &format!("round {round}")).await;
        load.goes_on(300).await;
        // Every second time without MongoDB, which is there again in the next round only.
        if round % 2 == 0 {
            stage.mongodb.stop();
        }
        load.rushes(1_000);
        load.is_confirmed(300).await;
        relay.kill();
        all.extend(load.ended().await);
        relay.wait();
        if round % 2 == 0 {
            stage.mongodb.restart();
        }
    }
    let mut relay = stage.relay(&[]);
    let trail = stage.trail().await;
    trail.is_complete(&all).await;
    // Its own end is written last: nothing can come any more.
    stop(&mut relay);
    check(&trail.messages().await, &all);
    let confirmed: usize = all.iter().map(|sent| sent.confirmed.len()).sum();
    assert!(confirmed >= 6 * 600, "{confirmed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_last_record_is_passed_over_with_a_warning() {
    let Some(mut stage) = Stage::without_mongodb() else {
        return;
    };
    let mut relay = stage.relay(&[]);
    let mut load = Load::begin(&relay, "torn").await;
    load.goes_on(1_000).await;
    let all = load.end().await;
    relay.kill();
    relay.wait();
    let newest = spool(stage.data.path()).pop().unwrap();
    let length = newest.metadata().unwrap().len();
    let file = OpenOptions::new().write(true).open(newest).unwrap();
    file.set_len(length - 7).unwrap();
    stage.mongodb.restart();
    let mut relay = stage.relay(&[]);
    let damage = "passed over damage in the audit's spool";
    relay.logs(damage, 1);
    let trail = stage.trail().await;
    let confirmed: usize = all.iter().map(|sent| sent.confirmed.len()).sum();
    trail.reaches(confirmed as u64 - 1).await;
    relay.logs(damage, 1);
    stop(&mut relay);
    let messages = trail.messages().await;
    let recorded = all.iter().map(|sent| {
        let recorded = &messages[&sent.user];
        is_of(recorded, sent);
        recorded.len()
    });
    assert!(recorded.sum::<usize>() >= confirmed - 1);
}
