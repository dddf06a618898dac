//! Tells connections who is online already: a new one of those that concern it, and of those who share a chat with its
//! user from now on. Changes may come meanwhile; what a connection was told keeps each user from being told twice, or
//! in the wrong order.

use std::collections::HashSet;

use super::{Presence, PresenceRenderer, to_ms};
use crate::cluster::{Online, PresenceChange};
use crate::model::UserId;
use crate::users::Member;

/// Of how many users it is found out at once.
const BATCH: usize = 1_000;

/// A connection, and the users of whom it is to be told that they are online, if they are.
pub(super) type Receiver<'a> = (&'a Member, Vec<UserId>);

impl Presence {
    /// Tells a new connection who of the users that concern it is online, each once. Nothing for dialects without a
    /// renderer.
    pub(crate) async fn sync(&self, member: &Member) {
        let dialect = member.connection.dialect();
        if let Some(renderer) = self.renderers.iter().find(|one| one.dialect == dialect) {
            let contacts = self.contacts(renderer.audience, &member.user).await;
            for contacts in contacts.chunks(BATCH) {
                let receivers = [(member, contacts.to_vec())];
                Box::pin(self.tell_who_is_online(renderer, &receivers)).await;
            }
        }
        self.users.synced(member);
    }

    /// Tells connections that speak the dialect of a renderer who of these users is online.
    pub(super) async fn tell_who_is_online(
        &self,
        renderer: &PresenceRenderer,
        receivers: &[Receiver<'_>],
    ) {
        for (member, contacts) in receivers {
            self.users.expect(member, contacts);
        }
        let contacts = receivers.iter().flat_map(|(_, contacts)| contacts);
        let mut contacts: Vec<_> = contacts.cloned().collect();
        contacts.sort();
        contacts.dedup();
        let online = self.online_among(&contacts).await;
        for (member, contacts) in receivers {
            // Read behind the expectation, which who blocks them meanwhile ends.
            let visible = self.visible(&member.user.id, contacts.clone()).await;
            let visible: HashSet<_> = visible.into_iter().collect();
            for change in online.iter().filter(|one| visible.contains(&one.user)) {
                let connection = std::slice::from_ref(&member.connection);
                let send = || (renderer.send)(change, connection);
                let epoch = change.presence_epoch;
                self.users.tell_found(member, &change.user, epoch, send);
            }
            self.users.found_all(member, contacts);
            // There may be many.
            tokio::task::yield_now().await;
        }
    }

    /// Those of these users who are online: as Redis knows, or else as far as this node does.
    async fn online_among(&self, users: &[UserId]) -> Vec<PresenceChange> {
        let at = to_ms(jiff::Timestamp::now());
        let change = |(user, online): (UserId, Online)| PresenceChange {
            user,
            name: online.name,
            online: true,
            presence_epoch: online.presence_epoch,
            at,
        };
        let online = match self.cluster().filter(|cluster| cluster.redis().is_up()) {
            Some(cluster) => cluster.online(users).await,
            None => self.online_here(users),
        };
        online.into_iter().map(change).collect()
    }

    fn online_here(&self, users: &[UserId]) -> Vec<(UserId, Online)> {
        let known = users.iter().map(|user| self.users.get(user.as_str()));
        let online = known.flatten().filter_map(|user| {
            let online = Online {
                name: user.name(),
                presence_epoch: user.presence_epoch()?,
            };
            Some((user.id.clone(), online))
        });
        online.collect()
    }
}
