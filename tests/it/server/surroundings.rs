//! What is around one server and not as it has to be: the log and `/ready` name the setting.

use tempfile::TempDir;

use crate::program;
use test_support::harness::Relay;
use test_support::raw::http;

async fn is_noticed(relay: &Relay, text: &str) -> bool {
    let ready = http::get(relay, "/ready").await;
    ready.status == 200 && ready.body.contains(text)
}

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
        assert!(!is_noticed(&relay, NOTICE).await);
        for header in [
            ("X-Forwarded-For", "203.0.113.7"),
            ("Forwarded", "for=203.0.113.7"),
        ] {
            http::request(&relay, "GET", "/health", &[header], b"").await;
        }
        assert_eq!(is_noticed(&relay, NOTICE).await, is_told, "{trusted}");
        assert!(relay.terminate().success());
        assert_eq!(relay.log_lines(NOTICE), usize::from(is_told));
    }
}
