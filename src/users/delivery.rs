//! Delivery of an event from one user to another: to the connections here, and through the cluster
//! to those on other nodes. It decides neither what is sent nor who may send it.

use serde::Serialize;
use smallvec::smallvec;

use super::{Connections, Receiver, Users};
use crate::cluster::{About, Cluster};
use crate::connection::{Patience, SMALL_EVENT};
use crate::model::UserId;
use crate::payload::{EncodedEvent, FrameSizes};

/// The receivers of an event for one user. Each has room for it, or was waited for long enough.
#[derive(Debug)]
pub(crate) struct Receivers<'a> {
    user: &'a UserId,
    local: Connections,
    cluster: Option<&'a Cluster>,
    about: Option<About>,
}

impl Receivers<'_> {
    /// Says what the event is about, for those on other nodes.
    #[must_use]
    pub(crate) fn about(self, about: impl FnOnce() -> Option<About>) -> Self {
        Self {
            about: self.cluster.and_then(|_| about()),
            ..self
        }
    }

    /// Sends an event that becomes frames of these sizes. Returns whether there is a connection to
    /// receive it, on any node.
    pub(crate) async fn send_sized<T: Serialize>(
        self,
        sender: &UserId,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> bool {
        for connection in &self.local {
            connection.send_sized(event, payload, frames);
        }
        let is_local = !self.local.is_empty();
        let encoded = self
            .cluster
            .and_then(|cluster| Some((cluster, EncodedEvent::new(event, payload)?)));
        match encoded {
            None => is_local,
            Some((cluster, event)) => {
                let sent = cluster.send(self.user, sender, event, self.about);
                sent.await || is_local
            }
        }
    }

    /// Sends a small event.
    pub(crate) async fn send<T: Serialize>(
        self,
        sender: &UserId,
        event: &'static str,
        payload: &T,
    ) {
        self.send_sized(sender, event, payload, &smallvec![SMALL_EVENT])
            .await;
    }
}

impl Users {
    /// The receivers of an event of so many bytes for a user. Waits for those who have no room for it, but what
    /// is small does not hold its sender up.
    pub(crate) async fn receivers<'a>(&'a self, user: &'a UserId, bytes: usize) -> Receivers<'a> {
        let patience = Patience::with(bytes, self.config.pair_min_rate);
        self.receivers_with(user, patience).await
    }

    /// The receivers of a part of a file for a user. Waits until each connection has room for it or is closed, which
    /// slows a sender down to the pace of its slowest receiver.
    pub(crate) async fn receivers_of_file<'a>(&'a self, user: &'a UserId) -> Receivers<'a> {
        self.receivers_with(user, Patience::UntilRoom).await
    }

    async fn receivers_with<'a>(&'a self, user: &'a UserId, patience: Patience) -> Receivers<'a> {
        let mut local = self.connections(user.as_str());
        local.retain(|connection| !connection.is_draining());
        // Without Redis nothing has to be encoded for other nodes.
        let cluster = self.cluster.as_deref();
        let cluster = cluster.filter(|cluster| cluster.redis().is_up());
        let room = async {
            for connection in &local {
                connection.flow().wait_for_room().await;
            }
            if let Some(cluster) = cluster {
                cluster.wait_for_credit(user).await;
            }
        };
        patience.wait_for(room).await;
        Receivers {
            user,
            local,
            cluster,
            about: None,
        }
    }

    /// Sends an event of a user on another node to the connections that a user has here. A receipt of somebody
    /// whom the message did not go to is dropped.
    pub(crate) async fn deliver(
        &self,
        user: &UserId,
        sender: &UserId,
        event: &EncodedEvent,
        about: Option<&About>,
    ) {
        match about {
            Some(About::Message(id)) => self.relayed.note(sender, user, id),
            Some(About::Receipt(id)) => {
                if self.relayed.receiver(user, id, sender) == Receiver::Wrong {
                    return;
                }
            }
            None => {}
        }
        self.add_remote_peer(sender, user);
        for connection in self.connections(user.as_str()) {
            connection.flow().wait_for_room().await;
            connection.send_encoded(event);
        }
    }
}
