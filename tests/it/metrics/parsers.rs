//! Prometheus' own parsers read both formats, and every family has what it must have.

use serde_json::Value;

use super::page::{INTERNAL, internal_address};
use crate::program;
use test_support::python;
use test_support::raw::{Client, http};

#[tokio::test(flavor = "multi_thread")]
async fn both_formats_are_read_by_the_parsers_of_prometheus() {
    let relay = program::start(&[INTERNAL, ("RATE_LIMITS", "off")]);
    let _alice = Client::connect(&relay, "alice").await;
    for (format, accept, kind) in [
        (
            "text",
            "text/plain",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        (
            "openmetrics",
            "application/openmetrics-text; version=1.0.0, text/plain;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
    ] {
        let headers = [("Accept", accept)];
        let address = internal_address(&relay);
        let answer = http::request_at(&address, "GET", "/metrics", &headers, b"").await;
        assert!(answer.head.contains(kind), "{}", answer.head);
        assert!(answer.body.lines().count() <= 2_500);
        let Some(read) = python::run("metrics.py", format, &answer.body) else {
            return;
        };
        let families: Vec<Value> = serde_json::from_str(&read).unwrap();
        assert!(families.len() > 40, "{}", families.len());
        for family in &families {
            check(family);
        }
        let open = families
            .iter()
            .find(|one| one["name"] == "relay_connections");
        let open = open.unwrap()["samples"].as_array().unwrap();
        let undeclared = open.iter().find(|sample| {
            sample["labels"]["dialect"] == "undeclared"
                && sample["labels"]["transport"] == "websocket"
        });
        assert_eq!(undeclared.unwrap()["value"], "1.0");
    }
}

/// A family is known, described, of one type, and has series.
fn check(family: &Value) {
    let (name, kind) = (
        family["name"].as_str().unwrap(),
        family["type"].as_str().unwrap(),
    );
    assert!(
        ["counter", "gauge", "histogram"].contains(&kind),
        "{family}"
    );
    assert_ne!(family["help"], "", "{name}");
    let samples = family["samples"].as_array().unwrap();
    assert!(!samples.is_empty(), "{name}");
    for sample in samples {
        let of = sample["name"].as_str().unwrap();
        let fits = match kind {
            "counter" => of == format!("{name}_total"),
            "gauge" => of == name,
            _ => of
                .strip_prefix(name)
                .is_some_and(|end| ["_bucket", "_count", "_sum"].contains(&end)),
        };
        assert!(fits, "{of} of {name}, a {kind}");
    }
}
