//! What an administrator does to users: change them, and close their connections. Each is recorded.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Presence, Users};
use crate::audit::{AdminAction, Audit, AuditText, Event, Record, Source};
use crate::cluster::{AllNodes, AllNodesMessage, Answer, UserMessage};
use crate::connection::Close;
use crate::model::conversation::{UserChange, UserRecord, UserStatus};
use crate::model::{DisconnectReason, Identity, UserId};
use crate::stores::conversations::{StoreError, UserStore};

/// The administration of users.
pub(crate) struct Administration {
    presence: Arc<Presence>,
    store: Arc<dyn UserStore>,
    audit: Audit,
}

impl Administration {
    /// Administrates the users whose presence it is, and whose records are in `store`.
    pub(crate) fn new(presence: Arc<Presence>, store: Arc<dyn UserStore>, audit: Audit) -> Self {
        Self {
            presence,
            store,
            audit,
        }
    }

    /// Changes the record of a user, who may never have connected. One who is suspended is
    /// disconnected at once.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn change(
        &self,
        source: &Arc<Source>,
        user: &UserId,
        change: &UserChange,
    ) -> Result<UserRecord, StoreError> {
        let record = self.store.change(user, change).await?;
        let closed = self.take_effect(&record, change).await;
        let action = match change.status {
            Some(UserStatus::Suspended) => AdminAction::UserSuspended,
            _ => AdminAction::UserChanged,
        };
        self.record(source, action, user, closed);
        Ok(record)
    }

    /// Users were changed in the store, of whom most have no connection to any node: to them alone it makes no difference.
    pub(crate) async fn imported(&self, changed: &[(UserRecord, UserChange)]) {
        let users = self.presence.users();
        let mut known: HashSet<UserId> = HashSet::new();
        if let Some(cluster) = &users.cluster {
            let ids: Vec<_> = changed.iter().map(|(user, _)| user.id.clone()).collect();
            let online = cluster.online(&ids).await;
            known.extend(online.into_iter().map(|(user, _)| user));
        }
        for (user, change) in changed {
            let is_known = known.contains(&user.id) || users.get(user.id.as_str()).is_some();
            if is_known || user.status == UserStatus::Suspended {
                self.take_effect(user, change).await;
            }
        }
    }

    /// Has the connections of a user follow a change in the store. `None`: they may stay; else how many were closed.
    async fn take_effect(&self, record: &UserRecord, change: &UserChange) -> Option<u64> {
        let (user, users) = (&record.id, self.presence.users());
        let suspended = record.status == UserStatus::Suspended;
        users.set_suspended(user, suspended);
        if let Some(cluster) = &users.cluster {
            let user = user.clone();
            let changed = AllNodesMessage::UserChanged { user, suspended };
            let _ = cluster.bus().publish(&AllNodes, &changed);
        }
        if change.name.is_some() || change.avatar_url.is_some() {
            self.presence.rename(&Identity::from(record.clone())).await;
        }
        match suspended {
            true => Some(users.close(user, DisconnectReason::Suspended).await),
            false => None,
        }
    }

    /// Closes all connections of a user, to any node. Returns how many there were.
    pub(crate) async fn disconnect(&self, source: &Arc<Source>, user: &UserId) -> u64 {
        let users = self.presence.users();
        let closed = users.close(user, DisconnectReason::Revoked).await;
        self.record(source, AdminAction::UserDisconnected, user, Some(closed));
        closed
    }

    fn record(&self, source: &Arc<Source>, action: AdminAction, user: &UserId, count: Option<u64>) {
        let event = Event::Admin {
            action,
            recipient: Some(AuditText::new(user.as_str())),
            conversation_id: None,
            count,
        };
        self.audit.record(Record::new(source, None, event));
    }
}

impl Users {
    /// Closes the connections of a user to this server. Returns how many there were.
    pub(crate) fn close_local(&self, user: &UserId, reason: DisconnectReason) -> u64 {
        let connections = self.connections(user.as_str());
        for connection in &connections {
            connection.close(Close::AfterFlush, reason);
        }
        connections.len() as u64
    }

    /// The same on all nodes.
    async fn close(&self, user: &UserId, reason: DisconnectReason) -> u64 {
        let local = self.close_local(user, reason);
        let Some(cluster) = &self.cluster else {
            return local;
        };
        let message = UserMessage::Disconnect(reason);
        let answers = cluster.execute(user, &message).await;
        let remote = answers.iter().map(Answer::count);
        local + remote.sum::<u64>()
    }
}
