//! A member on two connections, of which one is dead and nobody has noticed yet.

use tokio::time::timeout;

use super::slow::{in_order, upload};
use super::{Guest, server};
use test_support::raw::{Dial, TIMEOUT};
use test_support::scene::stop;

/// Waiting for the dead one would take a quarter of a minute for each message.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_connection_of_a_member_holds_up_nobody_who_sends_to_the_other() {
    const COUNT: u64 = 12;
    let mut relay = server(&[("WRITE_DEADLINE", "300s")]);
    let sender = Guest::member(&relay, "room", "sender").await;
    let mut dead = Guest::enter_by(&relay, Dial::narrow()).await;
    dead.join("room", "bob").await;
    let bob = Guest::member(&relay, "room", "bob").await;
    let sending = upload(sender.connection.writer.clone(), "bob", COUNT);
    let (confirming, _) = in_order(sender.connection.reader, "message-sent", COUNT);
    let (reading, _) = in_order(bob.connection.reader, "new-message", COUNT);
    let all = async { tokio::try_join!(sending, confirming, reading) };
    timeout(TIMEOUT, all).await.expect("all in time").unwrap();
    stop(&mut relay);
}
