//! How far the events of one connection are, of which several are under way at once, and the place of each among them. It
//! must not know what an event is, nor who handles it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::future::poll_fn;

/// How far the events are that are under way.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    handed_over: AtomicUsize,
    done: AtomicUsize,
}

/// An event's place among those that are under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'p> {
    pipeline: &'p Pipeline,
    before: usize,
}

impl Place<'_> {
    /// All that it sends to others is handed over.
    pub(crate) fn handed_over(self) {
        let behind = self.before + 1;
        self.pipeline.handed_over.store(behind, Ordering::Relaxed);
    }

    /// Done when those before it are: whatever it does then comes behind what they do.
    pub(crate) async fn turn(self) {
        // Who looks at one looks at it again whenever one before it is done.
        poll_fn(|_| match self.pipeline.done() == self.before {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

impl Pipeline {
    /// The place behind so many others.
    pub(super) fn place(&self, before: usize) -> Place<'_> {
        Place {
            pipeline: self,
            before,
        }
    }

    /// Whether the next event may be begun, when so many are.
    pub(super) fn lets_begin(&self, begun: usize) -> bool {
        self.handed_over.load(Ordering::Relaxed) == begun
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::Relaxed)
    }

    pub(super) fn note_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}
