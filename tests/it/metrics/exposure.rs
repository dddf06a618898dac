//! Where `/metrics` is served, and to whom.

use super::page::{INTERNAL, internal};
use crate::clients::ADMIN_TOKEN;
use crate::program;
use test_support::raw::http;

const METRICS_TOKEN: &str = "a token for metrics, longer than thirty-two bytes";

/// What is asked for with: nothing, a wrong token, that for metrics, that of administrators.
const TOKENS: [Option<&str>; 4] = [None, Some("wrong"), Some(METRICS_TOKEN), Some(ADMIN_TOKEN)];

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_where_and_to_whom_the_settings_say() {
    let metrics_token = ("METRICS_TOKEN", METRICS_TOKEN);
    let admin_token = ("ADMIN_TOKEN", ADMIN_TOKEN);
    let public = ("METRICS_PUBLIC", "true");
    for (settings, expected) in [
        (vec![], [404; 4]),
        (vec![metrics_token], [401, 403, 200, 403]),
        (vec![admin_token], [401, 403, 403, 200]),
        (vec![metrics_token, admin_token], [401, 403, 200, 200]),
        (vec![public], [200; 4]),
        (vec![public, metrics_token], [200; 4]),
        (vec![INTERNAL, metrics_token, admin_token], [404; 4]),
        (vec![INTERNAL, public], [200; 4]),
    ] {
        let relay = program::server(&settings);
        let mut found = Vec::new();
        for token in TOKENS {
            let bearer = token.map(|token| format!("Bearer {token}"));
            let headers: Vec<_> = bearer.iter().map(|it| ("Authorization", &**it)).collect();
            let answer = http::request(&relay, "GET", "/metrics", &headers, b"").await;
            let is_page = answer.body.contains("relay_build_info{");
            assert_eq!(is_page, answer.status == 200, "{answer:?}");
            found.push(answer.status);
        }
        assert_eq!(found, expected, "{settings:?}");
        if settings.contains(&INTERNAL) {
            assert_eq!(internal(&relay, "/metrics").await.status, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_the_token_are_recorded_and_throttled() {
    let settings = [
        ("METRICS_TOKEN", METRICS_TOKEN),
        ("FAILED_AUTH_RATE", "3/min"),
        ("METRICS_PUBLIC", "false"),
        ("DIALECTS", "direct"),
    ];
    let relay = program::start(&settings);
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let headers = [("Authorization", "Bearer guess")];
        statuses.push(
            http::request(&relay, "GET", "/metrics", &headers, b"")
                .await
                .status,
        );
    }
    assert_eq!(statuses, [403, 403, 403, 429, 429]);
    let token = format!("Bearer {METRICS_TOKEN}");
    let headers = [("Authorization", &*token)];
    let answer = http::request(&relay, "GET", "/metrics", &headers, b"").await;
    assert_eq!(answer.status, 200, "the right one is never locked out");
    for (outcome, count) in [
        ("unknown_admin_token", 3),
        ("throttled", 2),
        ("accepted", 1),
    ] {
        let series = format!("relay_authentications_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(answer.body.contains(&series), "{series}");
    }
    assert!(!relay.log().contains("guess"));
}
