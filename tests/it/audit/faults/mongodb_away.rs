//! MongoDB is not there, goes, hangs, comes back.

use super::load::Load;
use super::{Stage, UNNOTICED, assert_unnoticed, relay_in};
use test_support::mongo;
use test_support::proxy::Proxy;
use test_support::scene::{Bystanders, stop};
use test_support::wait::until_ready_says;

const AWAY: &str = "MongoDB does not take audit records";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_that_was_recorded_before_mongodb_was_there() {
    let Some(mut stage) = Stage::without_mongodb() else {
        return;
    };
    let mut relay = stage.relay(&[]);
    let mut load = Load::begin(&relay, "early").await;
    load.goes_on(2_000).await;
    until_ready_says(&relay, Some(AWAY)).await;
    stage.mongodb.restart();
    load.goes_on(1_000).await;
    let all = load.end().await;
    until_ready_says(&relay, None).await;
    stage.has_recorded(&all).await;
    assert_unnoticed(&all);
    relay.logs("MongoDB is not ready; starting without it", 1);
    relay.logs("audit records cannot be written", 1);
    relay.logs("audit records are being written again", 1);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn mongodb_stops_hangs_and_comes_back_and_nobody_notices() {
    let Some(mut stage) = Stage::set() else {
        return;
    };
    let mut relay = stage.relay(&[]);
    let mut bystanders = Bystanders::connect(&relay).await;
    let mut load = Load::begin(&relay, "busy").await;
    load.goes_on(1_000).await;
    stage.mongodb.stop();
    until_ready_says(&relay, Some(AWAY)).await;
    load.goes_on(2_000).await;
    assert!(bystanders.exchange().await < UNNOTICED);
    stage.mongodb.restart();
    until_ready_says(&relay, None).await;
    load.goes_on(500).await;
    stage.mongodb.pause();
    load.goes_on(1_000).await;
    until_ready_says(&relay, Some(AWAY)).await;
    load.goes_on(1_000).await;
    assert!(bystanders.exchange().await < UNNOTICED);
    stage.mongodb.resume();
    until_ready_says(&relay, None).await;
    load.goes_on(500).await;
    let all = load.end().await;
    stage.has_recorded(&all).await;
    assert_unnoticed(&all);
    relay.logs("audit records cannot be written", 2);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_slow_and_breaks_costs_no_record() {
    let Some(stage) = Stage::set() else {
        return;
    };
    let mut proxy = Proxy::to(stage.mongodb.port()).await;
    let mut relay = relay_in(stage.data.path(), &mongo::uri(proxy.port, "audit"), &[]);
    let mut load = Load::begin(&relay, "cut").await;
    for _ in 0..5 {
        load.goes_on(300).await;
        // In the middle of whatever is under way.
        proxy.cut_after(40_000).await;
    }
    proxy.refuse(true);
    proxy.cut_after(0).await;
    load.goes_on(1_000).await;
    proxy.refuse(false);
    load.goes_on(300).await;
    let all = load.end().await;
    stage.has_recorded(&all).await;
    assert_unnoticed(&all);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_while_mongodb_is_away_leaves_all_to_the_next_one() {
    let Some(stage) = Stage::set() else {
        return;
    };
    let drain = [("DRAIN_TIMEOUT", "4s")];
    let mut relay = stage.relay(&drain);
    let mut load = Load::begin(&relay, "last").await;
    load.goes_on(500).await;
    stage.mongodb.pause();
    load.goes_on(1_500).await;
    let all = load.end().await;
    stop(&mut relay);
    stage.mongodb.resume();
    let mut relay = stage.relay(&drain);
    stage.has_recorded(&all).await;
    stop(&mut relay);
}
