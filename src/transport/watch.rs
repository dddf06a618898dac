//! What is watched because something of it may become due, such as a deadline. Of the others, which are nearly all where
//! clients are mostly silent, nothing is looked at. It must not know what may become due.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

/// Of what something may become due.
pub(super) trait Watchable: Sized {
    /// Does what is due at this time, in `now_ms` time.
    fn check(&self, now: u64);
    /// Whether another check may find something.
    fn may_become_due(&self) -> bool;
    fn watch(&self) -> &Watch<Self>;
}

/// What is watched.
#[derive(Debug)]
pub(super) struct Watched<T>(Mutex<Vec<Weak<T>>>);

/// Whether something is watched.
#[derive(Debug)]
pub(super) struct Watch<T> {
    what: Weak<T>,
    watched: Arc<Watched<T>>,
    is_on: AtomicBool,
}

impl<T> Default for Watched<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Watchable> Watched<T> {
    /// Looks at all of it, and later no more at that of which nothing may become due.
    pub(super) fn look(&self, now: u64) {
        let mut all = std::mem::take(&mut *self.0.lock());
        all.retain(|what| {
            let what = what.upgrade();
            what.is_some_and(|what| still_watched(&*what, now))
        });
        self.0.lock().append(&mut all);
    }
}

fn still_watched<T: Watchable>(what: &T, now: u64) -> bool {
    what.check(now);
    if what.may_become_due() {
        return true;
    }
    let watch = what.watch();
    watch.is_on.store(false, Ordering::Relaxed);
    // Whatever is noted by others was noted before this, and is seen here, or they see that it is not watched.
    fence(Ordering::SeqCst);
    what.may_become_due() && !watch.is_on.swap(true, Ordering::Relaxed)
}

impl<T> Default for Watch<T> {
    fn default() -> Self {
        Self::of(Weak::new(), Arc::default())
    }
}

impl<T> Watch<T> {
    /// Not watched yet.
    pub(super) fn of(what: Weak<T>, watched: Arc<Watched<T>>) -> Self {
        Self {
            what,
            watched,
            is_on: AtomicBool::new(false),
        }
    }

    /// Something may become due from now on, which was noted before.
    pub(super) fn begin(&self) {
        fence(Ordering::SeqCst);
        if !self.is_on.load(Ordering::Relaxed) && !self.is_on.swap(true, Ordering::Relaxed) {
            self.watched.0.lock().push(self.what.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// Is due as often as it is said to be.
    #[derive(Debug, Default)]
    struct Due {
        left: AtomicU64,
        checked: AtomicU64,
        watch: Watch<Self>,
    }

    impl Due {
        fn is_due(&self, times: u64) {
            self.left.store(times, Ordering::Relaxed);
            self.watch.begin();
        }
    }

    impl Watchable for Due {
        fn check(&self, _: u64) {
            self.checked.fetch_add(1, Ordering::Relaxed);
            let _ = self
                .left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                });
        }

        fn may_become_due(&self) -> bool {
            self.left.load(Ordering::Relaxed) > 0
        }

        fn watch(&self) -> &Watch<Self> {
            &self.watch
        }
    }

    fn due(watched: &Arc<Watched<Due>>) -> Arc<Due> {
        Arc::new_cyclic(|due| Due {
            watch: Watch::of(due.clone(), watched.clone()),
            ..Due::default()
        })
    }

    #[test]
    fn it_is_looked_at_as_long_as_something_may_become_due() {
        let watched = Arc::default();
        let [first, second] = [due(&watched), due(&watched)];
        let looked = |times: usize| {
            (0..times).for_each(|now| watched.look(now as u64));
            [&first, &second].map(|due| due.checked.load(Ordering::Relaxed))
        };
        assert_eq!(looked(2), [0, 0]);
        first.is_due(3);
        assert_eq!(looked(9), [3, 0]);
        first.is_due(1);
        first.is_due(2);
        second.is_due(1);
        assert_eq!(looked(9), [5, 1]);
        drop(second);
        assert!(watched.0.lock().is_empty());
    }

    #[test]
    fn nothing_is_missed_that_becomes_due_while_it_is_looked() {
        let watched = Arc::default();
        let due = due(&watched);
        std::thread::scope(|scope| {
            let noting = scope.spawn(|| (0..100_000).for_each(|_| due.is_due(1)));
            while !noting.is_finished() {
                watched.look(0);
            }
        });
        (0..2).for_each(|now| watched.look(now));
        assert!(!due.may_become_due());
        assert!(watched.0.lock().is_empty());
    }
}
