//! Events of one connection of which several are under way at once: when all that is left of one is to wait for what
//! becomes of it, and to answer, the next is begun. So what they send to other nodes goes together, and so do their answers.
//!
//! They are begun, handed over and answered in the order in which they came. It must not know what an event is.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, poll_fn};

use super::Life;
use super::handler::{Handler, Outcome, Received};
use super::inbox::Taking;
use super::pipeline::Pipeline;

/// How many events are under way at once, at most.
const MAX_EVENTS: usize = 32;
/// From how many bytes under way on no further event is begun.
const MAX_BYTES: usize = 64 * 1024;

/// The events that are under way.
struct Ahead<'a, H: Handler> {
    life: &'a Life<H>,
    pipeline: &'a Pipeline,
    member: &'a H::Member,
    under_way: VecDeque<BoxFuture<'a, ()>>,
    begun: usize,
}

impl<'a, H: Handler> Ahead<'a, H> {
    fn may_begin(&self, taking: &Taking<'_, H::Member>) -> bool {
        self.under_way.len() < MAX_EVENTS
            && taking.bytes() < MAX_BYTES
            && self.pipeline.lets_begin(self.begun)
            && self.life.connection.flow().has_room_to_answer()
    }

    /// Begins the next event, if it may be begun; whether that was one.
    fn begin(&mut self, taking: &mut Taking<'_, H::Member>) -> bool {
        let (life, member) = (self.life, self.member);
        let handler = &life.context.handler;
        let may_be_begun = |event: &_| handler.goes_ahead(&life.connection, event);
        let Some(event) = taking.take_ahead(may_be_begun) else {
            return false;
        };
        let place = self.pipeline.place(self.begun);
        self.begun += 1;
        self.under_way.push_back(Box::pin(async move {
            let received = Received {
                life,
                member: Some(member),
                event: &event,
                is_again: false,
                may_be_early: false,
                place,
            };
            life.guard(handler.event(received)).await;
            let config = &life.context.services.config;
            life.connection.wait_if_refused(config).await;
        }));
        true
    }

    /// Goes on with those under way, in their order, and begins others. Done when none is.
    fn poll(&mut self, cx: &mut Context<'_>, taking: &mut Taking<'_, H::Member>) -> Poll<()> {
        let (mut next, mut left) = (0, MAX_EVENTS);
        loop {
            if next == self.under_way.len() {
                let begins = left > 0 && self.may_begin(taking) && self.begin(taking);
                if !begins {
                    break;
                }
                left -= 1;
            }
            match self.under_way[next].poll_unpin(cx) {
                Poll::Ready(()) if next == 0 => {
                    self.under_way.pop_front();
                    self.pipeline.note_done();
                    taking.done();
                }
                // It has failed before its turn, which comes all the same.
                Poll::Ready(()) => {
                    self.under_way[next] = Box::pin(std::future::ready(()));
                    next += 1;
                }
                Poll::Pending => next += 1,
            }
        }
        match self.under_way.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl<H: Handler> Life<H> {
    /// Goes on with an event that is handed over, and with those behind it meanwhile, until none is under way. What became
    /// of the first.
    pub(super) async fn go_ahead(
        &self,
        first: Pin<&mut (impl Future<Output = Option<Outcome>> + Send)>,
        pipeline: &Pipeline,
        member: &H::Member,
        taking: &mut Taking<'_, H::Member>,
    ) -> Option<Outcome> {
        let mut outcome = None;
        let first = async { outcome = first.await };
        let mut ahead = Ahead {
            life: self,
            pipeline,
            member,
            under_way: VecDeque::from([first.boxed()]),
            begun: 1,
        };
        poll_fn(|cx| ahead.poll(cx, taking)).await;
        drop(ahead);
        outcome
    }
}
