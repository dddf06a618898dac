//! How a WebSocket ends: it is closed, and no packet says that it will be, which clients would take for a wish that they
//! stay away.

use crate::program::server;
use test_support::raw::{Client, Dial};
use test_support::scene::stop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_said_when_the_relay_closes_a_websocket() {
    let mut relay = server(&[
        ("PING_INTERVAL", "300ms"),
        ("PING_TIMEOUT", "300ms"),
        ("CONNECT_TIMEOUT", "1s"),
    ]);
    for (user, sent) in [
        (Some("of no kind"), "9"),
        (Some("no event"), "42{"),
        (None, "42[\"before CONNECT\"]"),
        (None, "3"),
    ] {
        let mut client = match user {
            Some(user) => Client::connect(&relay, user).await,
            None => Client::open(&relay, Dial::default())
                .await
                .expect("a session"),
        };
        client.writer.text(sent).await.expect("it is open");
        // It answers no ping from now on, and looks at every packet.
        client.closed().await;
    }
    stop(&mut relay);
}
