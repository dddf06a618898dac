//! Messages of conversations, which are stored before they are confirmed.

use futures_util::future::join_all;
use test_support::raw::Client;
use test_support::scene::stop;

use super::counted::{Call, Calls, Counted};
use crate::conversation::create;
use crate::request_client::RequestClient;

const ROOM: &str = "\"room\"";
const USERS: [&str; 8] = ["ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal"];
const EACH: u64 = 25;

/// The calls while these send so many messages each, one after the other.
async fn sent(counted: &Counted, senders: &mut [RequestClient]) -> Calls {
    let before = counted.calls();
    let sending = senders.iter_mut().map(|client| async {
        for number in 0..EACH {
            let argument =
                format!(r#"{{"conversationId":{ROOM},"content":"c","tempId":{number}}}"#);
            client.ask("message:send", &argument).await;
        }
    });
    join_all(sending).await;
    counted.calls() - before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message() {
    let mut counted = Counted::start(&[("DIALECTS", "conversation"), ("RATE_LIMITS", "off")]);
    create(&counted.relay, ROOM, &USERS).await;
    let mut clients = Vec::new();
    for user in USERS {
        let client = Client::connect(&counted.relay, user).await;
        clients.push(RequestClient::new(client));
    }
    let alone = sent(&counted, &mut clients[..1]).await;
    let together = sent(&counted, &mut clients).await;
    // The message, its receipts and its change are one commit. What waits meanwhile shares the next one.
    let count = EACH * USERS.len() as u64;
    for (calls, count) in [(alone, EACH), (together, count)] {
        calls.at_most(count, Call::Flush, 1.3);
        calls.at_most(count, Call::Write, 24.0);
    }
    stop(&mut counted.relay);
}
