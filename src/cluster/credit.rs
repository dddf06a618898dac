//! Flow control between nodes: how much of what this node sent to a user's connections on other nodes
//! they have not consumed yet. Senders wait for them in turn as for local connections, so they go at the pace
//! of the slowest.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::model::UserId;
use crate::transport::{Turn, Turns};

/// The users to whom something is in flight.
#[derive(Debug)]
pub(super) struct Credits {
    users: DashMap<UserId, Arc<Credit>>,
    /// How many bytes may be in flight to one user.
    max_in_flight: isize,
    /// How long a sender waits while nothing is consumed: a node that died consumes nothing, and a
    /// client that consumes nothing is disconnected by its node.
    stall_timeout: Duration,
}

#[derive(Debug)]
struct Credit {
    state: Mutex<State>,
    turns: Arc<Turns>,
}

#[derive(Debug)]
struct State {
    /// Bytes. Negative when the confirmation comes before the number of receivers.
    in_flight: isize,
    /// When something was consumed last, or sent while nothing was in flight.
    since: Instant,
}

impl Credits {
    /// With at most `max_in_flight` bytes to one user.
    pub(super) fn new(max_in_flight: usize, stall_timeout: Duration) -> Self {
        Self {
            users: DashMap::new(),
            max_in_flight: max_in_flight as isize,
            stall_timeout,
        }
    }

    /// Waits until less is in flight to a user than may be, and it is the turn of this sender to send so many
    /// bytes. `None`: nothing is in flight.
    pub(super) async fn wait(&self, user: &UserId, sender: &UserId, bytes: usize) -> Option<Turn> {
        loop {
            let credit = self.users.get(user).map(|credit| credit.clone())?;
            let deadline = credit.state.lock().since + self.stall_timeout;
            let has_room = |granted: usize| {
                let in_flight = credit.state.lock().in_flight;
                in_flight.saturating_add_unsigned(granted) < self.max_in_flight
            };
            let turn = credit.turns.wait(sender, bytes, has_room);
            match timeout_at(deadline, turn).await {
                Ok(turn) => return Some(turn),
                Err(_) => self.give_up(user, &credit),
            }
        }
    }

    fn give_up(&self, user: &UserId, credit: &Arc<Credit>) {
        let is_stalled = credit.state.lock().since.elapsed() >= self.stall_timeout;
        if is_stalled {
            let is_it = |_: &UserId, known: &Arc<Credit>| Arc::ptr_eq(known, credit);
            self.users.remove_if(user, is_it);
            credit.forget();
        }
    }

    /// Nobody waits any more: what was in flight is lost.
    pub(super) fn clear(&self) {
        self.users.retain(|_, credit| {
            credit.forget();
            false
        });
    }

    /// This many bytes were sent to each of this many nodes.
    pub(super) fn sent(&self, user: &UserId, bytes: usize, nodes: usize) {
        if nodes > 0 {
            self.change(user, (bytes * nodes) as isize);
        }
    }

    /// This many bytes were consumed.
    pub(super) fn consumed(&self, user: &UserId, bytes: usize) {
        self.change(user, -(bytes as isize));
    }

    fn change(&self, user: &UserId, by: isize) {
        let new = || {
            Arc::new(Credit {
                state: Mutex::new(State {
                    in_flight: 0,
                    since: Instant::now(),
                }),
                turns: Arc::default(),
            })
        };
        let credit = self.users.entry(user.clone()).or_insert_with(new).clone();
        let is_settled = {
            let mut state = credit.state.lock();
            if state.in_flight < 0 && state.since.elapsed() >= self.stall_timeout {
                state.in_flight = 0;
            }
            if by < 0 || state.in_flight <= 0 {
                state.since = Instant::now();
            }
            state.in_flight += by;
            state.in_flight == 0
        };
        credit.turns.look_again();
        if is_settled {
            self.users
                .remove_if(user, |_, credit| credit.state.lock().in_flight == 0);
        }
    }
}

impl Credit {
    /// What was in flight is lost: nobody waits for it.
    fn forget(&self) {
        self.state.lock().in_flight = 0;
        self.turns.look_again();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn user() -> UserId {
        UserId::parse("bob").unwrap()
    }

    async fn wait(credits: &Credits) {
        let sender = UserId::parse("ann").unwrap();
        drop(credits.wait(&user(), &sender, 60).await);
    }

    #[tokio::test]
    async fn a_sender_waits_until_its_bytes_are_consumed() {
        let credits = Credits::new(100, Duration::from_secs(15));
        credits.sent(&user(), 60, 1);
        assert!(wait(&credits).now_or_never().is_some());
        credits.sent(&user(), 60, 1);
        let waiting = wait(&credits);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        credits.consumed(&user(), 60);
        waiting.await;
        credits.consumed(&user(), 60);
        assert!(credits.users.is_empty());
    }

    #[tokio::test]
    async fn nobody_waits_for_lost_bytes() {
        let credits = Credits::new(100, Duration::from_secs(15));
        credits.sent(&user(), 100, 1);
        let waiting = wait(&credits);
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        credits.clear();
        waiting.await;
    }

    #[tokio::test]
    async fn a_confirmation_may_come_first() {
        let credits = Credits::new(100, Duration::from_secs(15));
        credits.consumed(&user(), 200);
        credits.sent(&user(), 100, 2);
        assert!(credits.users.is_empty());
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_for_a_node_that_consumes_nothing() {
        let credits = Credits::new(100, Duration::from_millis(20));
        credits.sent(&user(), 100, 1);
        let begin = Instant::now();
        wait(&credits).await;
        assert!(begin.elapsed() >= Duration::from_millis(20));
        assert!(credits.users.is_empty());
        // A late confirmation does not count after a while.
        credits.consumed(&user(), 100);
        while begin.elapsed() < Duration::from_millis(60) {
            tokio::task::yield_now().await;
        }
        credits.sent(&user(), 100, 1);
        assert!(wait(&credits).now_or_never().is_none());
    }
}
