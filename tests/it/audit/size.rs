//! The largest audit that is stored: the oldest records go, and it is said.

use test_support::raw::{Client, http};
use test_support::scene::{message, stop};

use super::records::rows;
use crate::program::server_in;

const NOTICE: &str = "the audit is at its size limit";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_its_size_the_audit_loses_its_oldest_records_and_says_so() {
    const AT_ONCE: usize = 500;
    let data = tempfile::tempdir().unwrap();
    let mut relay = server_in(data.path(), &[("AUDIT_MAX_BYTES", "1048576")]);
    let mut alice = Client::connect(&relay, "alice").await;
    let mut sent = 0;
    let ready = loop {
        for seq in sent..sent + AT_ONCE {
            alice.emit("send_message", &message("bob", seq)).await;
        }
        for _ in 0..AT_ONCE {
            alice.event("message:sent").await;
        }
        sent += AT_ONCE;
        let ready = http::get(&relay, "/ready").await;
        if ready.body.contains(NOTICE) {
            break ready;
        }
        assert!(sent < 400 * AT_ONCE, "{ready:?}");
    };
    assert_eq!(ready.status, 200, "{ready:?}");
    stop(&mut relay);
    // What went at the stop may be said once more.
    let lines = relay.log_lines(NOTICE);
    assert!((1..=2).contains(&lines), "{}", relay.log());
    let rows = rows(data.path());
    let last = rows.last().expect("some are left");
    assert_eq!(last.event, "SOCKET_DISCONNECT");
    let messages = rows.iter().filter(|row| row.event == "MESSAGE_SENT");
    let seqs: Vec<_> = messages
        .map(|row| row.details["seq"].as_u64().unwrap())
        .collect();
    let first = seqs[0];
    assert!(first > 0, "the oldest are gone");
    assert!(seqs.into_iter().eq(first..sent as u64), "and no others");
}
