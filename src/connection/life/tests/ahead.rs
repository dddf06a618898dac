//! Events of which several are under way at once.

use super::*;

/// A client that has sent these at once.
async fn sent(server: &Server, events: &[(&str, u64)]) -> TestClient {
    let client = server.connect("member").await;
    client.receive("welcome").await;
    let packet = |(name, number): &(&str, u64)| format!(r#"42["{name}",{number}]"#);
    let packets: Vec<_> = events.iter().map(packet).collect();
    client.post(&packets.join("\u{1e}")).await;
    client
}

impl Server {
    fn release(&self, number: u64) {
        self.seen.released.send_modify(|all| all.push(number));
    }

    async fn until_begun(&self, numbers: &[u64]) {
        self.until("begun", |seen| *seen.begun.lock() == numbers)
            .await;
    }

    async fn until_done(&self, numbers: &[u64]) {
        self.until("done", |seen| *seen.done.lock() == numbers)
            .await;
    }
}

#[tokio::test]
async fn what_is_handed_over_waits_together_and_is_answered_in_order() {
    let server = Server::start();
    let client = sent(&server, &[("ahead", 1), ("ahead", 2), ("ahead", 3)]).await;
    server.until_begun(&[1, 2, 3]).await;
    server.release(3);
    server.release(2);
    server.release(1);
    server.until_done(&[1, 2, 3]).await;
    client.post("41").await;
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn nothing_is_begun_behind_what_is_not_handed_over() {
    let server = Server::start();
    let _client = sent(&server, &[("ahead", 1), ("late", 2), ("ahead", 3)]).await;
    server.until_begun(&[1, 2]).await;
    server.release(1);
    server.until_done(&[1]).await;
    assert_eq!(*server.seen.begun.lock(), [1, 2]);
    server.release(2);
    server.until_begun(&[1, 2, 3]).await;
    server.release(3);
    server.until_done(&[1, 2, 3]).await;
}

#[tokio::test]
async fn what_does_not_go_ahead_waits_for_all_before_it() {
    let server = Server::start();
    let events = [("ahead", 1), ("ahead", 2), ("echo", 0), ("ahead", 3)];
    let client = sent(&server, &events).await;
    server.until_begun(&[1, 2]).await;
    server.release(2);
    server.release(1);
    client.receive("echo").await;
    server.until_begun(&[1, 2, 3]).await;
    server.release(3);
    server.until_done(&[1, 2, 0, 3]).await;
}

#[tokio::test]
async fn one_that_panics_costs_its_connection_when_those_before_and_behind_it_are_done() {
    let server = Server::start();
    let _client = sent(&server, &[("ahead", 1), ("panics behind", 2), ("ahead", 3)]).await;
    server.until_begun(&[1, 2, 3]).await;
    server.release(3);
    server.release(1);
    server.until_done(&[1, 3]).await;
    server.assert_ended(1, true).await;
}

#[tokio::test]
async fn so_many_go_ahead_and_no_more() {
    const MOST: usize = 32;
    let server = Server::start();
    let events: Vec<_> = (1..=40).map(|number| ("ahead", number)).collect();
    let _client = sent(&server, &events).await;
    let numbers: Vec<_> = (1..=40).collect();
    server.until_begun(&numbers[..MOST]).await;
    server.release(1);
    server.until_done(&[1]).await;
    server.until_begun(&numbers[..=MOST]).await;
    numbers.iter().for_each(|number| server.release(*number));
    server.until_done(&numbers).await;
}
