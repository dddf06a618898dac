//! Room for one more connection of a user who has as many as they may: one whose client is gone, which nothing has
//! said yet, yields its place. Which clients are gone is found out by asking all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Member, Members, Users};
use crate::connection::{Close, Connection};
use crate::model::{DisconnectReason, Identity, Refusal, UserId, Why};
use crate::transport::Moment;

/// How long a client may take to answer. Others of the user come meanwhile, and wait likewise.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// How long the end of a connection may take.
const END_TIME: Duration = Duration::from_secs(1);
/// How often it is looked: nothing tells of an answer, nor of the end of a connection.
const POLL: Duration = Duration::from_millis(20);
/// How often a place that became free may be taken by another.
const MAX_TRIES: usize = 3;

impl Users {
    /// Adds a connection to the user with this identity. If they have as many as they may, the oldest yields that
    /// does not answer.
    ///
    /// # Errors
    /// All of them answer, or the user is suspended.
    pub(super) async fn admit(
        &self,
        identity: Identity,
        connection: &Arc<Connection>,
    ) -> Result<Arc<Member>, Refusal> {
        for _ in 0..MAX_TRIES {
            match self.connect(identity.clone(), connection) {
                Err(refusal) if refusal.why() == Why::TooManyConnections => {}
                other => return other,
            }
            if !Box::pin(self.make_room(&identity.user)).await {
                break;
            }
        }
        self.connect(identity, connection)
    }

    /// Ends the oldest connection of a user that does not answer; whether there was one.
    async fn make_room(&self, user: &UserId) -> bool {
        let members = self.members(user.as_str());
        let Some(gone) = self.find_gone(&members).await else {
            return false;
        };
        tracing::debug!(connection = %gone.id, "a connection that does not answer yields its place");
        gone.close(Close::Now, DisconnectReason::PingTimeout);
        let is_gone = || {
            let members = self.members(user.as_str());
            !members.iter().any(|member| member.connection.id == gone.id)
        };
        until(END_TIME, is_gone).await;
        true
    }

    /// The oldest of these connections whose client is gone: all are asked, and it does not answer.
    async fn find_gone(&self, members: &Members) -> Option<Arc<Connection>> {
        let open = || {
            let connections = members.iter().map(|member| &member.connection);
            connections.filter(|one| one.close_reason().is_none())
        };
        let asked = Moment::now();
        let silent = || open().filter(|one| one.flow().is_silent_since(asked));
        let all_answer = until(ANSWER_TIME, || {
            silent().for_each(|one| one.ask());
            silent().next().is_none()
        });
        if all_answer.await {
            return None;
        }
        let rate = self.config.now().min_drain_rate;
        silent()
            .find(|one| one.flow().silence() >= one.reading_time(rate))
            .cloned()
    }
}

/// Waits until something is so, but no longer than this; whether it is.
async fn until(time: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if is_so() {
            return true;
        }
        if started.elapsed() >= time {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
}
