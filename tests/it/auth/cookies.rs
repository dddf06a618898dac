//! A token in a cookie where every origin is allowed: other pages may call, but not in the name of who looks at them.

use crate::program;
use test_support::harness::Relay;
use test_support::raw::token::for_user;
use test_support::raw::{address, http};
use test_support::scene::stop;

async fn status(relay: &Relay, method: &str, origin: Option<&str>) -> u16 {
    let cookie = format!("jwt={}", for_user("alice"));
    let mut headers = vec![
        ("Cookie", cookie.as_str()),
        ("Content-Type", "application/json"),
    ];
    headers.extend(origin.map(|origin| ("Origin", origin)));
    let body: &[u8] = match method {
        "POST" => br#"{"participantIds":[]}"#,
        _ => b"",
    };
    let answer = http::request(relay, method, "/api/conversations", &headers, body).await;
    answer.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cookie_counts_for_own_pages_only_where_every_origin_is_allowed() {
    let settings = [
        ("ALLOWED_ORIGINS", "*"),
        ("AUTH_COOKIE", "jwt"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let mut relay = program::start(&settings);
    let own = format!("http://{}", address(&relay));
    for (origin, get, post) in [
        (None, 200, 401),
        (Some(own.as_str()), 200, 201),
        (Some("https://evil.example"), 401, 401),
        (Some("null"), 401, 401),
    ] {
        let found = (
            status(&relay, "GET", origin).await,
            status(&relay, "POST", origin).await,
        );
        assert_eq!(found, (get, post), "{origin:?}");
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_setting_no_cookie_counts() {
    let mut relay = program::start(&[]);
    assert_eq!(status(&relay, "GET", None).await, 401);
    stop(&mut relay);
}
