//! What is in effect, settings above all: one place for the whole server, which a reload replaces in one step.
//!
//! Whoever reads it takes it once for each event or request, and waits for nobody. It must not know what follows from
//! a change.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::settings::Config;

/// The settings in effect.
pub(crate) type LiveConfig = Live<Config>;

/// What is in effect. Clones share it.
#[derive(Debug)]
pub(crate) struct Live<T>(Arc<ArcSwap<T>>);

/// What was in effect when it was taken.
#[derive(Debug)]
pub(crate) struct Taken<T>(Guard<Arc<T>>);

impl<T> Live<T> {
    /// This, until it is replaced.
    pub(crate) fn new(value: T) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(value)))
    }

    /// What is in effect now.
    pub(crate) fn now(&self) -> Taken<T> {
        Taken(self.0.load())
    }

    /// Something else is in effect from now on.
    pub(crate) fn replace(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> From<T> for Live<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> Deref for Taken<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_stays_as_it_was_and_others_see_the_new_settings() {
        let live = LiveConfig::new(Config::default());
        let (before, shared) = (live.now(), live.clone());
        live.replace(Config {
            debug: true,
            ..Config::default()
        });
        assert!(!before.debug && shared.now().debug);
    }
}
