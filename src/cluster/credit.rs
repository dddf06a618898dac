//! How much of what was sent to a user's connections on other nodes was not taken yet. A sender waits
//! for them as for those that are here, so it goes at the pace of the slowest.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::model::UserId;

/// What is under way to all users that something is under way to.
#[derive(Debug)]
pub(super) struct Credits {
    users: DashMap<UserId, Arc<Credit>>,
    /// How many bytes may be under way to one user.
    most: isize,
    /// How long nothing may be taken before it is not waited for any more: a node that died takes
    /// nothing, and a client that takes nothing is cut off there.
    patience: Duration,
}

#[derive(Debug)]
struct Credit {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Bytes. What was taken may be told before it is known that it was sent.
    under_way: isize,
    /// When something was taken last, or sent while nothing was under way.
    since: Instant,
}

impl Credits {
    pub(super) fn new(most: usize, patience: Duration) -> Self {
        Self {
            users: DashMap::new(),
            most: most as isize,
            patience,
        }
    }

    /// Waits until less is under way to a user than may be.
    pub(super) async fn room(&self, user: &UserId) {
        loop {
            let Some(credit) = self.users.get(user).map(|credit| credit.clone()) else {
                return;
            };
            let changed = credit.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let deadline = {
                let state = credit.state.lock();
                if state.under_way < self.most {
                    return;
                }
                state.since + self.patience
            };
            if timeout_at(deadline, changed).await.is_err() {
                self.give_up(user, &credit);
            }
        }
    }

    fn give_up(&self, user: &UserId, credit: &Arc<Credit>) {
        let is_over = credit.state.lock().since.elapsed() >= self.patience;
        if is_over {
            self.users
                .remove_if(user, |_, known| Arc::ptr_eq(known, credit));
            credit.changed.notify_waiters();
        }
    }

    /// Nothing is waited for: what was under way is lost.
    pub(super) fn forget(&self) {
        self.users.retain(|_, credit| {
            credit.changed.notify_waiters();
            false
        });
    }

    /// So many bytes were sent to so many nodes.
    pub(super) fn sent(&self, user: &UserId, bytes: usize, nodes: usize) {
        if nodes > 0 {
            self.change(user, (bytes * nodes) as isize);
        }
    }

    /// So many bytes were taken.
    pub(super) fn taken(&self, user: &UserId, bytes: usize) {
        self.change(user, -(bytes as isize));
    }

    fn change(&self, user: &UserId, by: isize) {
        let new = || {
            Arc::new(Credit {
                state: Mutex::new(State {
                    under_way: 0,
                    since: Instant::now(),
                }),
                changed: Notify::new(),
            })
        };
        let credit = self.users.entry(user.clone()).or_insert_with(new).clone();
        let is_even = {
            let mut state = credit.state.lock();
            if state.under_way < 0 && state.since.elapsed() >= self.patience {
                state.under_way = 0;
            }
            if by < 0 || state.under_way <= 0 {
                state.since = Instant::now();
            }
            state.under_way += by;
            state.under_way == 0
        };
        credit.changed.notify_waiters();
        if is_even {
            self.users
                .remove_if(user, |_, credit| credit.state.lock().under_way == 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn user() -> UserId {
        UserId::parse("bob").unwrap()
    }

    #[tokio::test]
    async fn who_sends_waits_until_it_was_taken() {
        let credits = Credits::new(100, Duration::from_secs(15));
        credits.sent(&user(), 60, 1);
        assert!(credits.room(&user()).now_or_never().is_some());
        credits.sent(&user(), 60, 1);
        let bob = user();
        let waiting = credits.room(&bob);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        credits.taken(&user(), 60);
        waiting.await;
        credits.taken(&user(), 60);
        assert!(credits.users.is_empty());
    }

    #[tokio::test]
    async fn nobody_waits_for_what_is_lost() {
        let credits = Credits::new(100, Duration::from_secs(15));
        let bob = user();
        credits.sent(&bob, 100, 1);
        let waiting = credits.room(&bob);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        credits.forget();
        waiting.await;
    }

    #[tokio::test]
    async fn what_was_taken_may_be_told_first() {
        let credits = Credits::new(100, Duration::from_secs(15));
        credits.taken(&user(), 200);
        credits.sent(&user(), 100, 2);
        assert!(credits.users.is_empty());
    }

    #[tokio::test]
    async fn a_node_that_takes_nothing_is_not_waited_for_for_ever() {
        let credits = Credits::new(100, Duration::from_millis(20));
        credits.sent(&user(), 100, 1);
        let begin = Instant::now();
        credits.room(&user()).await;
        assert!(begin.elapsed() >= Duration::from_millis(20));
        assert!(credits.users.is_empty());
        // It is told too late, and counts no more after a while.
        credits.taken(&user(), 100);
        while begin.elapsed() < Duration::from_millis(60) {
            tokio::task::yield_now().await;
        }
        credits.sent(&user(), 100, 1);
        assert!(credits.room(&user()).now_or_never().is_none());
    }
}
