//! The life of a connection, from its admission until everything that it had sent is handled. It
//! alone moves a connection from one stage to the next, and drops a member's registration exactly
//! once, whatever ends the connection. It must not know what any event means.

mod ahead;
mod context;
pub(crate) mod deadlines;
mod handler;
mod inbox;
mod mount;
mod order;
mod pipeline;
mod receiving;
mod revoked;
mod stage;
#[cfg(test)]
mod tests;
mod work;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

pub(crate) use context::Services;
pub(crate) use handler::{
    Admission, Admitted, Due, Handler, Membership, Opening, Outcome, Received, Registration,
};
pub(crate) use mount::mount;
pub(crate) use pipeline::Place;

use super::open::{AnyLife, IsRevoked};
use super::unfinished::Subject;
use super::{Close, Connection};
use crate::audit::{Event as Audited, Record};
use crate::model::{Dialect, DisconnectReason, TokenFacts};
use crate::payload::Assembly;
use context::Context;
use inbox::Inbox;
use stage::{Begun, MemberState, Stage};

/// How often a connection that is drained is looked at: nothing says when the transport has taken its backlog,
/// and counting every event for the few that end with the server would cost all the others.
const FLUSH_POLL: Duration = Duration::from_millis(5);

/// The one owner of a connection.
pub(crate) struct Life<H: Handler> {
    this: Weak<Self>,
    connection: Arc<Connection>,
    /// What is incomplete of what the client sends. `None`: nothing more is taken in.
    assembly: Mutex<Option<Assembly>>,
    inbox: Inbox<H::Member>,
    stage: Mutex<Stage<H>>,
    /// When its admission was complete: later than [`Connection::age`] counts from, by the
    /// registration.
    admitted: Instant,
    context: Arc<Context<H>>,
    /// Tells other nodes that some of what it handed over is not handled yet.
    mark: Mutex<Option<H::Mark>>,
    /// What other nodes had not handled yet when it began.
    unfinished_elsewhere: Mutex<Vec<Subject>>,
}

impl<H: Handler> Life<H> {
    fn new(admitted: Admitted<H>, context: &Arc<Context<H>>) -> Arc<Self> {
        let Admitted {
            connection,
            admission,
        } = admitted;
        let config = &context.services.config.now();
        let assembly = Assembly::new(config.max_attachments, config.max_event_bytes);
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            assembly: Mutex::new(Some(assembly)),
            inbox: Inbox::new(connection.flow().clone(), config.session_join_wait),
            connection,
            stage: Mutex::new(Stage::Admitted(admission)),
            admitted: Instant::now(),
            context: context.clone(),
            mark: Mutex::default(),
            unfinished_elsewhere: Mutex::default(),
        })
    }

    /// What others may hold of it.
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// The connection of a guest belongs to a user from now on. `false`: it has ended, and the
    /// registration is undone.
    pub(crate) fn enter(&self, membership: Membership<H>) -> bool {
        let mut stage = self.stage.lock();
        let is_open = matches!(*stage, Stage::Guest);
        if is_open {
            *stage = self.begin_membership(membership.registration, membership.token);
            self.inbox.belongs_to(membership.member);
        }
        drop(stage);
        self.end_if_revoked();
        is_open
    }

    /// Lifts the bounds of guests and records the connect; the stage of a member.
    fn begin_membership(&self, registration: H::Registration, token: TokenFacts) -> Stage<H> {
        self.connection.lift_guest_bounds();
        self.record(Some(self.connection.dialect()), Audited::SocketConnect);
        Stage::Member(MemberState {
            registration,
            token,
            is_announced: false,
        })
    }

    /// From now on a fresh token counts.
    pub(crate) fn renew_token(&self, token: TokenFacts) {
        if let Stage::Member(held) = &mut *self.stage.lock() {
            held.is_announced &= held.token.expires_at == token.expires_at;
            held.token = token;
        }
        self.end_if_revoked();
    }

    // Its beginning.

    async fn open(&self) {
        let Some(admission) = self.leave_admission() else {
            return;
        };
        tracing::debug!(connection = %self.connection.id, "connected");
        self.connection.welcome();
        let member = match admission {
            Begun::Member(member) => Some(member),
            Begun::Guest => {
                self.connection.open();
                None
            }
            Begun::Rejected(why) => {
                self.connection.open();
                return self.send_and_close(Due::Rejected(why), DisconnectReason::AuthRefused);
            }
        };
        let opened = self
            .context
            .handler
            .opened(&self.connection, member.as_ref());
        self.guard(opened).await;
        self.connection.open();
        if let Some(member) = &member {
            self.follow(member).await;
        }
        self.work(self.inbox.open(member)).await;
    }

    /// `None`: it has ended already.
    fn leave_admission(&self) -> Option<Begun<H>> {
        let mut stage = self.stage.lock();
        let admission = match std::mem::replace(&mut *stage, Stage::Closed) {
            Stage::Admitted(admission) => admission,
            other => {
                *stage = other;
                return None;
            }
        };
        let (next, begun) = match admission {
            Admission::Member(Membership {
                member,
                registration,
                token,
            }) => (
                self.begin_membership(registration, token),
                Begun::Member(member),
            ),
            Admission::Guest => {
                self.record(self.connection.client.declared, Audited::SocketConnect);
                (Stage::Guest, Begun::Guest)
            }
            Admission::Rejected(why) => (Stage::Rejected, Begun::Rejected(why)),
        };
        *stage = next;
        Some(begun)
    }

    // Its end.

    /// Sends the client what is due, then closes the connection.
    fn send_and_close(&self, due: Due, why: DisconnectReason) {
        self.context.handler.due(&self.connection, due);
        self.connection.close(Close::AfterFlush, why);
    }

    /// The connection has ended. What it had sent before is still handled, and then its end.
    fn end(self: Arc<Self>, reason: DisconnectReason) {
        let before = std::mem::replace(&mut *self.stage.lock(), Stage::Closed);
        let (was_open, member, registration) = match before {
            Stage::Closed => return,
            Stage::Guest | Stage::Rejected => (true, None, None),
            Stage::Member(held) => (true, None, Some(held.registration)),
            Stage::Admitted(Admission::Member(membership)) => (
                false,
                Some(membership.member),
                Some(membership.registration),
            ),
            Stage::Admitted(_) => (false, None, None),
        };
        if was_open {
            // As long as it can be found, a later connection asks it.
            self.leave_unfinished_for_all();
        }
        self.context
            .services
            .open
            .remove(self.connection.socket_id());
        self.record_end(reason, was_open);
        self.end_receiving();
        self.connection.ended();
        if was_open {
            self.inbox.end();
        }
        drop(registration);
        if was_open {
            match reason {
                // Whoever closes it may hold what the work needs.
                DisconnectReason::ServerClosed | DisconnectReason::ServerShutdown => {
                    self.work_if_idle();
                }
                _ => self.work_now_if_idle(),
            }
        } else {
            self.context.services.drain.clone().spawn(async move {
                let closed = self.context.handler.closed(&self.connection, member);
                self.guard(closed).await;
            });
        }
    }

    fn record_end(&self, reason: DisconnectReason, was_open: bool) {
        let connection = &self.connection;
        let reason = connection.close_reason().unwrap_or(reason);
        connection.note_end(reason);
        self.context.services.open.note_end(connection.id, reason);
        if reason == DisconnectReason::SlowConsumer {
            let bytes = connection.flow().backlog() as u64;
            self.record(Some(connection.dialect()), Audited::SlowConsumer { bytes });
        }
        self.record_over_limit();
        tracing::debug!(connection = %connection.id, reason = reason.as_str(), "disconnected");
        if was_open {
            let ended = Audited::SocketDisconnect { reason };
            self.record(Some(connection.dialect()), ended);
        }
    }

    /// Whether the client has received everything.
    fn is_flushed(&self) -> bool {
        self.connection.flow().backlog() == 0
    }

    /// Waits for something, or for the end of the connection.
    async fn until(&self, is_so: impl Fn() -> bool) {
        while !self.connection.is_closed() && !is_so() {
            tokio::time::sleep(FLUSH_POLL).await;
        }
    }

    // Its records.

    fn record(&self, dialect: Option<Dialect>, event: Audited) {
        let record = Record::new(&self.connection.source(), dialect, event);
        self.context.services.audit.record(record);
    }

    /// Records how often it was over a limit since the last time, if it was.
    fn record_over_limit(&self) {
        let count = self.connection.take_over_limit();
        if count > 0 {
            let dialect = Some(self.connection.dialect());
            self.record(dialect, Audited::RateLimited { count });
        }
    }
}

impl<H: Handler> AnyLife for Life<H> {
    fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    fn token(&self) -> Option<TokenFacts> {
        self.held_token()
    }

    fn end_if(&self, is_revoked: IsRevoked<'_>) -> bool {
        self.end_if_such(is_revoked)
    }

    fn begin(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.open().await })
    }

    fn leave_received(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { self.leave_what_is_received().await })
    }

    fn check(self: Arc<Self>, now: u64) -> u64 {
        self.clone().check_deadlines(now);
        self.looks_until_due(now)
    }

    fn drain(self: Arc<Self>) -> BoxFuture<'static, ()> {
        self.connection.drain();
        let stopped = match &mut *self.stage.lock() {
            Stage::Member(held) => Some(held.registration.stop()),
            Stage::Admitted(Admission::Member(member)) => Some(member.registration.stop()),
            Stage::Admitted(_) | Stage::Guest | Stage::Rejected | Stage::Closed => None,
        };
        Box::pin(async move {
            if let Some(stopped) = stopped {
                stopped.await;
            }
            self.until(|| self.is_flushed()).await;
            // What the client gets no answer to must not be done behind what it does on another node.
            self.inbox.close();
            self.until(|| self.inbox.is_idle() && self.is_flushed())
                .await;
        })
    }
}

impl<H: Handler> std::fmt::Debug for Life<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life")
            .field("connection", &self.connection.id)
            .finish_non_exhaustive()
    }
}
