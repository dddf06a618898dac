//! Who is sent a change of presence, and whose presence a new connection is sent: per dialect, and
//! limited to the connections of this node. Who was told that a user is online is told that they went.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use lru::LruCache;
use parking_lot::Mutex;

use super::Presence;
use crate::cluster::PresenceChange;
use crate::config::{Config, PresenceAudience};
use crate::connection::Connection;
use crate::model::{Dialect, UserId};
use crate::users::{Member, User};

/// Of how many users it is noted, at most, that everyone was told. How many are connected to other nodes is known late, so
/// there may be more than a setting says.
const MAX_NOTED: usize = 65_536;

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
        let user = &change.user;
        let everyone = self.is_for_everyone();
        // Before anybody is asked for: who comes later is told by the sync.
        let told = match change.online {
            true => Vec::new(),
            false => self.users.untell_all(user),
        };
        let everyone_since = self.everyone.note(change, everyone);
        let told = self.with_turned(told, everyone_since);
        for renderer in &self.renderers {
            let members = match (renderer.audience, change.online) {
                (Audience::Peers, _) if everyone => self.users.all_members(),
                (Audience::Peers, true) => self.peers_of(user),
                (Audience::Peers, false) => self.former(user, &told, everyone_since),
                (Audience::ChatPartners, true) => self.chat_partners_here(user).await,
                (Audience::ChatPartners, false) => told.clone(),
            };
            let mut members = self.not_hidden(user, members).await;
            members.retain(|member| {
                member.connection.dialect() == renderer.dialect
                    && member.user.id != *user
                    && (!change.online || {
                        let epoch = change.presence_epoch;
                        let everyone = everyone && renderer.audience == Audience::Peers;
                        self.users.tell_online(member, user, epoch, everyone)
                    })
            });
            send(renderer, change, &members);
        }
        let told = self.not_hidden(user, told).await;
        self.send_to_wordless(change, &told);
    }

    fn peers_of(&self, user: &UserId) -> Vec<Arc<Member>> {
        let user = self.users.get(user.as_str());
        self.members_of(&user.map_or_else(Vec::new, |user| user.peers()))
    }

    /// The user's peers, those that were told that the user is online, and, if everyone was, all that were there.
    fn former(
        &self,
        user: &UserId,
        told: &[Arc<Member>],
        everyone_since: Option<Instant>,
    ) -> Vec<Arc<Member>> {
        let mut members = self.peers_of(user);
        members.extend_from_slice(told);
        if let Some(since) = everyone_since {
            let all = self.users.all_members().into_iter();
            members.extend(all.filter(|member| member.connection.age() >= since.elapsed()));
        }
        let mut ids = HashSet::new();
        members.retain(|member| ids.insert(member.connection.id));
        members
    }

    async fn chat_partners_here(&self, user: &UserId) -> Vec<Arc<Member>> {
        match self.chats.load(Ordering::Relaxed) {
            0 => Vec::new(),
            _ => self.members_of(&self.chat_partners(user).await),
        }
    }

    /// The users whose presence a connection of this user is sent, unless it is hidden.
    pub(super) async fn contacts(&self, audience: Audience, user: &User) -> Vec<UserId> {
        match audience {
            Audience::Peers => {
                self.users.load_peers(user).await;
                user.peers()
            }
            Audience::ChatPartners => self.chat_partners(&user.id).await,
        }
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
        is_everyone(&self.config(), || self.users.connected_to_cluster())
    }

    pub(super) fn members_of(&self, users: &[UserId]) -> Vec<Arc<Member>> {
        let members = |user: &UserId| self.users.members(user.as_str());
        users.iter().flat_map(members).collect()
    }
}

/// The users of whom everyone was told that they are online, and when.
#[derive(Debug)]
pub(super) struct ToldEveryone(Mutex<LruCache<UserId, Instant>>);

impl Default for ToldEveryone {
    fn default() -> Self {
        // Bounded below.
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl ToldEveryone {
    /// Notes a change that is sent to `everyone`, or not. Of one who went: since when everyone was told that they are
    /// online, if everyone was.
    fn note(&self, change: &PresenceChange, everyone: bool) -> Option<Instant> {
        let mut told = self.0.lock();
        match change.online {
            true => {
                if everyone {
                    told.put(change.user.clone(), Instant::now());
                }
                if told.len() > MAX_NOTED {
                    told.pop_lru();
                }
                None
            }
            false => told.pop(&change.user),
        }
    }

    /// Since when everyone is told that a user is online, if everyone was.
    pub(super) fn since(&self, user: &UserId) -> Option<Instant> {
        self.0.lock().peek(user).copied()
    }
}

/// Sends a change to these connections, in the words of a dialect.
pub(super) fn send(renderer: &PresenceRenderer, change: &PresenceChange, to: &[Arc<Member>]) {
    if !to.is_empty() {
        let connections = to.iter().map(|member| member.connection.clone());
        (renderer.send)(change, &connections.collect::<Vec<_>>());
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
    fn of_all_of_whom_everyone_was_told_it_is_noted_until_they_go() {
        let told = ToldEveryone::default();
        let change = |number: usize, online| PresenceChange {
            user: UserId::parse(&number.to_string()).unwrap(),
            name: "name".into(),
            online,
            presence_epoch: 7,
            at: 0,
        };
        let many = Config::default().presence_everyone_limit + 10;
        for number in 0..many {
            assert_eq!(told.note(&change(number, true), number > 0), None);
        }
        for number in 0..many {
            let since = told.note(&change(number, false), false);
            assert_eq!(since.is_some(), number > 0, "{number}");
            assert_eq!(told.note(&change(number, false), true), None);
        }
    }

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
