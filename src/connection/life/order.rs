//! The order of what a user hands over on several connections, one after the other: what was received of a connection
//! before it ended takes effect before what the next one hands over about the same.
//!
//! A connection that is not known to have ended counts as one that has, as far as what was received of it before the next
//! one began.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use super::Life;
use super::handler::Handler;
use crate::connection::Connection;
use crate::connection::unfinished::Subject;
use crate::payload::RawEvent;

/// How long is waited for what is still being read of other connections: perhaps they only send much.
const READ_FOR: Duration = Duration::from_secs(1);

impl<H: Handler> Life<H> {
    /// What other connections of its user have handed over until now comes before what this one hands over.
    pub(crate) async fn follow(&self, member: &H::Member) {
        let handler = &self.context.handler;
        self.come_after(handler.connections_of(member)).await;
        *self.unfinished_elsewhere.lock() = handler.unfinished_elsewhere(member).await;
    }

    /// What these connections have handed over until now comes before what this one hands over.
    pub(crate) async fn come_after(&self, others: Vec<Arc<Connection>>) {
        let others = others.iter();
        let others = others.filter(|other| !Arc::ptr_eq(other, &self.connection));
        let lives = others.filter_map(|one| self.context.services.open.life(one.socket_id()));
        join_all(lives.map(|life| life.leave_received())).await;
    }

    /// Later connections wait for what was received of this one, when all that is on the way is received.
    pub(super) async fn leave_what_is_received(&self) {
        // Nothing says that no more will come: a client that is gone has perhaps sent more than has arrived.
        let _ = timeout(READ_FOR, self.all_is_received()).await;
        self.leave_unfinished();
    }

    async fn all_is_received(&self) {
        let flow = self.connection.flow();
        while !self.connection.is_closed() {
            match flow.pause_left() {
                Duration::ZERO => return flow.all_is_read().await,
                left => sleep(left).await,
            }
        }
    }

    /// Later connections wait for what this one has handed over and is not handled yet: what that is about.
    fn leave_unfinished(&self) -> Vec<Subject> {
        let about = |event: &RawEvent| self.context.handler.subject(&self.connection, event);
        let unfinished = self.inbox.unfinished(self.admitted, about).into_iter();
        let add = |(subject, earlier)| {
            self.context.services.open.unfinished.add(subject, earlier);
            subject
        };
        unfinished.map(add).collect()
    }

    /// The same of those on all nodes.
    pub(super) fn leave_unfinished_for_all(&self) {
        let subjects = self.leave_unfinished();
        if !subjects.is_empty() {
            let handler = &self.context.handler;
            *self.mark.lock() = handler.left_unfinished(&self.connection, &subjects);
        }
    }

    /// The event that is being handled is about this. Waits for what earlier connections handed over about it.
    pub(crate) async fn in_order(&self, subject: Subject) {
        let unfinished = &self.context.services.open.unfinished;
        if let Some(earlier) = self.inbox.is_about(subject, self.admitted) {
            unfinished.add(subject, earlier);
        }
        if unfinished.before(subject, self.admitted).is_some() {
            Box::pin(unfinished.wait(subject, self.admitted)).await;
        }
        if self.unfinished_elsewhere.lock().contains(&subject) {
            Box::pin(self.finished_elsewhere(subject)).await;
            self.unfinished_elsewhere
                .lock()
                .retain(|other| *other != subject);
        }
    }

    /// Waits for what ended connections handed over about this to other nodes.
    pub(crate) async fn finished_elsewhere(&self, subject: Subject) {
        let handler = &self.context.handler;
        handler.finished_elsewhere(&self.connection, subject).await;
    }
}
