//! What waits for the thread that writes, and whose turn it is: whoever has used the least of its time. So
//! a user who asks for much waits behind their own writes, and not others behind them. It must not know
//! what a write does.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::UserId;

/// Maximum number of writes of one user that wait; what they ask beyond waits for room.
const MAX_WAITING: usize = 256;
/// What each write costs beside its own time: its part of the commit.
const BASE_COST: Duration = Duration::from_micros(20);
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

/// A write whose turn it is.
pub(super) struct Turn<T> {
    pub(super) write: T,
    user: OnBehalfOf,
}

struct State<T> {
    users: HashMap<OnBehalfOf, Waiting<T>>,
    /// Users with writes that wait, and how much of the time they have used.
    turns: BinaryHeap<Reverse<(Duration, u64, OnBehalfOf)>>,
    /// How much those have used whose turn it is, or, while nothing waits, the most that anybody has. Who
    /// comes back begins here.
    now: Duration,
    most: Duration,
    /// Orders those who have used the same.
    count: u64,
    /// With how many users some are to be forgotten.
    forget_at: usize,
    is_closed: bool,
}

struct Waiting<T> {
    writes: VecDeque<(T, OwnedSemaphorePermit)>,
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
                users: HashMap::new(),
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
    /// Adds a write when there is room for it. It is given back if the queue is closed.
    pub(super) async fn push(&self, user: OnBehalfOf, write: T) -> Result<(), T> {
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
        waiting.writes.push_back((write, permit));
        if is_first {
            state.enqueue(user);
        }
        drop(state);
        self.has_more.notify_one();
        Ok(())
    }

    /// The next write, when there is one. `None`: the queue is closed, and nothing is left.
    pub(super) fn wait(&self) -> Option<Turn<T>> {
        let mut state = self.state.lock();
        loop {
            if let Some(turn) = state.take() {
                return Some(turn);
            }
            if state.is_closed {
                return None;
            }
            self.has_more.wait(&mut state);
        }
    }

    /// The next write, if there is one now.
    pub(super) fn take(&self) -> Option<Turn<T>> {
        self.state.lock().take()
    }

    /// A write that was taken is done, and took this long. Returns it.
    pub(super) fn done(&self, turn: Turn<T>, time: Duration) -> T {
        let Turn { write, user } = turn;
        let mut state = self.state.lock();
        let waiting = state.waiting(&user);
        waiting.used += time + BASE_COST;
        waiting.is_served = false;
        let (used, has_more) = (waiting.used, !waiting.writes.is_empty());
        state.most = state.most.max(used);
        if has_more {
            state.enqueue(user);
        }
        write
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
        let used = waiting.used;
        self.count += 1;
        self.turns.push(Reverse((used, self.count, user)));
    }

    fn take(&mut self) -> Option<Turn<T>> {
        let Some(Reverse((used, _, user))) = self.turns.pop() else {
            self.now = self.most;
            return None;
        };
        self.now = used;
        let waiting = self.waiting(&user);
        let (write, _room) = waiting.writes.pop_front()?;
        waiting.is_served = true;
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
mod tests {
    use super::*;

    fn user(name: &str) -> OnBehalfOf {
        UserId::parse(name)
    }

    /// Takes what is there, each of which takes as many milliseconds as it says.
    fn taken(queue: &FairQueue<(char, u64)>) -> String {
        let mut order = String::new();
        while let Some(turn) = queue.take() {
            let (name, time) = turn.write;
            order.push(name);
            queue.done(turn, Duration::from_millis(time));
        }
        order
    }

    #[tokio::test]
    async fn who_asks_for_much_waits_behind_their_own() {
        let queue = FairQueue::default();
        for _ in 0..4 {
            queue.push(user("mallory"), ('m', 10)).await.unwrap();
        }
        for _ in 0..4 {
            queue.push(user("ann"), ('a', 1)).await.unwrap();
        }
        queue.push(None, ('x', 1)).await.unwrap();
        assert_eq!(taken(&queue), "maxaaammm");
        // Once nothing waits, all begin anew.
        queue.push(user("mallory"), ('m', 10)).await.unwrap();
        queue.push(user("ann"), ('a', 1)).await.unwrap();
        assert_eq!(taken(&queue), "ma");
    }

    #[tokio::test]
    async fn who_comes_late_has_saved_nothing() {
        let queue = FairQueue::default();
        for _ in 0..10 {
            queue.push(user("ann"), ('a', 10)).await.unwrap();
        }
        assert_eq!(taken(&queue), "aaaaaaaaaa");
        for _ in 0..3 {
            queue.push(user("bo"), ('b', 10)).await.unwrap();
            queue.push(user("cy"), ('c', 10)).await.unwrap();
        }
        queue.push(user("ann"), ('a', 10)).await.unwrap();
        assert_eq!(taken(&queue), "bcabcbc");
    }

    #[tokio::test]
    async fn what_waits_for_one_user_is_bounded() {
        let queue = FairQueue::default();
        for _ in 0..MAX_WAITING {
            queue.push(user("mallory"), ('m', 1)).await.unwrap();
        }
        let mut more = Box::pin(queue.push(user("mallory"), ('m', 1)));
        assert!(futures_util::poll!(&mut more).is_pending());
        queue.push(user("ann"), ('a', 1)).await.unwrap();
        let turn = queue.take().unwrap();
        queue.done(turn, Duration::ZERO);
        more.await.unwrap();
        let mut more = Box::pin(queue.push(user("mallory"), ('m', 1)));
        assert!(futures_util::poll!(&mut more).is_pending());
        queue.close();
        assert!(more.await.is_err());
        assert_eq!(taken(&queue).len(), MAX_WAITING + 1);
        assert!(queue.wait().is_none());
    }

    #[tokio::test]
    async fn users_who_ask_for_nothing_are_forgotten() {
        let queue = FairQueue::default();
        for number in 0..10 * MAX_USERS {
            queue
                .push(user(&format!("u{number}")), ('u', 0))
                .await
                .unwrap();
            taken(&queue);
        }
        assert!(queue.state.lock().users.len() <= MAX_USERS);
    }
}
