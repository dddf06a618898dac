//! What is around one server and not as it has to be: the log and `/ready` name the setting.

use tempfile::TempDir;

use crate::program;
use test_support::raw::http;
use test_support::wait::{until, until_noticed};

#[test]
fn a_second_server_on_a_data_folder_does_not_start_and_names_the_setting() {
    let folder = TempDir::new().unwrap();
    let mut one = program::server_in(folder.path(), &[]);
    let output = program::command_in(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(log.contains("data_dir (DATA_DIR) of its own"), "{log}");
    assert!(one.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_not_trusted_is_told_once() {
    const NOTICE: &str =
        "a proxy at 127.0.0.1 names its clients, and is not trusted: set trusted_proxies";
    for (trusted, is_told) in [("10.0.0.0/8", true), ("loopback", false)] {
        let mut relay = program::server(&[("TRUSTED_PROXIES", trusted)]);
        until_noticed(&relay, NOTICE, false).await;
        for header in [
            ("X-Forwarded-For", "203.0.113.7"),
            ("Forwarded", "for=203.0.113.7"),
        ] {
            http::request(&relay, "GET", "/health", &[header], b"").await;
        }
        until_noticed(&relay, NOTICE, is_told).await;
        assert!(relay.terminate().success());
        relay.logs(NOTICE, usize::from(is_told));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_what_lets_a_page_call_and_that_null_cannot_be_named() {
    let mut relay = program::server(&[]);
    for (origin, advice) in [
        (
            "app://obsidian.md",
            "add its origin to allowed_origins (CORS_ORIGIN)",
        ),
        ("null", "serve it by http or by a scheme of the application"),
    ] {
        // A line a second at most.
        until(advice, async || {
            let refused = http::request(&relay, "GET", "/health", &[("Origin", origin)], b"").await;
            assert_eq!(refused.status, 403);
            relay.log_lines(advice) == 1
        })
        .await;
    }
    assert!(relay.terminate().success());
}
