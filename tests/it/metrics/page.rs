//! A page of metrics, as these tests read it.

use std::collections::{BTreeMap, BTreeSet};

use test_support::harness::Relay;
use test_support::raw::http;
use test_support::raw::http::Response;

/// The setting by which a relay has an internal listener.
pub(crate) const INTERNAL: (&str, &str) = ("INTERNAL_LISTEN", "127.0.0.1:0");

/// Where a relay serves operators.
pub(crate) fn internal_address(relay: &Relay) -> String {
    const SAYS: &str = "operators are served on http://";
    relay.logs(SAYS, 1);
    let log = relay.log();
    let (_, rest) = log.split_once(SAYS).unwrap();
    let is_of_address = |c: char| c.is_ascii_alphanumeric() || ":.[]".contains(c);
    rest.chars().take_while(|c| is_of_address(*c)).collect()
}

/// The answer to `GET` there.
pub(crate) async fn internal(relay: &Relay, path: &str) -> Response {
    http::request_at(&internal_address(relay), "GET", path, &[], b"").await
}

/// The page of a relay with an internal listener.
pub(crate) async fn page(relay: &Relay) -> Page {
    let answer = internal(relay, "/metrics").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    Page(answer.body)
}

/// A page in Prometheus' text format.
#[derive(Debug)]
pub(crate) struct Page(pub(crate) String);

impl Page {
    /// The value of each series, by its name and labels as they are written.
    pub(crate) fn series(&self) -> BTreeMap<&str, f64> {
        let lines = self.0.lines().filter(|line| !line.starts_with('#'));
        let parts = lines.map(|line| line.rsplit_once(' ').unwrap());
        parts
            .map(|(series, value)| (series, value.parse().unwrap()))
            .collect()
    }

    /// The value of one of them.
    pub(crate) fn value(&self, series: &str) -> f64 {
        let all = self.series();
        *all.get(series)
            .unwrap_or_else(|| panic!("no {series} in {:#?}", all.keys()))
    }

    /// The names of all series, and of all labels and their values.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let series = self.series().into_keys();
        series
            .map(|series| series.split('{').next().unwrap())
            .collect()
    }
}
