//! Sends a new connection who is online already. Changes may come meanwhile; `PresenceSync` keeps each
//! user from being sent twice, or in the wrong order.

use super::{Presence, change_of, to_ms};
use crate::cluster::{Cluster, PresenceChange};
use crate::model::UserId;
use crate::users::Member;

impl Presence {
    /// Sends a new connection who of the users that concern it is online, each once. Nothing for
    /// dialects without a renderer.
    pub(crate) async fn sync(&self, member: &Member) {
        let connection = &member.connection;
        let dialect = connection.dialect();
        if let Some(renderer) = self.renderers.iter().find(|one| one.dialect == dialect) {
            member.presence_sync().begin();
            let contacts = self.contacts(renderer.audience, &member.user).await;
            let send =
                |change: &PresenceChange| (renderer.send)(change, std::slice::from_ref(connection));
            match self.cluster().filter(|cluster| cluster.redis().is_up()) {
                Some(cluster) => sync_with_cluster(cluster, &contacts, member, send).await,
                None => self.sync_local(&contacts, member, send).await,
            }
        }
        member.presence_sync().end();
    }

    /// The same with what this node knows alone.
    async fn sync_local(
        &self,
        contacts: &[UserId],
        member: &Member,
        send: impl Fn(&PresenceChange),
    ) {
        for user in contacts {
            let Some(user) = self.users.get(user.as_str()) else {
                continue;
            };
            // A change of this user was sent to this connection before, or will be after this.
            let _publishing = user.publishing.lock().await;
            let is_hidden = self.users.is_blocked(&member.user.id, &user.id).await;
            let is_online = user.is_announced() && !is_hidden;
            if is_online && !member.presence_sync().was_sent_online(&user.id) {
                send(&change_of(&user, true));
            }
        }
    }
}

/// The same with what Redis knows of all nodes.
async fn sync_with_cluster(
    cluster: &Cluster,
    contacts: &[UserId],
    member: &Member,
    send: impl Fn(&PresenceChange),
) {
    for (user, online) in cluster.online(contacts).await {
        let mut presence_sync = member.presence_sync();
        if presence_sync.accepts_online(&user, online.presence_epoch) {
            // Under the lock, so that no change of this user is sent before.
            send(&PresenceChange {
                user,
                name: online.name,
                online: true,
                presence_epoch: online.presence_epoch,
                at: to_ms(jiff::Timestamp::now()),
            });
        }
    }
}
