//! The largest audit that is stored: what floods make goes first, then the oldest, and it is said.

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
    let messages = rows.iter().filter(|row| row.event == "MESSAGE_SENT");
    let seqs: Vec<_> = messages
        .map(|row| row.details["seq"].as_u64().unwrap())
        .collect();
    let first = seqs[0];
    assert!(first > 0, "the oldest are gone");
    assert!(seqs.into_iter().eq(first..sent as u64), "and no others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_erases_by_flooding_what_was_done_before() {
    const ADMIN: &str = "an administrator's token of the tests";
    const AT_ONCE: usize = 500;
    let data = tempfile::tempdir().unwrap();
    let env = [
        ("AUDIT_MAX_BYTES", "1048576"),
        ("AUDIT_EVENTS_PER_USER", "1000000"),
        ("ADMIN_TOKEN", ADMIN),
    ];
    let mut relay = server_in(data.path(), &env);
    let request = |token: &str| {
        format!(
            "GET /api/admin/audit HTTP/1.1\r\nHost: relay\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
    };
    assert_eq!(
        http::raw(&relay, request(ADMIN).as_bytes()).await.status,
        200
    );
    assert_eq!(
        http::raw(&relay, request("a guess").as_bytes())
            .await
            .status,
        403
    );
    let mut alice = Client::connect(&relay, "alice").await;
    alice.emit("send_message", &message("bob", 1)).await;
    alice.event("message:sent").await;
    let mut mallory = Client::connect(&relay, "mallory").await;
    let mut left = 0;
    loop {
        for _ in 0..AT_ONCE {
            mallory.emit("leave_room", r#"{"recipientId":"bob"}"#).await;
        }
        for _ in 0..AT_ONCE {
            mallory.event("room:left").await;
        }
        left += AT_ONCE;
        // Beyond where it begins, so that more is removed than there was before.
        if http::get(&relay, "/ready").await.body.contains(NOTICE) && left > 20 * AT_ONCE {
            break;
        }
        assert!(left < 400 * AT_ONCE);
    }
    stop(&mut relay);
    let rows = rows(data.path());
    let count = |event: &str| rows.iter().filter(|row| row.event == event).count();
    let kept = ["ADMIN", "AUTH_FAILED", "MESSAGE_SENT"].map(count);
    assert_eq!(kept, [1, 1, 1]);
    let floods = count("ROOM_LEAVE");
    assert!(floods < left, "{floods} of {left}");
}
