//! The endpoints of the backend, from all settings that name one, and what has to fit among these.

use std::collections::HashSet;
use std::time::Duration;

use super::problems::Problems;
use super::settings::Config;
use super::webhook_endpoints::{Endpoint, MOST};
use crate::model::{FactType, FactTypes};

/// The name of the endpoint that `webhook_url` is.
const DEFAULT: &str = "default";

const A_DAY: Duration = Duration::from_secs(24 * 3600);

impl Config {
    /// Every endpoint.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let default = self.webhook_url.as_ref().map(|url| Endpoint {
            name: DEFAULT.to_owned(),
            url: url.clone(),
            secrets: self.webhook_secrets.clone(),
            events: self.webhook_events,
        });
        default
            .into_iter()
            .chain(self.webhooks.0.iter().cloned())
            .collect()
    }

    /// Whether an endpoint is told of such facts.
    pub(crate) fn webhooks_want(&self, fact: FactType) -> bool {
        let default = self.webhook_url.as_ref().map(|_| self.webhook_events);
        let others = self.webhooks.0.iter().map(|one| one.events);
        let all = default
            .into_iter()
            .chain(others)
            .fold(FactTypes::NONE, FactTypes::with);
        all.has(fact)
    }
}

/// Adds a problem for each endpoint that cannot be, and for settings that none of them needs.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    if problems.about(&[
        "webhook_url",
        "webhook_secrets",
        "webhook_events",
        "webhooks",
    ]) {
        return;
    }
    let endpoints = config.endpoints();
    if config.webhook_url.is_none() && !config.webhook_secrets.keys().is_empty() {
        problems.add("webhook_secrets", "has no effect without webhook_url", None);
    }
    let mut names = HashSet::new();
    for (index, endpoint) in endpoints.iter().enumerate() {
        let is_default = config.webhook_url.is_some() && index == 0;
        let setting = |of_default: &'static str| if is_default { of_default } else { "webhooks" };
        let name = &endpoint.name;
        let mut add = |of_default, wrong: String| {
            let of = if is_default {
                String::new()
            } else {
                format!("{name}: the endpoint ")
            };
            problems.add(setting(of_default), format!("{of}{wrong}"), None);
        };
        if endpoint.secrets.keys().is_empty() {
            add("webhook_url", "needs webhook_secrets".to_owned());
        }
        if let Some(wrong) = endpoint.problem(config.webhook_private_networks) {
            add("webhook_url", wrong);
        }
        if !names.insert(name) {
            add("webhook_url", "has the name of another".to_owned());
        }
    }
    if endpoints.len() > MOST {
        problems.add("webhooks", format!("must be at most {MOST} in all"), None);
    }
    if endpoints.is_empty() {
        return;
    }
    together(config, problems);
}

/// What endpoints need of other settings.
fn together(config: &Config, problems: &mut Problems) {
    let retention = A_DAY * config.audit_retention_days;
    if config.audit_retention_days != 0 && retention < config.webhook_max_age {
        let wrong =
            "must not be longer than audit_retention_days: endpoints are told from the audit";
        problems.add("webhook_max_age", wrong, None);
    }
}
