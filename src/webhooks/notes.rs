//! Noting what an endpoint was told, a little later than it was and for many facts at once.
//!
//! Owns when that is done, and how much may be told before. What is not noted when the process is killed is told again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::fact::FactId;
use super::progress::{Dead, Progress, ProgressError, Selection, Step};
use super::store::Store;

/// How soon it is noted what was told.
const PAUSE: Duration = Duration::from_millis(100);
/// How soon it is noted how far it was read, when there was nothing to tell.
const POSITION_PAUSE: Duration = Duration::from_secs(5);
/// The pause after it could not be noted.
const RETRY: Duration = Duration::from_secs(1);
/// How many facts may be told that are not noted.
const MOST_UNNOTED: usize = 10_000;

/// What is noted of one endpoint, and what is to be.
pub(super) struct Notes {
    store: Store,
    endpoint: String,
    /// Those that are noted as waiting.
    waiting: HashSet<FactId>,
    step: Step,
    position: Uuid,
    at: Option<Instant>,
    /// It could not be noted the last time.
    is_failing: bool,
    /// How many facts are dead.
    dead: u64,
    /// Another server tells the endpoint now.
    is_taken: bool,
}

impl Notes {
    /// Goes on from this progress.
    pub(super) fn new(store: Store, endpoint: &str, progress: &Progress) -> Self {
        let at = store.renewal().map(|pause| Instant::now() + pause);
        Self {
            at,
            store,
            endpoint: endpoint.to_owned(),
            waiting: progress.waiting.clone(),
            step: Step::default(),
            position: progress.position,
            is_failing: false,
            dead: progress.dead,
            is_taken: false,
        }
    }

    /// It was read up to there; `held` of the facts up to there are to be told.
    pub(super) fn read_to(&mut self, position: Uuid, mut held: impl Iterator<Item = FactId>) {
        self.position = position;
        let has_new = held.any(|id| !self.waiting.contains(&id));
        self.within(if has_new { PAUSE } else { POSITION_PAUSE });
    }

    /// These need not be told any more.
    pub(super) fn done(&mut self, ids: impl IntoIterator<Item = FactId>) {
        let noted = self.step.done.len();
        self.step.done.extend(ids);
        if self.step.done.len() > noted {
            self.within(PAUSE);
        }
    }

    /// Nor do these, which were given up.
    pub(super) fn dead(&mut self, dead: Vec<Dead>) {
        self.done(dead.iter().map(|dead| dead.id));
        self.step.dead.extend(dead);
    }

    /// Whether more may be told before something was noted.
    pub(super) fn have_room(&self) -> bool {
        self.step.done.len() < MOST_UNNOTED
    }

    /// When there is something to note.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.at
    }

    fn within(&mut self, pause: Duration) {
        let at = Instant::now() + pause;
        self.at = Some(self.at.map_or(at, |noted| noted.min(at)));
    }

    /// Notes what was told, if it is time; `held` are the facts that are to be told.
    pub(super) async fn write_if_due(&mut self, held: impl Iterator<Item = FactId>) {
        if self.at.is_some_and(|at| at <= Instant::now()) {
            self.write(held).await;
        }
    }

    /// Notes what was told.
    pub(super) async fn write(&mut self, held: impl Iterator<Item = FactId>) {
        self.at = self.store.renewal().map(|pause| Instant::now() + pause);
        let held: HashSet<_> = held.collect();
        let mut step = std::mem::take(&mut self.step);
        step.position = self.position;
        step.waiting = held.difference(&self.waiting).copied().collect();
        let step = Arc::new(step);
        match self.store.take(&self.endpoint, &step).await {
            Ok(dead) => {
                (self.waiting, self.is_failing) = (held, false);
                self.dead = dead.unwrap_or(self.dead);
            }
            // Another server tells all that was not noted.
            Err(ProgressError::Taken) => self.is_taken = true,
            Err(error) => {
                let endpoint = &self.endpoint;
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(endpoint, %error, "it cannot be noted what an endpoint was told; trying again");
                }
                self.step.done.splice(..0, step.done.iter().copied());
                self.step.dead.splice(..0, step.dead.iter().cloned());
                self.within(RETRY);
            }
        }
    }

    /// Makes dead facts wait again, as of `now` in milliseconds since 1970; which they are.
    ///
    /// # Errors
    /// They are as they were.
    pub(super) async fn revive(
        &mut self,
        selection: Selection,
        now: u64,
    ) -> Result<Vec<FactId>, ProgressError> {
        let revived = self.store.revive(&self.endpoint, selection, now).await;
        let (revived, dead) = revived?;
        self.dead = dead;
        Ok(revived)
    }

    /// How many facts are dead.
    pub(super) const fn dead_count(&self) -> u64 {
        self.dead
    }

    /// Whether another server tells the endpoint now.
    pub(super) const fn are_taken(&self) -> bool {
        self.is_taken
    }

    /// Whether it could not be noted the last time.
    pub(super) const fn are_failing(&self) -> bool {
        self.is_failing
    }
}
