//! Delivery of an event from one user to another: to the connections here, and through the cluster
//! to those on other nodes. It does not decide what is sent; and of who may send it only that nobody receives
//! anything of whom they have blocked.

use futures_util::future::BoxFuture;
use serde::Serialize;
use smallvec::{SmallVec, smallvec};

use super::{Connections, Receiver, User, Users};
use crate::cluster::{About, Cluster};
use crate::connection::{Patience, SMALL_EVENT};
use crate::model::UserId;
use crate::payload::{Encode, EncodedEvent, FrameSizes};
use crate::transport::{Origin, Turn};

/// The receivers of an event for one user. With each it is the sender's turn, or was waited for long enough.
#[derive(Debug)]
pub(crate) struct Receivers<'a> {
    user: &'a UserId,
    local: Connections,
    cluster: Option<&'a Cluster>,
    sender: &'a UserId,
    /// The user has blocked the sender, who is told what they would be if nobody were connected.
    is_blocked: bool,
    turns: Turns,
    about: Option<About>,
}

/// The turns of a sender with the connections here, and with those on other nodes.
type Turns = (SmallVec<[Turn; 1]>, Option<Turn>);

/// An event that was handed over.
#[must_use]
pub(crate) struct HandedOver<'a> {
    is_local: bool,
    elsewhere: Option<BoxFuture<'a, bool>>,
    /// With those on other nodes, until it is known how many there are.
    _turn: Option<Turn>,
}

impl HandedOver<'_> {
    /// Whether there is a connection to receive it, on any node.
    pub(crate) async fn has_receiver(self) -> bool {
        let is_elsewhere = match self.elsewhere {
            Some(elsewhere) => elsewhere.await,
            None => false,
        };
        is_elsewhere || self.is_local
    }
}

impl<'a> Receivers<'a> {
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
    pub(crate) async fn send_sized<T: Encode>(
        self,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> bool {
        self.hand_over(event, payload, frames).has_receiver().await
    }

    /// The same: it is handed over when this returns.
    pub(crate) fn hand_over<T: Encode>(
        self,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> HandedOver<'a> {
        let of = || Origin {
            sender: Some(self.sender.clone()),
            room: None,
        };
        for connection in &self.local {
            connection.send_behind(of, event, payload, frames);
        }
        let is_local = !self.local.is_empty();
        let (here, elsewhere) = self.turns;
        drop(here);
        let encoded = self
            .cluster
            .and_then(|cluster| Some((cluster, EncodedEvent::new(event, payload)?)));
        let sent = encoded.map(|(cluster, event)| -> BoxFuture<'a, bool> {
            match self.is_blocked {
                true => Box::pin(cluster.send_to_nobody(self.sender, event, self.about)),
                false => Box::pin(cluster.send(self.user, self.sender, event, self.about)),
            }
        });
        HandedOver {
            is_local,
            elsewhere: sent,
            _turn: elsewhere,
        }
    }

    /// Sends a small event, likewise.
    pub(crate) async fn send<T: Serialize>(self, event: &'static str, payload: &T) -> bool {
        self.send_sized(event, payload, &smallvec![SMALL_EVENT])
            .await
    }
}

/// Waits for the turn of a sender with each connection.
async fn turns_of(connections: &Connections, sender: &UserId, bytes: usize) -> SmallVec<[Turn; 1]> {
    let mut turns = SmallVec::new();
    for connection in connections {
        turns.push(connection.flow().wait_for_turn(sender, bytes).await);
    }
    turns
}

impl Users {
    /// The receivers of an event of so many bytes of `sender` for a user. Waits for its turn with those who have no
    /// room for it now, but what is small does not hold its sender up.
    pub(crate) async fn receivers<'a>(
        &'a self,
        user: &'a UserId,
        sender: &'a User,
        bytes: usize,
    ) -> Receivers<'a> {
        let local = self.receiving(user, sender).await;
        let patience = |connections: &Connections| {
            // Over all their connections, a user makes nobody receive faster.
            let connections = connections.iter();
            let waiting = connections.map(|one| one.flow().waiting_of(&sender.id));
            let waiting = waiting.max().unwrap_or(0);
            Patience::with(waiting + bytes, self.config.now().pair_min_rate)
        };
        self.receivers_with(user, local, &sender.id, bytes, patience)
            .await
    }

    /// The receivers of a part of a file for a user. Waits until it is its turn with each connection, or that is
    /// closed, which slows a sender down to the pace of its slowest receiver.
    pub(crate) async fn receivers_of_file<'a>(
        &'a self,
        user: &'a UserId,
        sender: &'a User,
        bytes: usize,
    ) -> Receivers<'a> {
        let local = self.receiving(user, sender).await;
        let patience = |_: &Connections| Patience::UntilRoom;
        self.receivers_with(user, local, &sender.id, bytes, patience)
            .await
    }

    /// The connections of a user. `None`: they have blocked the sender.
    async fn receiving(&self, user: &UserId, sender: &User) -> Option<Connections> {
        if self.is_known_blocked(sender, user).await {
            return None;
        }
        let mut local = self.connections(user.as_str());
        local.retain(|connection| !connection.is_draining());
        Some(local)
    }

    /// Waits for one receiver after the other: all senders do so in the same order, so none waits for another who
    /// waits for them.
    async fn receivers_with<'a>(
        &'a self,
        user: &'a UserId,
        local: Option<Connections>,
        sender: &'a UserId,
        bytes: usize,
        patience: impl FnOnce(&Connections) -> Patience,
    ) -> Receivers<'a> {
        let is_blocked = local.is_none();
        let local = local.unwrap_or_default();
        // Without Redis nothing has to be encoded for other nodes.
        let cluster = self.cluster.as_deref();
        let cluster = cluster.filter(|cluster| cluster.redis().is_up());
        let here = local.iter().map(|one| one.flow().turn_now(bytes));
        let turns = match (here.collect::<Option<_>>(), cluster) {
            (Some(here), None) => (here, None),
            (here, cluster) => {
                let patience = patience(&local);
                let turns = async {
                    let here = match here {
                        Some(here) => here,
                        None => turns_of(&local, sender, bytes).await,
                    };
                    let elsewhere = match cluster.filter(|_| !is_blocked) {
                        Some(cluster) => cluster.wait_for_credit(user, sender, bytes).await,
                        None => None,
                    };
                    (here, elsewhere)
                };
                let waited = Box::pin(patience.wait_for(turns));
                waited.await.unwrap_or_default()
            }
        };
        Receivers {
            user,
            local,
            cluster,
            sender,
            is_blocked,
            turns,
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
            Some(About::Receipt(id))
                if self.relayed.receiver(user, id, sender) == Receiver::Wrong =>
            {
                return;
            }
            Some(About::Receipt(_)) | None => {}
        }
        self.add_remote_peer(sender, user);
        for connection in self.connections(user.as_str()) {
            let turn = connection.flow().wait_for_turn(sender, event.size()).await;
            connection.send_encoded(event);
            drop(turn);
        }
    }
}
