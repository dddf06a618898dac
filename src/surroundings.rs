//! What the documentation demands of the surroundings, such as Redis and the other servers, and is not so. It prevents
//! nothing; the log says it when it is found, and `/ready` until it is mended. Who looks at something tells it here.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// The configuration of Redis.
    Redis,
    /// The name of this server among the others.
    NodeName,
    /// The settings of the other servers.
    Settings,
    /// The collection of an application's users.
    ApplicationUsers,
    /// Proxies in front of this server.
    Proxies,
}

/// What is wrong, by what was looked at.
#[derive(Debug, Default)]
pub(crate) struct Surroundings(Mutex<BTreeMap<Subject, Vec<String>>>);

impl Surroundings {
    /// Takes all that is wrong with a subject now. Each text names the setting that mends it.
    pub(crate) fn found(&self, subject: Subject, wrong: Vec<String>) {
        let mut all = self.0.lock();
        let before = all.remove(&subject).unwrap_or_default();
        for notice in wrong.iter().filter(|notice| !before.contains(notice)) {
            tracing::warn!("{notice}");
        }
        for notice in before.iter().filter(|notice| !wrong.contains(notice)) {
            tracing::info!("no longer: {notice}");
        }
        if !wrong.is_empty() {
            all.insert(subject, wrong);
        }
    }

    /// Takes that something is wrong with a subject, unless that is known of it.
    pub(crate) fn found_once(&self, subject: Subject, notice: String) {
        let is_known = self.0.lock().contains_key(&subject);
        if !is_known {
            self.found(subject, vec![notice]);
        }
    }

    /// All that is wrong.
    pub(crate) fn notices(&self) -> Vec<String> {
        self.0.lock().values().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mended_is_forgotten_and_other_subjects_are_not() {
        let surroundings = Surroundings::default();
        let found = |subject, wrong: &[&str]| {
            let wrong = wrong.iter().map(|text| (*text).to_owned()).collect();
            surroundings.found(subject, wrong);
        };
        found(Subject::NodeName, &["name"]);
        found(Subject::Redis, &["one", "two"]);
        assert_eq!(surroundings.notices(), ["one", "two", "name"]);
        found(Subject::Redis, &["two"]);
        assert_eq!(surroundings.notices(), ["two", "name"]);
        found(Subject::Redis, &[]);
        assert_eq!(surroundings.notices(), ["name"]);
    }
}
