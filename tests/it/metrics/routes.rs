//! Requests are counted by templates, each with the methods that it is served by, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::page::{INTERNAL, page};
use crate::clients::ADMIN_TOKEN;
use crate::program;
use tempfile::TempDir;
use test_support::raw::http;

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// As much of the client for browsers as there is a route for.
fn folder_with_client() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("socket.io.js"), "client").unwrap();
    folder
}

/// The templates with their methods, as there are series of them.
fn counted(page: &super::page::Page) -> BTreeMap<String, BTreeSet<String>> {
    let mut all = BTreeMap::<String, BTreeSet<String>>::new();
    for series in page.series().into_keys() {
        if let Some(labels) = series.strip_prefix("relay_http_requests_total{route=\"") {
            let mut parts = labels.split('"');
            let route = parts.next().unwrap().to_owned();
            all.entry(route)
                .or_default()
                .insert(parts.nth(1).unwrap().to_owned());
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_is_counted_by_the_methods_that_it_is_served_by() {
    let folder = folder_with_client();
    let relay = program::start(&[
        INTERNAL,
        ("CLIENT_FILES", folder.path().to_str().unwrap()),
        ("ADMIN_PUBLIC", "true"),
        ("METRICS_PUBLIC", "true"),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("RATE_LIMITS", "off"),
    ]);
    let token = format!("Bearer {ADMIN_TOKEN}");
    let headers = [("Authorization", &*token)];
    let counted = counted(&page(&relay).await);
    assert!(counted.len() > 25, "{counted:?}");
    for (route, methods) in &counted {
        let path = route.replace("{id}", "x-1").replace("{user}", "x-2");
        let path = path.replace("{name}", "socket.io.js");
        for method in METHODS.iter().filter(|_| route != "unmatched") {
            let answer = http::request(&relay, method, &path, &headers, b"").await;
            // As long as the words for it: the answer to HEAD has none.
            let is_unknown = answer.status == 404 && answer.head.contains("content-length: 30\r");
            assert_eq!(
                !is_unknown,
                methods.contains(*method),
                "{method} {route}: {answer:?}"
            );
        }
    }
    let page = page(&relay).await;
    let of = |route: &str, method: &str, status: &str| {
        let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
        page.value(&format!("relay_http_requests_total{{{labels}}}"))
    };
    assert_eq!(of("/health", "GET", "2xx"), 1.0);
    assert_eq!(of("/api/messages/{id}", "PATCH", "4xx"), 1.0);
    let gets_of_nothing = counted
        .values()
        .filter(|methods| !methods.contains("GET"))
        .count();
    assert_eq!(of("unmatched", "GET", "4xx"), gets_of_nothing as f64);
}
