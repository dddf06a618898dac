//! The events of one connection that wait to be handled, in the order in which they came, and those that were
//! too early and wait to be handled again. One task takes all that waits, and an idle connection has no task.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use smallvec::SmallVec;
use tokio::sync::watch;

use crate::connection::unfinished::{Earlier, Subject};
use crate::payload::RawEvent;
use crate::transport::Flow;

/// An ordered queue of received events.
#[derive(Debug)]
pub(super) struct Inbox<M> {
    flow: Arc<Flow>,
    /// How long events may be too early.
    max_early: Duration,
    state: Mutex<State<M>>,
}

struct State<M> {
    waiting: VecDeque<Waiting>,
    /// They were too early, in the order in which they came.
    early: VecDeque<Waiting>,
    /// Since when there are such, without anything that lets them succeed.
    early_since: Option<Instant>,
    /// Nothing more is taken.
    closed: bool,
    /// The connection has ended, which is to be handled as well.
    ended: bool,
    /// A task handles events now, or none may yet.
    taken: bool,
    /// Whom the events come from, as far as whoever handles them does not have it.
    member: Option<M>,
    /// How many events are handled, those that are too early included.
    handled: i64,
    /// The events that are being handled, in their order, and what each is about once that is known.
    current: SmallVec<[Option<Subject>; 1]>,
    /// Up to which of them later connections wait.
    left: i64,
    /// Tells those who wait how many are handled.
    watched: Option<watch::Sender<i64>>,
}

/// An event that waits.
pub(super) struct Waiting {
    pub(super) event: RawEvent,
    /// It was too early before.
    pub(super) is_again: bool,
}

/// What is to be handled next.
pub(super) enum Next {
    /// An event, and whether it may be too early.
    Event(Waiting, bool),
    /// The end of the connection: the last thing, and only once.
    End,
}

impl<M> std::fmt::Debug for State<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("waiting", &self.waiting.len())
            .field("early", &self.early.len())
            .field("ended", &self.ended)
            .field("taken", &self.taken)
            .finish()
    }
}

impl<M> State<M> {
    fn may_be_early(&self, longest: Duration) -> bool {
        let since = self
            .early_since
            .map_or(Duration::ZERO, |since| since.elapsed());
        since < longest
    }

    /// What was too early is handled next, in its order.
    fn retry(&mut self) {
        self.handled -= self.early.len() as i64;
        while let Some(early) = self.early.pop_back() {
            self.waiting.push_front(early);
        }
    }
}

impl<M> Inbox<M> {
    /// An empty inbox; its events wait until [`Self::open`].
    pub(super) fn new(flow: Arc<Flow>, max_early: Duration) -> Self {
        Self {
            flow,
            max_early,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                early: VecDeque::new(),
                early_since: None,
                closed: false,
                ended: false,
                taken: true,
                member: None,
                handled: 0,
                current: SmallVec::new(),
                left: 0,
                watched: None,
            }),
        }
    }

    /// Adds an event, unless the inbox is closed. To be called in the order in which events come. `false`:
    /// more came at once than may ever wait, which only polling can bring.
    pub(super) fn push(&self, event: RawEvent) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return true;
        }
        if self.flow.is_flooded() {
            state.closed = true;
            return false;
        }
        self.flow.received(event.size());
        state.waiting.push_back(Waiting {
            event,
            is_again: false,
        });
        true
    }

    /// Takes no event that comes later.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
    }

    /// Whether all events are handled.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.state.lock();
        !state.taken && state.waiting.is_empty()
    }

    /// Lets what was too early be handled again, for the last time, when that is this long ago.
    pub(super) fn give_up_early(&self) {
        let mut state = self.state.lock();
        if !state.may_be_early(self.max_early) {
            state.retry();
        }
    }

    /// The event that was taken last is about this. Returns it as one to wait for, if it was [left](Self::unfinished)
    /// before that was known.
    pub(super) fn is_about(&self, subject: Subject, began: Instant) -> Option<Earlier> {
        let mut state = self.state.lock();
        if let Some(last) = state.current.last_mut() {
            *last = Some(subject);
        }
        let number = state.handled + state.current.len() as i64;
        if number > state.left {
            return None;
        }
        Some(Earlier {
            began,
            number,
            handled: state.watched.as_ref()?.subscribe(),
        })
    }

    /// What is not handled yet, the last event about each subject: later connections wait for it.
    pub(super) fn unfinished(
        &self,
        began: Instant,
        about: impl Fn(&RawEvent) -> Option<Subject>,
    ) -> HashMap<Subject, Earlier> {
        let mut state = self.state.lock();
        if state.current.is_empty() && state.waiting.is_empty() {
            return HashMap::new();
        }
        let State {
            current,
            waiting,
            handled,
            left,
            watched,
            ..
        } = &mut *state;
        *left = *handled + (waiting.len() + current.len()) as i64;
        let watched = watched.get_or_insert_with(|| watch::Sender::new(*handled));
        let waiting = waiting.iter().map(|waiting| about(&waiting.event));
        let numbered = (*handled + 1..).zip(current.iter().copied().chain(waiting));
        let all = numbered.filter_map(|(number, subject)| {
            let handled = watched.subscribe();
            let earlier = Earlier {
                began,
                number,
                handled,
            };
            Some((subject?, earlier))
        });
        all.collect()
    }

    /// Adds the end. To be called once, after the last event.
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
    }

    /// Whether something waits that no task handles. The caller is to [handle](Self::work) it.
    pub(super) fn claim(&self) -> bool {
        let mut state = self.state.lock();
        let is_idle = !state.taken && (state.ended || !state.waiting.is_empty());
        state.taken |= is_idle;
        is_idle
    }

    /// The work that was [claimed](Self::claim).
    pub(super) fn work(&self) -> Work<'_, M> {
        self.open(None)
    }

    /// Those that come after the one that is being handled are events of this member.
    pub(super) fn belongs_to(&self, member: M) {
        self.state.lock().member = Some(member);
    }

    /// Lets events be handled from now on, as events of this member, beginning with those that
    /// wait.
    pub(super) fn open(&self, member: Option<M>) -> Work<'_, M> {
        Work {
            member,
            taking: Taking {
                inbox: self,
                sizes: SmallVec::new(),
            },
        }
    }
}

/// The sole right to take events out of an inbox, and whom they come from.
#[derive(Debug)]
pub(super) struct Work<'a, M> {
    pub(super) member: Option<M>,
    pub(super) taking: Taking<'a, M>,
}

impl<M> Work<'_, M> {
    /// The next thing to handle, those before it being [done](Taking::done). `None`: all are, and the right is given
    /// back.
    pub(super) fn take_next(&mut self) -> Option<Next> {
        let mut state = self.taking.inbox.state.lock();
        if self.member.is_none() {
            self.member = state.member.take();
        }
        if let Some(next) = state.waiting.pop_front() {
            self.taking.sizes.push(next.event.size());
            state.current.push(None);
            let may_be_early = state.may_be_early(self.taking.inbox.max_early);
            return Some(Next::Event(next, may_be_early));
        }
        if std::mem::take(&mut state.ended) {
            return Some(Next::End);
        }
        state.taken = false;
        state.member = self.member.take();
        if state.waiting.capacity() > 64 {
            state.waiting.shrink_to_fit();
        }
        None
    }
}

/// The sole right to take events out of an inbox.
#[derive(Debug)]
pub(super) struct Taking<'a, M> {
    inbox: &'a Inbox<M>,
    /// Of the events that were taken and are not done, in their order; 0 of what is to be counted again.
    sizes: SmallVec<[usize; 1]>,
}

impl<M> Taking<'_, M> {
    /// The next event, if it may be begun before those that were taken are done.
    pub(super) fn take_ahead(
        &mut self,
        may_be_begun: impl Fn(&RawEvent) -> bool,
    ) -> Option<RawEvent> {
        let mut state = self.inbox.state.lock();
        let next = state
            .waiting
            .pop_front_if(|next| !next.is_again && may_be_begun(&next.event))?;
        self.sizes.push(next.event.size());
        state.current.push(None);
        Some(next.event)
    }

    /// Bytes of the events that were taken and are not done.
    pub(super) fn bytes(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// The event that was taken last is too early. It still counts as not handled. `true`: it is the first.
    pub(super) fn put_aside(&mut self, early: Waiting) -> bool {
        if let Some(size) = self.sizes.last_mut() {
            *size = 0;
        }
        let mut state = self.inbox.state.lock();
        state.early.push_back(early);
        let is_first = state.early_since.is_none();
        state.early_since.get_or_insert_with(Instant::now);
        is_first
    }

    /// What was too early may succeed now, and is handled next.
    pub(super) fn retry_early(&self) {
        let mut state = self.inbox.state.lock();
        state.early_since = None;
        state.retry();
    }

    /// The first of the events that were taken and are not done is handled.
    pub(super) fn done(&mut self) {
        if self.sizes.is_empty() {
            return;
        }
        let size = self.sizes.remove(0);
        if size > 0 {
            self.inbox.flow.done(size);
        }
        let mut state = self.inbox.state.lock();
        state.current.remove(0);
        state.handled += 1;
        if let Some(watched) = &state.watched {
            watched.send_replace(state.handled);
        }
    }
}

impl<M> Drop for Taking<'_, M> {
    fn drop(&mut self) {
        while !self.sizes.is_empty() {
            self.done();
        }
    }
}
