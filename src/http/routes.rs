//! The templates of all routes with their methods, and how often and for how long each is answered. A path itself is
//! never a label: it has ids.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use crate::metrics::{Counters, Families, Histogram};

/// A template, and the methods that it is served by.
struct Route {
    template: &'static str,
    methods: &'static [&'static str],
}

const fn route(template: &'static str, methods: &'static [&'static str]) -> Route {
    Route { template, methods }
}

const READ: &[&str] = &["GET", "HEAD"];
const READ_AND_POSTED: &[&str] = &["GET", "HEAD", "POST"];
const POSTED: &[&str] = &["POST"];
const MARKED: &[&str] = &["POST", "PUT", "PATCH"];

/// All routes; the last one stands for what matches none.
const ROUTES: [Route; 50] = [
    route("/health", READ),
    route("/ready", READ),
    route("/metrics", READ),
    route("/openapi.json", READ),
    route("/asyncapi.json", READ),
    route("/docs", READ),
    route("/docs/page.js", READ),
    route("/docs/page.css", READ),
    route("/sessions", READ),
    route("/api/reserve-session", POSTED),
    route("/api/conversations", READ_AND_POSTED),
    route(
        "/api/conversations/{id}",
        &["GET", "HEAD", "PATCH", "DELETE"],
    ),
    route("/api/conversations/{id}/changes", READ),
    route("/api/conversations/{id}/messages", READ_AND_POSTED),
    route("/api/conversations/{id}/participants", READ_AND_POSTED),
    route(
        "/api/conversations/{id}/participants/{user}",
        &["PATCH", "DELETE"],
    ),
    route("/api/conversations/{id}/read", MARKED),
    route("/api/conversations/{id}/receipts", READ),
    route("/api/changes", READ_AND_POSTED),
    route("/api/chats", READ_AND_POSTED),
    route("/api/chats/{id}", READ),
    route("/api/messages", READ_AND_POSTED),
    route(
        "/api/messages/{id}",
        &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    ),
    route("/api/messages/{id}/read", MARKED),
    route("/api/messages/recent/all", READ),
    route("/api/users/me/blocked", READ),
    route(
        "/api/users/me/blocked/{id}",
        &["GET", "HEAD", "PUT", "DELETE"],
    ),
    route("/api/admin/users/{id}", &["PUT"]),
    route("/api/admin/users/{id}/disconnect", POSTED),
    route("/api/admin/users/{id}/presence", READ),
    route("/api/admin/presence", POSTED),
    route("/api/admin/conversations", POSTED),
    route("/api/admin/conversations/{id}", &["PATCH"]),
    route("/api/admin/conversations/{id}/presence", READ),
    route("/api/admin/connections", READ),
    route("/api/admin/connections/{id}", &["DELETE"]),
    route("/api/admin/publish", POSTED),
    route("/api/admin/import", POSTED),
    route("/api/admin/reload", POSTED),
    route("/api/admin/revocations", READ_AND_POSTED),
    route("/api/admin/revocations/{id}", &["DELETE"]),
    route("/api/admin/webhooks", READ),
    route("/api/admin/webhooks/{name}/dead", READ),
    route("/api/admin/webhooks/{name}/replay", POSTED),
    route("/api/admin/webhooks/{name}/test", POSTED),
    route("/api/admin/audit", READ),
    route(SOCKET_IO, &["GET", "POST", OTHER]),
    route("/socket.io/", &[]),
    route("/socket.io/{name}", READ),
    route(
        UNMATCHED,
        &[
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER,
        ],
    ),
];

/// The route of sockets, which have counts of their own.
pub(super) const SOCKET_IO: &str = "/socket.io";
/// What is said of a request that matches no route.
pub(super) const UNMATCHED: &str = "unmatched";
/// What is said of a method that is none of the usual.
pub(super) const OTHER: &str = "other";

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// How many pairs of a template and a method come before a route.
const fn before(route: usize) -> usize {
    let (mut position, mut pairs) = (0, 0);
    while position < route {
        pairs += ROUTES[position].methods.len();
        position += 1;
    }
    pairs
}

const PAIRS: usize = before(ROUTES.len());

static REQUESTS: [Counters<{ CLASSES.len() }>; PAIRS] = [const { Counters::new() }; PAIRS];
static DURATION: [Histogram; ROUTES.len()] = [const { Histogram::fast() }; ROUTES.len()];

/// What a request matched: a template, and a method that it is served by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matched {
    route: usize,
    method: usize,
}

impl Matched {
    /// What a request matched; nothing, if the template is not served by its method.
    pub(super) fn of(template: Option<&str>, method: &Method) -> Self {
        let known = ROUTES
            .iter()
            .position(|route| Some(route.template) == template);
        let known = known.and_then(|route| {
            let method = method_of(route, method.as_str()).or_else(|| method_of(route, OTHER));
            Some((route, method?))
        });
        let (route, method) = known.unwrap_or_else(|| {
            let unmatched = ROUTES.len() - 1;
            let method = method_of(unmatched, method.as_str());
            (
                unmatched,
                method.unwrap_or(ROUTES[unmatched].methods.len() - 1),
            )
        });
        Self { route, method }
    }

    /// The template, or that there is none.
    pub(super) fn template(self) -> &'static str {
        ROUTES[self.route].template
    }

    /// The method, or that it is none of the usual.
    pub(super) fn method(self) -> &'static str {
        ROUTES[self.route].methods[self.method]
    }

    /// Counts an answer that took so long.
    pub(super) fn answered(self, status: StatusCode, time: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        REQUESTS[before(self.route) + self.method].at(class).inc();
        DURATION[self.route].observe(time);
    }
}

fn method_of(route: usize, method: &str) -> Option<usize> {
    ROUTES[route].methods.iter().position(|one| *one == method)
}

/// Every template with each of its methods that are of a kind of their own.
#[cfg(test)]
pub(super) fn served() -> impl Iterator<Item = (&'static str, &'static str)> {
    let routes = ROUTES.iter().filter(|route| route.template != UNMATCHED);
    let methods = routes.flat_map(|route| route.methods.iter().map(|one| (route.template, *one)));
    methods.filter(|(_, method)| *method != OTHER)
}

/// Adds what is counted here.
pub(super) fn describe(families: &mut Families) {
    let help = "Requests that were answered, but for those of sockets";
    let family = families.counter("relay_http_requests_total", help);
    for (position, route) in ROUTES.iter().enumerate() {
        if route.template == SOCKET_IO {
            continue;
        }
        for (number, method) in route.methods.iter().copied().enumerate() {
            let counts = &REQUESTS[before(position) + number];
            // None is answered with 1xx, but those of sockets.
            for (status, count) in CLASSES.into_iter().zip(counts.values()).skip(1) {
                let labels = [
                    ("route", route.template.into()),
                    ("method", method.into()),
                    ("status", status.into()),
                ];
                family.count(labels, count);
            }
        }
    }
    let help = "How long it took to answer";
    let family = families.histogram("relay_http_request_duration_seconds", help);
    for (route, histogram) in ROUTES.iter().zip(&DURATION) {
        let is_of_sockets = route.template.trim_end_matches('/') == SOCKET_IO;
        if !is_of_sockets {
            family.times([("route", route.template.into())], histogram);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_route_that_is_served_is_in_the_table_and_no_other() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for path in folder.read_dir().unwrap().map(|it| it.unwrap().path()) {
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        let mut served = BTreeSet::new();
        for path in files {
            let source = std::fs::read_to_string(path).unwrap();
            // This one has what is looked for.
            let source = source.split("#[cfg(test)]").next().unwrap();
            let calls = source.split(".route(").skip(1);
            let templates = calls.filter_map(|call| call.trim_start().strip_prefix('"'));
            let templates = templates.filter_map(|text| text.split('"').next());
            served.extend(templates.map(str::to_owned));
        }
        // Those of sockets are known before a route is looked for.
        served.extend([SOCKET_IO.to_owned(), format!("{SOCKET_IO}/")]);
        let listed = ROUTES.iter().map(|route| route.template.to_owned());
        let listed = listed.filter(|template| template != UNMATCHED);
        assert_eq!(served, listed.collect());
    }

    #[test]
    fn what_is_not_served_so_matches_nothing() {
        let of = |template, method| Matched::of(Some(template), method).template();
        assert_eq!(of("/health", &Method::GET), "/health");
        assert_eq!(of("/health", &Method::POST), UNMATCHED);
        assert_eq!(of("/elsewhere", &Method::GET), UNMATCHED);
        let strange = Method::from_bytes(b"BREW").unwrap();
        let matched = Matched::of(None, &strange);
        assert_eq!(ROUTES[matched.route].methods[matched.method], OTHER);
    }
}
