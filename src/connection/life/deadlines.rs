//! The deadlines of connections: tokens that expire, guests that stay too long, polling clients that
//! take nothing, clients that left while they were admitted. One task checks all of them. The
//! deadlines of TCP connections are in `transport`, which knows no Engine.IO sessions.

use std::sync::Arc;
use std::time::Duration;

use super::Life;
use super::handler::{Due, Handler};
use super::stage::{MemberState, Stage};
use crate::config::ExpiredTokens;
use crate::connection::{Close, OpenConnections};
use crate::model::{DisconnectReason, clock};

/// How often deadlines are checked, and so how precise they are.
const INTERVAL: Duration = Duration::from_millis(500);
/// After how many checks stale entries are removed.
const SWEEP_EVERY: u64 = 60;
/// After how many checks one is looked at again of which nothing is due soon: it could be by something that comes
/// meanwhile, such as another token.
const QUIET_EVERY: u64 = 4;
/// What is due within so many seconds is looked at each time.
const SOON: u64 = 3;

/// A client that did not receive CONNECT within this time after its admission has left before: the
/// library sends CONNECT at once, and does not report that it could not. Until then events for the
/// user count as received by a client that is not there, so it must not last.
const OPENING_TIMEOUT: Duration = Duration::from_secs(2);

/// Enforces the deadlines of all connections, for ever.
pub(crate) async fn watch(open: Arc<OpenConnections>) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for look in 0.. {
        interval.tick().await;
        open.check(look, clock::now_seconds());
        if look % SWEEP_EVERY == 0 {
            open.sweep();
        }
    }
}

impl<R> MemberState<R> {
    /// What is due of its token at this time, in seconds since the epoch, once for each token.
    fn due(&mut self, now: u64, notice: Duration, expired: ExpiredTokens) -> Option<Due> {
        let left = self.token.expires_at.saturating_sub(now);
        if left == 0 && expired == ExpiredTokens::Disconnect {
            return Some(Due::Expired);
        }
        if left > notice.as_secs() || self.is_announced {
            return None;
        }
        self.is_announced = true;
        Some(Due::Expiring(self.token.expires_at))
    }

    /// Whether something is due of its token before many more looks.
    fn is_due_soon(&self, now: u64, notice: Duration, expired: ExpiredTokens) -> bool {
        let left = self.token.expires_at.saturating_sub(now);
        let left = match self.is_announced {
            true if expired == ExpiredTokens::Disconnect => left,
            true => return false,
            false => left.saturating_sub(notice.as_secs()),
        };
        left <= SOON
    }
}

impl<H: Handler> Life<H> {
    /// Does what is due at this time, in seconds since the epoch.
    pub(super) fn check_deadlines(self: Arc<Self>, now: u64) {
        if self.is_lost() {
            return self.end(DisconnectReason::TransportClosed);
        }
        self.record_over_limit();
        let connection = &self.connection;
        let due = self.due(now);
        let deadline = self.context.services.config.now().write_deadline;
        let is_stalled = connection.flow().stalled_for() > deadline;
        // Of nearly all nothing more is looked at: what carries them is elsewhere in memory.
        if (due.is_none() && !is_stalled) || connection.close_reason().is_some() {
            return;
        }
        match due {
            Some(Due::Expired) => self.send_and_close(Due::Expired, DisconnectReason::TokenExpired),
            Some(due @ Due::GuestTimeout) => {
                self.send_and_close(due, DisconnectReason::GuestTimeout)
            }
            Some(due) => self.context.handler.due(connection, due),
            None => {}
        }
        let carrier = connection.flow().carrier();
        if is_stalled && carrier.is_some_and(|carrier| carrier.is_polling()) {
            connection.close(Close::Now, DisconnectReason::SlowConsumer);
        }
    }

    /// After how many looks something may be due that is not at this time, in seconds since the epoch.
    pub(super) fn looks_until_due(&self, now: u64) -> u64 {
        let is_soon = match &*self.stage.lock() {
            Stage::Member(held) => {
                let config = &self.context.services.config.now();
                held.is_due_soon(now, config.auth_expiring_notice, config.expired_tokens)
            }
            Stage::Guest => self.connection.has_guest_bounds(),
            Stage::Admitted(_) => true,
            Stage::Rejected | Stage::Closed => false,
        };
        let is_polling = || {
            let carrier = self.connection.flow().carrier();
            carrier.is_none_or(|carrier| carrier.is_polling())
        };
        if is_soon || is_polling() {
            1
        } else {
            QUIET_EVERY
        }
    }

    /// What is due at this time, in seconds since the epoch.
    fn due(&self, now: u64) -> Option<Due> {
        let config = &self.context.services.config.now();
        match &mut *self.stage.lock() {
            Stage::Member(held) => {
                held.due(now, config.auth_expiring_notice, config.expired_tokens)
            }
            Stage::Guest => {
                let is_late = self.connection.has_guest_bounds()
                    && self.connection.age() >= config.guest_timeout;
                is_late.then_some(Due::GuestTimeout)
            }
            Stage::Admitted(_) | Stage::Rejected | Stage::Closed => None,
        }
    }

    /// Whether its client left before it received CONNECT.
    fn is_lost(&self) -> bool {
        let is_admitted = matches!(*self.stage.lock(), Stage::Admitted(_));
        is_admitted && !self.connection.is_connected() && self.admitted.elapsed() > OPENING_TIMEOUT
    }
}
