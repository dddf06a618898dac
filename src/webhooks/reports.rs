//! What the log says of an endpoint: that it fails, answers again, is gone, and what was given up. However often that
//! changes, it is a few lines a minute; no line has an address, a URL or a part of an answer.

use std::time::{Duration, Instant};

use super::queue::Outcome;
use crate::config::webhook_address::AddressRefused;

/// The least time between two lines of a kind.
const INTERVAL: Duration = Duration::from_secs(60);

/// What was said of one endpoint.
pub(super) struct Reports {
    endpoint: String,
    failed_at: Option<Instant>,
    /// It was said that it fails, and not yet that it answers.
    says_failing: bool,
    dead_at: Option<Instant>,
    dead: usize,
    lost_at: Option<Instant>,
    lost: u64,
}

fn is_due(last: Option<Instant>, now: Instant) -> bool {
    last.is_none_or(|last| now.duration_since(last) >= INTERVAL)
}

impl Reports {
    /// Nothing was said of it yet.
    pub(super) fn of(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            failed_at: None,
            says_failing: false,
            dead_at: None,
            dead: 0,
            lost_at: None,
            lost: 0,
        }
    }

    /// An attempt failed.
    pub(super) fn failed(
        &mut self,
        outcome: Outcome,
        refused: Option<AddressRefused>,
        now: Instant,
    ) {
        if self.says_failing || !is_due(self.failed_at, now) {
            return;
        }
        (self.failed_at, self.says_failing) = (Some(now), true);
        let status = match outcome {
            Outcome::Status(status, _) => Some(status),
            _ => None,
        };
        let reason = refused.map(|refused| format!("its address {refused}"));
        let (endpoint, outcome) = (&self.endpoint, outcome.as_str());
        tracing::warn!(
            endpoint,
            outcome,
            status,
            reason,
            "the endpoint does not take what it is told; trying again"
        );
    }

    /// An attempt did not fail.
    pub(super) fn delivered(&mut self) {
        if std::mem::take(&mut self.says_failing) {
            let endpoint = &self.endpoint;
            tracing::info!(endpoint, "the endpoint answers again");
        }
    }

    /// It wants to be told nothing any more.
    pub(super) fn gone(&self) {
        let endpoint = &self.endpoint;
        tracing::error!(
            endpoint,
            "the endpoint is gone (410): it is told nothing until the next start"
        );
    }

    /// So many facts, or records with facts, are in the audit no more, or never came to be, and were not told.
    pub(super) fn lost(&mut self, count: u64, now: Instant) {
        self.lost += count;
        if self.lost > 0 && is_due(self.lost_at, now) {
            self.lost_at = Some(now);
            let (endpoint, count) = (&self.endpoint, std::mem::take(&mut self.lost));
            tracing::error!(
                endpoint,
                count,
                "records were lost to the audit before an endpoint was told of them"
            );
        }
    }

    /// So many facts were given up.
    pub(super) fn given_up(&mut self, count: usize, now: Instant) {
        self.dead += count;
        if self.dead > 0 && is_due(self.dead_at, now) {
            self.dead_at = Some(now);
            let (endpoint, count) = (&self.endpoint, std::mem::take(&mut self.dead));
            tracing::error!(
                endpoint,
                count,
                "facts were not taken in time, and are not told any more"
            );
        }
    }
}
