//! The handling of what a client sent, one event after the other, and at last of its end. A handler
//! that panics costs its connection, and nothing else.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

use futures_util::{FutureExt, poll};

use super::Life;
use super::handler::{Due, Handler, Outcome, Received};
use super::inbox::{Next, Waiting, Work};
use super::pipeline::Pipeline;
use crate::audit::Event as Audited;
use crate::connection::Close;
use crate::model::{DisconnectReason, ErrorCode};
use crate::payload::RawEvent;
use crate::transport::written_together;

impl<H: Handler> Life<H> {
    /// Handles all that waits, unless that is being done: as far as it goes at once here, and the rest in a task of its own.
    pub(super) fn work_now_if_idle(self: Arc<Self>) {
        if self.inbox.claim() {
            let drain = self.context.services.drain.clone();
            let mut work = Box::pin(async move { self.work(self.inbox.work()).await });
            // Whatever it waits for is told again whom to wake.
            if work.as_mut().now_or_never().is_none() {
                drain.spawn(written_together(work));
            }
        }
    }

    /// The same, all in a task of its own.
    pub(super) fn work_if_idle(self: Arc<Self>) {
        if self.inbox.claim() {
            let drain = self.context.services.drain.clone();
            drain.spawn(written_together(async move {
                self.work(self.inbox.work()).await;
            }));
        }
    }

    /// Lets events that are too early be handled again when they have waited for as long as they may.
    fn give_up_early_later(&self) {
        let life = self.this.clone();
        let longest = self.context.services.config.now().session_join_wait;
        tokio::spawn(async move {
            tokio::time::sleep(longest).await;
            if let Some(life) = life.upgrade() {
                life.inbox.give_up_early();
                life.work_if_idle();
            }
        });
    }

    /// Counts the bytes of an event of a guest; whether it may send as many.
    fn allows_bytes(&self, waiting: &Waiting) -> bool {
        waiting.is_again || self.connection.allows_guest_bytes(waiting.event.size())
    }

    /// Handles all that waits. A client that does not read its answers waits for room first.
    pub(super) async fn work(&self, mut work: Work<'_, H::Member>) {
        let handler = &self.context.handler;
        loop {
            work.taking.done();
            // Handlers seldom wait, and a client that floods must not occupy a thread.
            tokio::task::consume_budget().await;
            self.connection.flow().wait_for_room_to_answer().await;
            let Some(next) = work.take_next() else {
                return;
            };
            match next {
                Next::Event(waiting, _) if !self.allows_bytes(&waiting) => {
                    self.send_and_close(Due::GuestTimeout, DisconnectReason::GuestTimeout);
                }
                Next::Event(waiting, may_be_early) => {
                    match self.handle(&waiting, may_be_early, &mut work).await {
                        Outcome::TooEarly => self.put_aside(waiting.event, &mut work),
                        Outcome::Joined => work.taking.retry_early(),
                        Outcome::Done => {}
                    }
                    let config = &self.context.services.config;
                    self.connection.wait_if_refused(config).await;
                }
                Next::End => {
                    let member = work.member.take();
                    // In a box: it comes once, and would need room with each event.
                    let closed = Box::pin(handler.closed(&self.connection, member));
                    let _ = self.guard(closed).await;
                    return;
                }
            }
        }
    }

    /// Handles an event. What became of it: if its handler panicked, nothing more.
    async fn handle(
        &self,
        waiting: &Waiting,
        may_be_early: bool,
        work: &mut Work<'_, H::Member>,
    ) -> Outcome {
        let pipeline = Pipeline::default();
        let received = Received {
            life: self,
            member: work.member.as_ref(),
            event: &waiting.event,
            is_again: waiting.is_again,
            may_be_early,
            place: pipeline.place(0),
        };
        let handling = self.guard(self.context.handler.event(received));
        let mut handling = std::pin::pin!(handling);
        let outcome = match (poll!(handling.as_mut()), &work.member) {
            (Poll::Ready(outcome), _) => outcome,
            (Poll::Pending, Some(member)) if pipeline.lets_begin(1) => {
                let ahead = self.go_ahead(handling, &pipeline, member, &mut work.taking);
                Box::pin(ahead).await
            }
            (Poll::Pending, _) => handling.await,
        };
        outcome.unwrap_or(Outcome::Done)
    }

    /// Handles an event again when its client has done what will let it succeed.
    fn put_aside(&self, event: RawEvent, work: &mut Work<'_, H::Member>) {
        let early = Waiting {
            event,
            is_again: true,
        };
        if work.taking.put_aside(early) {
            self.give_up_early_later();
        }
    }

    /// Closes the connection when a handler panics. No async function, which would hold the handler's
    /// future twice.
    pub(super) fn guard<T>(
        &self,
        handling: impl Future<Output = T>,
    ) -> impl Future<Output = Option<T>> {
        let done = AssertUnwindSafe(handling).catch_unwind();
        done.map(|done| {
            self.close_if_panicked(done.is_err());
            done.ok()
        })
    }

    fn close_if_panicked(&self, panicked: bool) {
        if panicked {
            tracing::error!(connection = %self.connection.id, "a handler panicked; its connection is closed");
            let code = ErrorCode::OperationFailed;
            self.record(Some(self.connection.dialect()), Audited::Error { code });
            self.connection
                .close(Close::Now, DisconnectReason::ServerClosed);
        }
    }
}
