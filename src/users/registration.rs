//! What is registered for a user's connection: its entry among the connections of its user, and the
//! subscription to what other nodes send the user. Both begin before the client receives CONNECT,
//! or `auth:success`, and end with the connection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{Member, Presence};
use crate::cluster::Subscription;
use crate::connection::{self, Connection};
use crate::model::{Identity, Refusal};

/// How often it is checked whether all that other nodes sent is delivered.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A connection among those of its user. Dropping it removes the connection; if it was the last, the
/// user goes offline after the grace.
#[derive(Debug)]
pub(crate) struct Registration {
    presence: Arc<Presence>,
    member: Arc<Member>,
    subscription: Option<Subscription>,
}

impl Presence {
    /// Registers a connection as one of its user. From then on it is sent what is sent to the user.
    ///
    /// # Errors
    /// The user has too many connections, or is suspended.
    pub(crate) async fn register(
        self: &Arc<Self>,
        identity: Identity,
        connection: &Arc<Connection>,
    ) -> Result<(Arc<Member>, Registration), Refusal> {
        let member = self.users().admit(identity, connection).await?;
        let mut registration = Registration {
            presence: self.clone(),
            member: member.clone(),
            subscription: None,
        };
        if let Some(cluster) = &self.users().cluster {
            let user = member.user.id.clone();
            registration.subscription = Some(Box::pin(cluster.bus().subscribe(user)).await);
        }
        // What changes from now on is told, so nothing is missed.
        self.users().read_blockers(&member.user).await;
        Ok((member, registration))
    }
}

impl connection::Registration for Registration {
    fn stop(&mut self) -> BoxFuture<'static, ()> {
        self.subscription = None;
        let (presence, user) = (self.presence.clone(), self.member.user.id.clone());
        Box::pin(async move {
            let Some(cluster) = &presence.users().cluster else {
                return;
            };
            cluster.bus().flush().await;
            while !cluster.is_idle(&user) {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.presence.users().disconnect(&self.member) {
            self.presence.disconnected(&self.member.user);
        }
    }
}
