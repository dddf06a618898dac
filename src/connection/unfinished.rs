//! What connections have handed over that is not handled yet, by what it is about: a later connection of the same user
//! must not overtake it. It must not know what an event means: whoever handles events says what each is about.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use smallvec::SmallVec;
use tokio::sync::watch;

/// Whose event it is, and about what: those with the same subject keep their order over all connections. The same on
/// all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Subject(u64);

impl Subject {
    /// What these ids name together.
    pub(crate) fn of(ids: &[&str]) -> Self {
        // In no text is this byte.
        const END: u8 = 0xff;
        // Hashed at once, as far as there is room: ids are short.
        let (mut together, mut end) = ([0; 128], 0);
        let mut hasher = DefaultHasher::new();
        for id in ids.iter().map(|id| id.as_bytes()) {
            match together.get_mut(end..=end + id.len()) {
                Some([place @ .., last]) => {
                    place.copy_from_slice(id);
                    *last = END;
                    end += id.len() + 1;
                }
                _ => {
                    hasher.write(&together[..end]);
                    hasher.write(id);
                    hasher.write_u8(END);
                    end = 0;
                }
            }
        }
        hasher.write(&together[..end]);
        Self(hasher.finish())
    }
}

impl std::str::FromStr for Subject {
    type Err = std::num::ParseIntError;

    /// As it is displayed.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An event of a connection that is not handled yet.
#[derive(Debug, Clone)]
pub(super) struct Earlier {
    /// When its connection began: only later ones wait for it.
    pub(super) began: Instant,
    /// Its place among the events of its connection.
    pub(super) number: i64,
    /// How many of its connection are handled.
    pub(super) handled: watch::Receiver<i64>,
}

impl Earlier {
    fn is_done(&self) -> bool {
        let is_gone = self.handled.has_changed().is_err();
        is_gone || *self.handled.borrow() >= self.number
    }

    fn covers(&self, other: &Self) -> bool {
        self.handled.same_channel(&other.handled) && self.number >= other.number
    }
}

/// All that later connections have to wait for.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    by_subject: DashMap<Subject, SmallVec<[Earlier; 1]>>,
    /// How many there are: nearly always none.
    count: AtomicUsize,
}

impl Unfinished {
    /// Later connections wait for this event.
    pub(super) fn add(&self, subject: Subject, earlier: Earlier) {
        let mut known = self.by_subject.entry(subject).or_default();
        if !known.iter().any(|known| known.covers(&earlier)) {
            known.push(earlier);
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What a connection that began then has to wait for.
    pub(super) fn before(&self, subject: Subject, began: Instant) -> Option<Earlier> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let known = self.by_subject.get(&subject)?;
        let mut known = known.iter();
        let first = known.find(|earlier| earlier.began < began && !earlier.is_done());
        first.cloned()
    }

    /// Waits until all that came before is handled.
    pub(super) async fn wait(&self, subject: Subject, began: Instant) {
        while let Some(mut earlier) = self.before(subject, began) {
            let number = earlier.number;
            // An error: its connection is gone, and all of it handled.
            let _ = earlier.handled.wait_for(|handled| *handled >= number).await;
        }
    }

    /// Forgets what is handled. To be called at intervals.
    pub(super) fn sweep(&self) {
        self.by_subject.retain(|_, known| {
            let before = known.len();
            known.retain(|earlier| !earlier.is_done());
            self.count
                .fetch_sub(before - known.len(), Ordering::Relaxed);
            !known.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;

    fn earlier(began: Instant, number: i64, handled: &watch::Sender<i64>) -> Earlier {
        Earlier {
            began,
            number,
            handled: handled.subscribe(),
        }
    }

    proptest! {
        #[test]
        fn a_subject_is_that_of_the_same_ids_alone(
            ids in prop::collection::vec("[ab]{0,3}|[ab]{60,140}", 0..5), at in 0_usize..140,
        ) {
            let of = |ids: &[String]| Subject::of(&ids.iter().map(|id| &**id).collect::<Vec<_>>());
            prop_assert_eq!(of(&ids), of(&ids.clone()));
            // The same letters, in other ids.
            let mut others = ids.clone();
            if let Some(last) = others.pop() {
                let (begin, end) = last.split_at(at.min(last.len()));
                others.extend([begin.to_owned(), end.to_owned()]);
                prop_assert_ne!(of(&ids), of(&others));
            }
        }
    }

    #[test]
    fn later_connections_wait_for_what_is_about_the_same_and_no_others() {
        let unfinished = Unfinished::default();
        let (ann_to_bo, ann_to_eve) = (Subject::of(&["ann", "bo"]), Subject::of(&["ann", "eve"]));
        let (begin, handled) = (Instant::now(), watch::Sender::new(0));
        let later = begin + Duration::from_secs(1);
        unfinished.add(ann_to_bo, earlier(begin, 2, &handled));
        let waits = |subject, began| unfinished.wait(subject, began).now_or_never().is_none();
        assert!(waits(ann_to_bo, later));
        assert!(!waits(ann_to_eve, later) && !waits(ann_to_bo, begin));
        handled.send_replace(1);
        assert!(waits(ann_to_bo, later));
        handled.send_replace(2);
        assert!(!waits(ann_to_bo, later));
        unfinished.add(ann_to_bo, earlier(begin, 3, &handled));
        drop(handled);
        assert!(!waits(ann_to_bo, later), "the connection is gone");
    }

    #[test]
    fn what_is_handled_is_forgotten() {
        let unfinished = Unfinished::default();
        let (begin, handled) = (Instant::now(), watch::Sender::new(0));
        for number in 0..100 {
            let subject = Subject::of(&["ann", &number.to_string()]);
            unfinished.add(subject, earlier(begin, number, &handled));
            unfinished.add(subject, earlier(begin, number, &handled));
        }
        assert_eq!(unfinished.count.load(Ordering::Relaxed), 100);
        handled.send_replace(98);
        unfinished.sweep();
        let left = unfinished.count.load(Ordering::Relaxed);
        assert_eq!((left, unfinished.by_subject.len()), (1, 1));
    }
}
