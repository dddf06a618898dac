//! What of the audit has just been stored, for those who read on.
//!
//! Owns which records a reader would miss who reads on behind the last one it has seen: those that are stored later than
//! others that happened after them. It must not hold records: a follower that does not ask costs a bounded list of ids.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use super::event_type::EventType;
use super::line::{IdText, Line};
use super::payload::event_type_of;
use crate::metrics::Counters;

/// The most late records that are named to a follower; of more it has to read all since the earliest.
const MOST_LATE: usize = 1_024;

fn uuid_of(id: IdText) -> Option<Uuid> {
    Uuid::try_parse_ascii(&id).ok()
}

/// What the writer tells and followers ask.
pub(super) struct Trail {
    state: Mutex<State>,
    /// What happened before was recorded by an earlier process, and may be stored in part.
    began: Uuid,
}

#[derive(Default)]
struct State {
    /// The latest record that was stored.
    newest: Option<IdText>,
    /// Stored before there was a follower: the earliest.
    first: Option<IdText>,
    followers: Vec<Arc<Shared>>,
}

#[derive(Default)]
struct Shared {
    late: Mutex<Late>,
    complete_to: Mutex<Uuid>,
    read_to: Mutex<Uuid>,
    stored: Notify,
    dropped: Dropped,
}

/// How many records of each type were dropped before they were stored.
struct Dropped(Counters<{ EventType::ALL.len() }>);

impl Default for Dropped {
    fn default() -> Self {
        Self(Counters::new())
    }
}

/// Records that were stored behind others that are later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Late {
    /// Their ids.
    pub(crate) ids: BTreeSet<Uuid>,
    /// There were so many that all from the first of them on have to be read again.
    pub(crate) is_cut: bool,
}

impl Late {
    fn add(&mut self, id: Uuid) {
        self.ids.insert(id);
        if self.ids.len() > MOST_LATE {
            self.is_cut = true;
            // The earliest is what matters then.
            self.ids.pop_last();
        }
    }
}

impl Trail {
    /// Of a process that begins with this id.
    pub(super) fn beginning(began: Uuid) -> Self {
        Self {
            state: Mutex::default(),
            began,
        }
    }

    /// These were stored.
    pub(super) fn stored(&self, lines: &[Line<'_>]) {
        let mut state = self.state.lock();
        if lines.is_empty() {
            return;
        }
        let before = state.newest.and_then(uuid_of);
        for line in lines {
            // Texts sort as ids do, and cost nothing where nobody follows.
            let id = *line.id_text();
            state.newest = state.newest.max(Some(id));
            if state.followers.is_empty() {
                state.first = Some(state.first.map_or(id, |first| first.min(id)));
            } else if let Some(id) = line.id() {
                let is_late = Some(id) <= before || id < self.began;
                for follower in &state.followers {
                    if is_late || id <= *follower.read_to.lock() {
                        follower.late.lock().add(id);
                    }
                }
            }
        }
        let newest = state.newest.and_then(uuid_of);
        let complete_to = newest.unwrap_or(self.began).max(self.began);
        for follower in &state.followers {
            *follower.complete_to.lock() = complete_to;
            follower.stored.notify_one();
        }
    }

    /// A record was dropped from the spool: it will not be stored.
    pub(super) fn dropped(&self, payload: &[u8]) {
        let state = self.state.lock();
        if !state.followers.is_empty()
            && let Some(event_type) = event_type_of(payload)
        {
            for follower in &state.followers {
                follower.dropped.0.at(event_type as usize).inc();
            }
        }
    }

    /// Somebody reads on from now on.
    pub(super) fn follow(&self) -> Follower {
        let mut state = self.state.lock();
        // Those that are gone.
        state
            .followers
            .retain(|follower| Arc::strong_count(follower) > 1);
        let newest = state.newest.and_then(uuid_of);
        let shared = Arc::new(Shared {
            complete_to: Mutex::new(newest.unwrap_or(self.began).max(self.began)),
            ..Shared::default()
        });
        shared.stored.notify_one();
        state.followers.push(shared.clone());
        Follower {
            since: state.first.and_then(uuid_of),
            began: self.began,
            shared,
        }
    }
}

/// Somebody who reads the records of this process as they are stored.
pub(crate) struct Follower {
    /// The earliest record that was stored before, since the process began.
    since: Option<Uuid>,
    /// Where the process began.
    began: Uuid,
    shared: Arc<Shared>,
}

impl Follower {
    /// The earliest record that was stored before, since the process began: some may have been left in the spool. Whoever
    /// has followed before, and has read up to `read_to`, has met them if that is of this process.
    pub(crate) fn since(&self, read_to: Option<Uuid>) -> Option<Uuid> {
        let has_met = read_to.is_some_and(|read_to| read_to >= self.began);
        self.since.filter(|_| !has_met)
    }

    /// Waits until something was stored since the last call. Cancelled, it loses nothing.
    pub(crate) async fn stored(&self) {
        self.shared.stored.notified().await;
    }

    /// How many records of these types were dropped before they were stored, since it follows.
    pub(crate) fn dropped(&self, is_of_interest: impl Fn(EventType) -> bool) -> u64 {
        let types = EventType::ALL.iter().zip(self.shared.dropped.0.values());
        let counts = types.filter(|(event_type, _)| is_of_interest(**event_type));
        counts.map(|(_, count)| count).sum()
    }

    /// Up to there everything is stored but for what will be told as late: of later records, some may be missing that are
    /// being stored.
    pub(crate) fn complete_to(&self) -> Uuid {
        *self.shared.complete_to.lock()
    }

    /// It has read up to there: what is stored before that from now on is late, also if the clock was set back.
    pub(crate) fn has_read_to(&self, id: Uuid) {
        *self.shared.read_to.lock() = id;
    }

    /// What was stored late since the last call.
    pub(crate) fn take_late(&self) -> Late {
        std::mem::take(&mut *self.shared.late.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(ids: &[u128]) -> Vec<Vec<u8>> {
        let line = |id: &u128| format!("[\"{}\",\"ADMIN\"]", Uuid::from_u128(*id).simple());
        ids.iter().map(|id| line(id).into_bytes()).collect()
    }

    fn store(trail: &Trail, ids: &[u128]) {
        let lines = lines(ids);
        let lines: Vec<_> = lines.iter().filter_map(|line| Line::new(line)).collect();
        assert_eq!(lines.len(), ids.len());
        trail.stored(&lines);
    }

    #[test]
    fn a_follower_is_told_what_is_stored_behind_later_records() {
        let trail = Trail::beginning(Uuid::nil());
        store(&trail, &[7, 5, 8]);
        let follower = trail.follow();
        assert_eq!(follower.since(None), Some(Uuid::from_u128(5)));
        store(&trail, &[20, 19]);
        assert_eq!(follower.take_late(), Late::default());
        store(&trail, &[18, 21]);
        store(&trail, &[6]);
        let late = follower.take_late();
        let ids: Vec<_> = late.ids.iter().map(Uuid::as_u128).collect();
        assert_eq!((ids, late.is_cut), (vec![6, 18], false));
        assert_eq!(follower.take_late(), Late::default());
    }

    #[test]
    fn a_follower_is_told_how_many_records_were_dropped_by_their_types() {
        let trail = Trail::beginning(Uuid::nil());
        let lines = lines(&[1, 2]);
        trail.dropped(&lines[0]);
        let follower = trail.follow();
        trail.dropped(&lines[1]);
        trail.dropped(b"no line");
        assert_eq!(follower.dropped(|one| one == EventType::Admin), 1);
        assert_eq!(follower.dropped(|one| one != EventType::Admin), 0);
    }

    #[test]
    fn who_follows_again_has_met_what_was_stored_before() {
        let trail = Trail::beginning(Uuid::from_u128(100));
        store(&trail, &[90, 110]);
        let follower = trail.follow();
        let since = |read_to| follower.since(read_to).map(|id| id.as_u128());
        assert_eq!(since(None), Some(90));
        assert_eq!(since(Some(Uuid::from_u128(99))), Some(90));
        assert_eq!(since(Some(Uuid::from_u128(100))), None);
    }

    #[test]
    fn of_too_many_the_earliest_is_kept() {
        let trail = Trail::beginning(Uuid::nil());
        let follower = trail.follow();
        store(&trail, &[100_000]);
        let late: Vec<u128> = (1..3_000).collect();
        store(&trail, &late);
        let late = follower.take_late();
        assert!(late.is_cut);
        assert_eq!(late.ids.first().map(Uuid::as_u128), Some(1));
        assert_eq!(late.ids.len(), MOST_LATE);
    }

    #[test]
    fn what_an_earlier_process_left_is_late_and_the_rest_is_complete_when_it_is_stored() {
        let trail = Trail::beginning(Uuid::from_u128(100));
        let follower = trail.follow();
        assert_eq!(follower.complete_to().as_u128(), 100);
        store(&trail, &[80, 90]);
        assert_eq!(follower.complete_to().as_u128(), 100);
        store(&trail, &[120]);
        let late: Vec<_> = follower.take_late().ids.iter().map(Uuid::as_u128).collect();
        assert_eq!(late, [80, 90]);
        assert_eq!(follower.complete_to().as_u128(), 120);
        assert_eq!(trail.follow().complete_to().as_u128(), 120);
    }

    #[test]
    fn what_comes_before_that_which_was_read_is_late_whatever_the_clock_did() {
        let trail = Trail::beginning(Uuid::from_u128(100));
        let follower = trail.follow();
        follower.has_read_to(Uuid::from_u128(500));
        store(&trail, &[120, 130]);
        let late = follower.take_late();
        assert_eq!(late.ids.len(), 2);
    }
}
