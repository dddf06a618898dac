//! Events that are only relayed, and what it takes to connect.

use test_support::raw::Client;
use test_support::raw::socket::{FIN, RawSocket, TEXT, frame};
use test_support::scene::{message, stop};

use super::counted::{Call, Counted};

const MESSAGES: u64 = 400;

fn start() -> Counted {
    Counted::start(&[
        ("DIALECTS", "direct"),
        ("RATE_LIMITS", "off"),
        ("PRESENCE_AUDIENCE", "peers"),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_by_itself() {
    let mut counted = start();
    let mut alice = Client::connect(&counted.relay, "alice").await;
    let mut bob = Client::connect(&counted.relay, "bob").await;
    let mut before = counted.calls();
    // The first makes them peers.
    for number in 0..=MESSAGES {
        if number == 1 {
            before = counted.calls();
        }
        alice.emit("send_message", &message("bob", number)).await;
        bob.event("receive_message").await;
        alice.event("message:sent").await;
    }
    let calls = counted.calls() - before;
    calls.at_most(MESSAGES, Call::Receive, 1.2);
    // To its receiver, and to its sender.
    calls.at_most(MESSAGES, Call::Send, 2.1);
    calls.at_most(MESSAGES, Call::Wait, 3.0);
    calls.at_most(MESSAGES, Call::Write, 3.0);
    calls.at_most(MESSAGES, Call::Flush, 0.2);
    stop(&mut counted.relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_come_together() {
    let mut counted = start();
    let mut alice = RawSocket::connect(&counted.relay, "alice").await;
    let mut bob = Client::connect(&counted.relay, "bob").await;
    let frames = (0..MESSAGES).map(|number| {
        let packet = format!("42[\"send_message\",{}]", message("bob", number));
        frame(FIN | TEXT, packet.as_bytes())
    });
    let all = frames.collect::<Vec<_>>().concat();
    let before = counted.calls();
    alice.send(&all).await;
    for number in 0..MESSAGES {
        let received = bob.event("receive_message").await;
        assert_eq!(received.number("seq"), number);
    }
    alice.until(&format!("\"seq\":{}", MESSAGES - 1)).await;
    let calls = counted.calls() - before;
    calls.at_most(MESSAGES, Call::Receive, 0.1);
    // Several frames in one.
    calls.at_most(MESSAGES, Call::Send, 0.1);
    calls.at_most(MESSAGES, Call::Wait, 0.1);
    calls.at_most(MESSAGES, Call::Write, 0.1);
    calls.at_most(MESSAGES, Call::Flush, 0.1);
    stop(&mut counted.relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects() {
    const CLIENTS: u64 = 50;
    let mut counted = start();
    let mut clients = vec![Client::connect(&counted.relay, "first").await];
    let before = counted.calls();
    for number in 0..CLIENTS {
        clients.push(Client::connect(&counted.relay, &format!("user-{number}")).await);
    }
    let calls = counted.calls() - before;
    calls.at_most(CLIENTS, Call::Receive, 3.0);
    // The upgrade with what is told first, and CONNECT with what follows.
    calls.at_most(CLIENTS, Call::Send, 2.5);
    // What their tokens say of them can be stored again.
    calls.at_most(CLIENTS, Call::Flush, 0.5);
    stop(&mut counted.relay);
}
