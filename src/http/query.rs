//! The parameters of a request's query.

use std::collections::HashMap;

use serde::Deserialize;

/// The parameters by name; of several with one name the last.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// A parameter that is not empty: clients write an empty one for none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let given = self.0.get(name).map(String::as_str);
        given.filter(|given| !given.is_empty())
    }

    /// Whether there is such a parameter, even an empty one.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The name of a parameter that is none of these, if one is not.
    pub(super) fn besides(&self, known: &[&str]) -> Option<&str> {
        let mut names = self.0.keys().map(String::as_str);
        names.find(|name| !known.contains(name))
    }
}
