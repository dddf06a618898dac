//! What is counted of endpoints. Their names are those of the settings, so there are always the same series.

use std::sync::Arc;

use super::Webhooks;
use super::queue::OUTCOMES;
use super::status::{Now, Status};
use crate::metrics::Families;
use crate::model::clock::{Clock as _, SystemClock};

impl Webhooks {
    /// Adds what is counted, if there is an endpoint.
    pub(crate) fn describe(&self, families: &mut Families) {
        let endpoints = self.endpoints();
        if !endpoints.is_empty() {
            describe_requests(&endpoints, families);
            describe_facts(&endpoints, families);
        }
    }
}

fn describe_requests(endpoints: &[Arc<Status>], families: &mut Families) {
    let help = "Requests to endpoints, by what became of them";
    let family = families.counter("relay_webhook_attempts_total", help);
    for endpoint in endpoints {
        for (outcome, count) in OUTCOMES.into_iter().zip(endpoint.counts.attempts.values()) {
            let labels = [
                ("endpoint", endpoint.name.clone().into()),
                ("outcome", outcome.into()),
            ];
            family.count(labels, count);
        }
    }
    let help = "How long requests to endpoints took";
    let family = families.histogram("relay_webhook_attempt_duration_seconds", help);
    for endpoint in endpoints {
        let labels = [("endpoint", endpoint.name.clone().into())];
        family.times(labels, &endpoint.counts.duration);
    }
}

fn describe_facts(endpoints: &[Arc<Status>], families: &mut Families) {
    let waits = |since| SystemClock.now_ms().saturating_sub(since) as f64 / 1_000.0;
    let pending = |now: &Now| now.pending as f64;
    let oldest = |now: &Now| now.oldest.map_or(0.0, waits);
    let dead = |now: &Now| now.dead as f64;
    type Read<'a> = &'a dyn Fn(&Now) -> f64;
    let gauges: [(&'static str, &'static str, Read<'_>); 3] = [
        (
            "relay_webhook_pending",
            "Facts that wait for the endpoint, as far as they were counted",
            &pending,
        ),
        (
            "relay_webhook_oldest_pending_seconds",
            "For how long the oldest fact has waited",
            &oldest,
        ),
        (
            "relay_webhook_dead",
            "Facts that were not taken in time, of those that are remembered",
            &dead,
        ),
    ];
    for (name, help, value) in gauges {
        let family = families.gauge(name, help);
        for endpoint in endpoints {
            let labels = [("endpoint", endpoint.name.clone().into())];
            family.set(labels, value(&endpoint.now()));
        }
    }
    let help = "Facts, or records with facts, that were dropped before they were told";
    let family = families.counter("relay_webhook_lost_total", help);
    for endpoint in endpoints {
        let labels = [("endpoint", endpoint.name.clone().into())];
        family.count(labels, endpoint.counts.lost.get());
    }
}
