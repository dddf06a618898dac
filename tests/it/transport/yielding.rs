//! Connections whose clients are gone, while their user has as many as they may have.

use test_support::harness::Relay;
use test_support::raw::http::get;
use test_support::raw::polling::Polling;
use test_support::raw::{Client, Dial, token};
use test_support::scene::stop;
use test_support::wait::until;

use crate::program::server;

/// Nothing but the relay's asking tells that a client is gone.
const NEVER: [(&str, &str); 2] = [("PING_INTERVAL", "300s"), ("PING_TIMEOUT", "300s")];

fn with_places(places: &str) -> Relay {
    server(&[&NEVER[..], &[("MAX_CONNECTIONS_PER_USER", places)]].concat())
}

async fn enter(relay: &Relay) -> Result<Client, String> {
    let mut client = Client::open(relay, Dial::default()).await.unwrap();
    client.enter(&token::for_user("alice")).await?;
    Ok(client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_polls_no_more_yields() {
    let mut relay = with_places("1");
    let gone = Polling::connect(&relay, "alice").await;
    drop(enter(&relay).await.unwrap());
    assert_ne!(gone.poll().await.status, 200);
    stop(&mut relay);
}

/// One whose poll waits is asked by an answer that brings nothing, after which a client polls again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whose_poll_waits_yields_if_it_does_not_poll_again() {
    let mut relay = with_places("2");
    let (gone, here) = (
        Polling::connect(&relay, "alice").await,
        Polling::connect(&relay, "alice").await,
    );
    let path = gone.path();
    let played = async {
        let (answer, entered) = tokio::join!(get(&relay, &path), enter_when_it_waits(&relay));
        assert_eq!((answer.status, &*answer.body), (200, "6"));
        assert_ne!(gone.poll().await.status, 200);
        // Those who are there keep their places.
        let refused = tokio::select! {
            refused = enter(&relay) => refused.err().unwrap(),
            closed = keep_reading(entered) => closed,
        };
        assert!(refused.contains("Too many connections"), "{refused}");
        assert_eq!(here.post(b"42[\"x\"]").await.status, 200);
    };
    // One of them polls all the time: who leaves a poll is gone.
    tokio::select! {
        () = played => {}
        packet = here.next("a packet that never comes") => panic!("{packet}"),
    }
    stop(&mut relay);
}

/// Who enters before the other's poll has come is refused, since a poll that comes when the relay asks is an answer.
async fn enter_when_it_waits(relay: &Relay) -> Client {
    let mut entered = enter(relay).await;
    until("the other yields", async || {
        if entered.is_err() {
            entered = enter(relay).await;
        }
        entered.is_ok()
    })
    .await;
    entered.unwrap()
}

async fn keep_reading(mut client: Client) -> String {
    while client.reader.packet_whenever().await.is_ok() {}
    "the other one was closed".to_owned()
}
