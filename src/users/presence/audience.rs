//! Who is sent a change of presence, and whose presence a new connection is sent: per dialect, and
//! limited to the connections of this node.

use std::sync::Arc;

use super::Presence;
use crate::cluster::PresenceChange;
use crate::config::{Config, PresenceAudience};
use crate::connection::Connection;
use crate::model::{Dialect, UserId};
use crate::users::{Member, User};

/// How the clients of one dialect are sent who is online.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PresenceRenderer {
    /// Whose clients it is for.
    pub(crate) dialect: Dialect,
    /// Who is sent a change.
    pub(crate) audience: Audience,
    /// Sends a change to these connections, in the words of the dialect.
    pub(crate) send: fn(&PresenceChange, &[Arc<Connection>]),
}

/// Who is sent that a user came online or went offline, and whose presence a new connection is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The user's peers; while few users are connected, everyone (setting `presence_audience`).
    Peers,
    /// Those who share a chat with the user.
    ChatPartners,
}

impl Presence {
    /// Sends a change to all connections here that it concerns.
    pub(super) async fn send_to_audience(&self, change: &PresenceChange) {
        for renderer in &self.renderers {
            let receivers = self.receivers(renderer, change).await;
            if !receivers.is_empty() {
                (renderer.send)(change, &receivers);
            }
        }
    }

    /// The connections that a change is to be sent to.
    async fn receivers(
        &self,
        renderer: &PresenceRenderer,
        change: &PresenceChange,
    ) -> Vec<Arc<Connection>> {
        let receivers = match renderer.audience {
            Audience::Peers if self.is_for_everyone() => self.users.all_members(),
            Audience::Peers => {
                let user = self.users.get(change.user.as_str());
                self.members_of(&user.map_or_else(Vec::new, |user| user.peers()))
            }
            Audience::ChatPartners if (self.has_chats)() => {
                self.members_of(&self.chat_partners(&change.user).await)
            }
            Audience::ChatPartners => Vec::new(),
        };
        let mut receivers = self.not_hidden(&change.user, receivers).await;
        receivers.retain(|member| {
            member.connection.dialect() == renderer.dialect
                && member.user.id != change.user
                && member.presence_sync().accepts_change(
                    &change.user,
                    change.online,
                    change.presence_epoch,
                )
        });
        let receivers = receivers.into_iter();
        receivers.map(|member| member.connection.clone()).collect()
    }

    /// The users whose presence a connection of this user is sent.
    pub(super) async fn contacts(&self, audience: Audience, user: &User) -> Vec<UserId> {
        let contacts = match audience {
            Audience::Peers => {
                self.users.load_peers(user).await;
                user.peers()
            }
            Audience::ChatPartners => self.chat_partners(&user.id).await,
        };
        self.visible(&user.id, contacts).await
    }

    /// Those who share a chat with a user; nobody when they cannot be read.
    pub(super) async fn chat_partners(&self, user: &UserId) -> Vec<UserId> {
        let partners = self.conversation_store.partners_of(user).await;
        partners.unwrap_or_else(|error| {
            tracing::warn!(%error, "who shares a chat with a user could not be read");
            Vec::new()
        })
    }

    /// Whether changes are sent to everyone, so few are connected now.
    pub(super) fn is_for_everyone(&self) -> bool {
        is_everyone(self.config(), || self.users.connected_to_cluster())
    }

    fn members_of(&self, users: &[UserId]) -> Vec<Arc<Member>> {
        let members = |user: &UserId| self.users.members(user.as_str());
        users.iter().flat_map(members).collect()
    }
}

/// Whether a change is sent to everyone, with so many users connected.
fn is_everyone(config: &Config, connected: impl FnOnce() -> usize) -> bool {
    match config.presence_audience {
        PresenceAudience::Everyone => true,
        PresenceAudience::Peers => false,
        PresenceAudience::Auto => connected() <= config.presence_everyone_limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_is_the_audience_while_they_are_few_unless_it_is_set() {
        let everyone = |presence_audience, connected| {
            let config = Config {
                presence_audience,
                presence_everyone_limit: 10,
                ..Config::default()
            };
            is_everyone(&config, || connected)
        };
        assert!(everyone(PresenceAudience::Auto, 10));
        assert!(!everyone(PresenceAudience::Auto, 11));
        assert!(everyone(PresenceAudience::Everyone, 11));
        assert!(!everyone(PresenceAudience::Peers, 10));
    }
}
