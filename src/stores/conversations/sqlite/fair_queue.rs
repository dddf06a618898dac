//! What waits for the thread that writes, and whose turn it is: whoever will have used the least of its time
//! when their next write is done. So a user who asks for much waits behind their own writes, and a small
//! write waits for none of the large ones of others but the one that has begun. It must not know what a
//! write does.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::RandomState;
use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::UserId;

/// Maximum number of writes of one user that wait; what they ask beyond waits for room.
const MAX_WAITING: usize = 256;
/// What each write costs beside its own time: its part of the commit.
const BASE_COST: Duration = Duration::from_micros(20);
/// What a row is expected to take; what a write took is what counts in the end.
const ROW_TIME: Duration = Duration::from_micros(40);
/// Of how many users it is remembered what they have used, before those for whom nothing waits are
/// forgotten.
const MAX_USERS: usize = 1_024;

/// For whom a write is done; `None`: for nobody in particular.
pub(super) type OnBehalfOf = Option<UserId>;

/// Writes that wait. The writes of one user are taken in their order.
pub(super) struct FairQueue<T> {
    state: Mutex<State<T>>,
    has_more: Condvar,
}

/// What there is to do.
pub(super) enum Next<T> {
    Write(Turn<T>),
    /// Nothing came until then.
    Nothing,
    /// Nothing is left, and nothing will come.
    Closed,
}

/// A write whose turn it is.
pub(super) struct Turn<T> {
    pub(super) write: T,
    user: OnBehalfOf,
}

struct State<T> {
    users: HashMap<OnBehalfOf, Waiting<T>, RandomState>,
    /// Users with writes that wait, and how much of the time they are expected to have used with the next.
    turns: BinaryHeap<Reverse<(Duration, u64, OnBehalfOf)>>,
    /// The most that anybody had used whose turn it was, or, while nothing waits, the most that anybody has.
    /// Who comes back begins here.
    now: Duration,
    most: Duration,
    /// Orders those who have used the same.
    count: u64,
    /// With how many users some are to be forgotten.
    forget_at: usize,
    is_closed: bool,
}

struct Waiting<T> {
    writes: VecDeque<(T, Duration, OwnedSemaphorePermit)>,
    used: Duration,
    room: Arc<Semaphore>,
    /// One of them is being done.
    is_served: bool,
}

impl<T> fmt::Debug for FairQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FairQueue").finish_non_exhaustive()
    }
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                users: HashMap::default(),
                turns: BinaryHeap::new(),
                now: Duration::ZERO,
                most: Duration::ZERO,
                count: 0,
                forget_at: MAX_USERS,
                is_closed: false,
            }),
            has_more: Condvar::new(),
        }
    }
}

impl<T> FairQueue<T> {
    /// Adds a write of about so many rows when there is room for it. It is given back if the queue is closed.
    pub(super) async fn push(&self, user: OnBehalfOf, rows: usize, write: T) -> Result<(), T> {
        let room = self.state.lock().waiting(&user).room.clone();
        let Ok(permit) = room.acquire_owned().await else {
            return Err(write);
        };
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(write);
        }
        let waiting = state.waiting(&user);
        let is_first = waiting.writes.is_empty() && !waiting.is_served;
        let expected = ROW_TIME * u32::try_from(rows).unwrap_or(u32::MAX);
        waiting.writes.push_back((write, expected, permit));
        if is_first {
            state.enqueue(user);
        }
        drop(state);
        self.has_more.notify_one();
        Ok(())
    }

    /// The next write, when there is one until then, or whenever there is.
    pub(super) fn wait(&self, end: Option<Instant>) -> Next<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(turn) = state.take(Duration::MAX) {
                return Next::Write(turn);
            }
            if state.is_closed {
                return Next::Closed;
            }
            match end {
                None => self.has_more.wait(&mut state),
                Some(end) if self.has_more.wait_until(&mut state, end).timed_out() => {
                    return Next::Nothing;
                }
                Some(_) => {}
            }
        }
    }

    /// The next write, if there is one now that may be taken, and is expected to take no longer than this.
    pub(super) fn take(&self, within: Duration, may_take: impl Fn(&T) -> bool) -> Option<Turn<T>> {
        let mut state = self.state.lock();
        state
            .next()
            .is_none_or(may_take)
            .then(|| state.take(within))?
    }

    /// A write that was taken is done, and used this much. Returns it, and for whom it was done.
    pub(super) fn done(&self, turn: Turn<T>, time: Duration) -> (T, OnBehalfOf) {
        let Turn { write, user } = turn;
        let mut state = self.state.lock();
        let waiting = state.waiting(&user);
        waiting.used += time + BASE_COST;
        waiting.is_served = false;
        let (used, has_more) = (waiting.used, !waiting.writes.is_empty());
        if !has_more {
            // Of many users it is remembered what they have used, and few have anything to write now.
            waiting.writes = VecDeque::new();
        }
        state.most = state.most.max(used);
        if has_more {
            state.enqueue(user.clone());
        }
        (write, user)
    }

    /// What was done for a user used this much more than was said.
    pub(super) fn charge(&self, user: &OnBehalfOf, time: Duration) {
        let mut state = self.state.lock();
        let waiting = state.waiting(user);
        waiting.used += time;
        let used = waiting.used;
        state.most = state.most.max(used);
    }

    /// Takes nothing more; what waits is left for [`Self::wait`].
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        for waiting in state.users.values() {
            waiting.room.close();
        }
        drop(state);
        self.has_more.notify_one();
    }

    /// Drops what waits.
    pub(super) fn clear(&self) {
        let mut state = self.state.lock();
        state.turns.clear();
        state.users.clear();
    }
}

impl<T> Waiting<T> {
    /// What the next write is expected to take.
    fn expected(&self) -> Duration {
        let next = self.writes.front();
        next.map_or(Duration::ZERO, |(_, expected, _)| *expected)
    }
}

impl<T> State<T> {
    fn waiting(&mut self, user: &OnBehalfOf) -> &mut Waiting<T> {
        if self.users.len() >= self.forget_at && !self.users.contains_key(user) {
            self.forget_idle();
        }
        let (used, is_closed) = (self.now, self.is_closed);
        self.users.entry(user.clone()).or_insert_with(|| {
            let room = Arc::new(Semaphore::new(MAX_WAITING));
            if is_closed {
                room.close();
            }
            Waiting {
                writes: VecDeque::new(),
                used,
                room,
                is_served: false,
            }
        })
    }

    /// A user has writes that wait and is served again when others have used as much.
    fn enqueue(&mut self, user: OnBehalfOf) {
        let now = self.now;
        let waiting = self.waiting(&user);
        waiting.used = waiting.used.max(now);
        let used = waiting.used + waiting.expected();
        self.count += 1;
        self.turns.push(Reverse((used, self.count, user)));
    }

    /// The write that is taken next.
    fn next(&self) -> Option<&T> {
        let Reverse((_, _, user)) = self.turns.peek()?;
        let (write, ..) = self.users.get(user)?.writes.front()?;
        Some(write)
    }

    fn take(&mut self, within: Duration) -> Option<Turn<T>> {
        let Some(Reverse((_, _, next))) = self.turns.peek() else {
            self.now = self.most;
            return None;
        };
        if self.users.get(next)?.expected() > within {
            return None;
        }
        let Reverse((_, _, user)) = self.turns.pop()?;
        let waiting = self.waiting(&user);
        let (write, _, _room) = waiting.writes.pop_front()?;
        waiting.is_served = true;
        let used = waiting.used;
        self.now = self.now.max(used);
        Some(Turn { write, user })
    }

    /// Forgets users for whom nothing waits and who have used no more than who is served now.
    fn forget_idle(&mut self) {
        let now = self.now;
        self.users.retain(|_, waiting| {
            let is_awaited = Arc::strong_count(&waiting.room) > 1;
            is_awaited || waiting.is_served || !waiting.writes.is_empty() || waiting.used > now
        });
        self.forget_at = (2 * self.users.len()).max(MAX_USERS);
    }
}

#[cfg(test)]
mod tests;
