//! The dashboard and the alerts name only what there is, and each alert is explained.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::page::{INTERNAL, Page, page};
use crate::edge;
use crate::program;
use test_support::redis::Durability;
use test_support::{mongo, redis};

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Alert>,
}

#[derive(Deserialize)]
struct Alert {
    alert: String,
    expr: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Deserialize)]
struct Labels {
    severity: String,
}

#[derive(Deserialize)]
struct Annotations {
    summary: String,
    runbook_url: String,
}

fn alerts() -> Vec<Alert> {
    let rules: Rules = serde_yaml_ng::from_str(&read("config/prometheus/alerts.yml")).unwrap();
    rules
        .groups
        .into_iter()
        .flat_map(|group| group.rules)
        .collect()
}

/// The queries of the dashboard, and the titles of its rows.
fn dashboard() -> (Vec<String>, Vec<String>) {
    let dashboard: Value = serde_json::from_str(&read("config/grafana/dashboard.json")).unwrap();
    let (mut queries, mut rows) = (Vec::new(), Vec::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        if panel["type"] == "row" {
            rows.push(panel["title"].as_str().unwrap().to_owned());
        }
        let targets = panel["targets"].as_array().into_iter().flatten();
        queries.extend(targets.map(|target| target["expr"].as_str().unwrap().to_owned()));
    }
    (queries, rows)
}

/// A selector of a query: the name of a series, and what its labels must be.
struct Selector<'a> {
    name: &'a str,
    matchers: Vec<&'a str>,
}

/// All selectors of series that a relay has.
fn selectors(query: &str) -> Vec<Selector<'_>> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        rest = &rest[start..];
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        let mut matchers = Vec::new();
        if let Some(within) = after.strip_prefix('{') {
            let (labels, behind) = within.split_once('}').unwrap();
            matchers = labels.split(',').map(str::trim).collect();
            rest = behind;
        } else if let Some(within) = after.strip_prefix('"') {
            rest = within.split_once('"').unwrap().1;
        }
        if name.starts_with("relay_") || name.starts_with("process_") {
            found.push(Selector { name, matchers });
        }
    }
    found
}

/// A page that has everything there can be. `None`: the servers for it cannot run here.
async fn whole_page() -> Option<Page> {
    if !(redis::is_ready() && mongo::is_ready() && edge::can_speak_tls()) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let redis = redis::Server::start(folder.path(), Durability::InMemory);
    let mongodb = mongo::Server::start(folder.path());
    let (redis_url, uri) = (redis.url(), mongodb.uri("metrics"));
    let shared = program::start(&[INTERNAL, ("REDIS_URL", &redis_url), ("MONGODB_URI", &uri)]);
    let alone = program::start(&[
        INTERNAL,
        ("WEBHOOK_URL", "https://backend.example/"),
        ("WEBHOOK_SECRETS", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"),
    ]);
    let made = edge::certificate();
    let speaks_tls = program::start(&[&made.settings()[..], &[INTERNAL]].concat());
    let mut whole = page(&shared).await;
    for other in [&alone, &speaks_tls] {
        whole.0.push_str(&page(other).await.0);
    }
    Some(whole)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_about_series_that_there_are() {
    let Some(page) = whole_page().await else {
        return;
    };
    let (names, series) = (page.names(), page.series());
    let (mut queries, rows) = dashboard();
    let expected = [
        "Clients",
        "Latency",
        "Refusals",
        "Flow control",
        "Stores",
        "Webhooks",
        "Nodes",
        "Process",
    ];
    assert_eq!(rows, expected);
    queries.extend(alerts().into_iter().map(|alert| alert.expr));
    let mut used = BTreeSet::new();
    for query in &queries {
        let selectors = selectors(query);
        assert!(!selectors.is_empty(), "{query}");
        for Selector { name, matchers } in selectors {
            assert!(names.contains(name), "no {name}, in {query}");
            for matcher in matchers {
                let label = matcher.replace("!=", "=");
                let is_it = |one: &&str| one.starts_with(name) && one.contains(&label);
                assert!(
                    series.keys().any(is_it),
                    "no {matcher} of {name}, in {query}"
                );
            }
            used.insert(name.to_owned());
        }
    }
    // What is counted and nobody looks at might as well not be counted.
    let shown = |name: &&&str| {
        let end = ["_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let bucket = end.map(|start| format!("{start}_bucket"));
        used.contains(**name) || bucket.is_some_and(|bucket| used.contains(&bucket))
    };
    let unused: Vec<_> = names.iter().filter(|name| !shown(name)).collect();
    assert!(unused.is_empty(), "the dashboard shows no {unused:?}");
}

#[test]
fn every_alert_is_explained_where_it_says_and_nothing_else_is() {
    let document = read("docs/operations.md");
    let headings = document
        .lines()
        .filter_map(|line| line.strip_prefix("### "));
    let headings: BTreeSet<_> = headings.map(str::to_owned).collect();
    let alerts = alerts();
    for alert in &alerts {
        let anchor = alert.alert.to_lowercase();
        assert_eq!(
            alert.annotations.runbook_url,
            format!("docs/operations.md#{anchor}")
        );
        assert!(!alert.annotations.summary.is_empty());
        assert!(
            ["page", "ticket"].contains(&&*alert.labels.severity),
            "{}",
            alert.alert
        );
    }
    let names: BTreeSet<_> = alerts.into_iter().map(|alert| alert.alert).collect();
    assert_eq!(names, headings);
}
