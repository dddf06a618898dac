//! The events of one connection that wait to be handled, in the order in which they came. The
//! library runs a handler for each event in a task of its own; whichever of these tasks finds
//! nobody at work here takes all that waits, in order. An idle connection has no task.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use socketioxide::extract::AckSender;

use crate::payload::RawEvent;
use crate::transport::Flow;

/// An ordered queue of received events.
#[derive(Debug)]
pub struct Inbox {
    flow: Arc<Flow>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(RawEvent, AckSender)>,
    /// Nothing more comes, and that is to be handled as well.
    ended: bool,
    /// Someone handles events now, or nobody may yet.
    taken: bool,
}

/// What is to be handled next.
pub enum Next {
    /// An event.
    Event(RawEvent, AckSender),
    /// The end of the connection: the last thing, and only once.
    End,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("waiting", &self.waiting.len())
            .field("ended", &self.ended)
            .field("taken", &self.taken)
            .finish()
    }
}

impl Inbox {
    /// An empty inbox; its events wait until [`Self::open`].
    pub(super) fn new(flow: Arc<Flow>) -> Self {
        Self {
            flow,
            state: Mutex::new(State {
                taken: true,
                ..State::default()
            }),
        }
    }

    /// Adds an event. To be called in the order in which events come.
    pub fn push(&self, event: RawEvent, ack: AckSender) {
        self.flow.received(event.size());
        self.state.lock().waiting.push_back((event, ack));
    }

    /// Adds the end. To be called once, after the last event.
    pub fn end(&self) {
        self.state.lock().ended = true;
    }

    /// Takes the work of handling what waits; `None` when someone else has it.
    pub fn take(&self) -> Option<Work<'_>> {
        let mut state = self.state.lock();
        let idle = !state.taken && (state.ended || !state.waiting.is_empty());
        idle.then(|| {
            state.taken = true;
            Work {
                inbox: self,
                size: 0,
            }
        })
    }

    /// Lets events be handled from now on, beginning with those that wait.
    pub fn open(&self) -> Work<'_> {
        Work {
            inbox: self,
            size: 0,
        }
    }
}

/// The sole right to take events out of an inbox.
#[derive(Debug)]
pub struct Work<'a> {
    inbox: &'a Inbox,
    size: usize,
}

impl Work<'_> {
    /// The next thing to handle. The one before it counts as handled from here on. `None`: all
    /// are, and the right is given back.
    pub fn take_next(&mut self) -> Option<Next> {
        self.done();
        let mut state = self.inbox.state.lock();
        if let Some((event, ack)) = state.waiting.pop_front() {
            self.size = event.size();
            return Some(Next::Event(event, ack));
        }
        if std::mem::take(&mut state.ended) {
            return Some(Next::End);
        }
        state.taken = false;
        if state.waiting.capacity() > 64 {
            state.waiting.shrink_to_fit();
        }
        None
    }

    fn done(&mut self) {
        if self.size > 0 {
            self.inbox.flow.done(self.size);
            self.size = 0;
        }
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.done();
    }
}
