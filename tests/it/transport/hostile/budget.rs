//! Clients that make the server hold as much as they can, all at once: it holds no more than it may, and nobody else
//! notices.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use tokio_tungstenite::tungstenite::Message;

use super::Stage;
use test_support::memory::{RETURNED_AT_ONCE, Samples};
use test_support::raw::{Client, Dial};
use test_support::scene::{Bystanders, chunk, stop};

/// The setting `memory_budget`, in MiB.
const BUDGET: f64 = 64.0;
/// What a server holds beside what is counted: what it holds at rest, and what is in the hands of the library.
const BESIDE: f64 = 60.0;

fn budget() -> String {
    format!("{}", BUDGET * 1024.0 * 1024.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_whose_attachments_never_come_are_held_within_the_budget() {
    let budget = budget();
    let mut stage = Stage::set(&[("MEMORY_BUDGET", &budget)]).await;
    let before = test_support::memory::held(&stage.relay);
    let attackers = (0..24).map(|number| {
        let relay = &stage.relay;
        async move {
            let user = format!("mallory-{}", number / 3);
            let client = Client::connect(relay, &user).await;
            let text = r#"452-["send_message",{"a":{"_placeholder":true,"num":0},"b":{"_placeholder":true,"num":1}}]"#;
            // Whoever is slowed down, or closed, is what is wanted.
            let sending = async {
                client.writer.text(text).await?;
                client.writer.send(Message::binary(vec![0; 9_000_000])).await
            };
            let sent = tokio::time::timeout(std::time::Duration::from_secs(3), sending).await;
            (client, sent.is_ok())
        }
    });
    let attackers = join_all(attackers).await;
    let held = test_support::memory::held(&stage.relay) - before;
    let sent = attackers.iter().filter(|(_, sent)| *sent).count();
    println!("{held:.1} MiB held of {sent} events");
    assert!(held <= BUDGET + BESIDE, "{held:.1} MiB");
    stage.bystanders.exchange().await;
    drop(attackers);
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_reads_is_held_within_the_budget_and_others_do_not_wait() {
    let budget = budget();
    let env = [("MEMORY_BUDGET", budget.as_str()), RETURNED_AT_ONCE];
    let relay = Arc::new(crate::program::server(&env));
    let mut bystanders = Bystanders::connect(&relay).await;
    let samples = Samples::of(&relay);
    let over = samples.over();
    // All of them before any sends: when memory is scarce nobody connects.
    let (mut stalled, mut senders) = (Vec::new(), Vec::new());
    for number in 0..12 {
        let name = format!("stalled-{number}");
        stalled.push(Client::with(&relay, &name, Dial::narrow()).await);
        let sender = Client::connect(&relay, &format!("sender-{number}")).await;
        senders.push((name, sender));
    }
    let sending = senders.into_iter().map(|(name, sender)| {
        let (over, data) = (over.clone(), format!("\"{}\"", "x".repeat(1_000_000)));
        tokio::spawn(async move {
            let argument = chunk(&name, "file", 0, 1000, &data);
            // It ends when its connection is closed.
            while !over.load(Ordering::SeqCst) {
                let emitting = sender.writer.emit("send_file_chunk", &argument);
                if tokio::time::timeout(std::time::Duration::from_secs(1), emitting)
                    .await
                    .is_ok_and(|sent| sent.is_err())
                {
                    break;
                }
            }
        })
    });
    let sending: Vec<_> = sending.collect();
    let mut slowest = std::time::Duration::ZERO;
    for _ in 0..100 {
        slowest = slowest.max(bystanders.exchange().await);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await; // the pace of the two
    }
    println!("the slowest message between others took {slowest:?}");
    samples.end(BUDGET + BESIDE).await;
    for task in sending {
        task.await.unwrap();
    }
    drop(stalled);
    stop(&mut Arc::into_inner(relay).unwrap());
}

/// How many of 28 connections are closed that have sent this, and an event behind it, and then are idle.
async fn closed_when_idle(stage: &Stage, packet: &str, data: &str) -> usize {
    let mut idle = Vec::new();
    for number in 0..28 {
        let name = format!("user-{number}");
        let mut client = Client::connect(&stage.relay, &name).await;
        if !packet.is_empty() {
            client.writer.text(packet).await.unwrap();
        }
        client
            .emit("send_file_chunk", &chunk(&name, "file", 0, 1, data))
            .await;
        client.event("receive_file_chunk").await;
        idle.push(client);
    }
    let closed = idle.into_iter().map(|mut client| async move {
        let deadline = std::time::Duration::from_secs(2);
        tokio::time::timeout(deadline, client.closed())
            .await
            .is_ok()
    });
    let closed = join_all(closed).await;
    let closed = closed.into_iter().filter(|closed| *closed).count();
    println!("{closed} of 28 were closed");
    closed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_that_keep_large_buffers_make_room_and_their_users_come_back() {
    let budget = budget();
    let mut stage = Stage::set(&[("MEMORY_BUDGET", &budget)]).await;
    // The library keeps room for the largest heartbeat that it has read.
    let pong = format!("3{}", "x".repeat(4_000_000));
    let closed = closed_when_idle(&stage, &pong, r#""x""#).await;
    assert!((14..28).contains(&closed), "{closed}");
    let data = format!("\"{}\"", "x".repeat(4_000_000));
    let mut back = Client::connect(&stage.relay, "user-0").await;
    back.emit("send_file_chunk", &chunk("user-0", "file", 0, 1, &data))
        .await;
    back.event("receive_file_chunk").await;
    stage.bystanders.exchange().await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_large_events_nothing_is_kept() {
    let budget = budget();
    let mut stage = Stage::set(&[("MEMORY_BUDGET", &budget)]).await;
    let data = format!("\"{}\"", "x".repeat(4_000_000));
    let closed = closed_when_idle(&stage, "", &data).await;
    assert_eq!(closed, 0);
    stage.bystanders.exchange().await;
    stage.strike();
}
