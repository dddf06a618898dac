//! Whose presence a user may not see: that of those who have blocked them. When that begins, they are sent that the
//! other went offline, and when it ends, that they are online.

use std::sync::Arc;

use super::audience::send;
use super::turned::turned_after;
use super::{Audience, Presence, PresenceRenderer, to_ms};
use crate::cluster::PresenceChange;
use crate::model::UserId;
use crate::users::{Member, Members, User};

impl Presence {
    /// A user is blocked by another one from now on, or is not any more: nothing that they send reaches the other,
    /// and they do not see when the other is online. Whether that may be news to them.
    pub(crate) async fn set_blocked(&self, user: &UserId, by: &UserId, is_blocked: bool) -> bool {
        // Of one who connects later it is read.
        let Some(user) = self.users.get(user.as_str()) else {
            return false;
        };
        if !user.is_connected() {
            return self.users.set_blocked(&user, by, is_blocked);
        }
        let other = self.users.get_or_create(by);
        // Changes of the other's presence come before this, or after.
        let _publishing = other.publishing.lock().await;
        if !self.users.set_blocked(&user, by, is_blocked) {
            return false;
        }
        // Those that are added later are sent who is online, without the other.
        let members = user.members();
        let Some(name) = self.name_if_online(&other).await else {
            return true;
        };
        let change = PresenceChange {
            user: by.clone(),
            name,
            online: !is_blocked,
            presence_epoch: rand::random(),
            at: to_ms(jiff::Timestamp::now()),
        };
        for renderer in &self.renderers {
            let is_shown = self.is_shown(renderer, by, &user, &members).await;
            let members = members.iter();
            let mut members: Vec<_> = members.cloned().collect();
            members.retain(|member| {
                member.connection.dialect() == renderer.dialect
                    && match is_blocked {
                        true => self.takes_back(member, by) || is_shown,
                        false => is_shown && self.tells(member, renderer, &change),
                    }
            });
            send(renderer, &change, &members);
        }
        if is_blocked {
            let rest = members.iter().filter(|member| self.takes_back(member, by));
            self.send_to_wordless(&change, &rest.cloned().collect::<Vec<_>>());
        }
        true
    }

    /// A connection is told nothing more of a user whom it was told is online, by itself or before it turned to
    /// another dialect. `false`: it was not.
    fn takes_back(&self, member: &Member, user: &UserId) -> bool {
        let since = self.everyone.since(user);
        self.users.untell(member, user) || since.is_some_and(|since| turned_after(member, since))
    }

    /// Those of these members who may see the presence of a user.
    pub(super) async fn not_hidden(
        &self,
        from: &UserId,
        members: Vec<Arc<Member>>,
    ) -> Vec<Arc<Member>> {
        let mut others = Vec::with_capacity(members.len());
        for member in members {
            if !self.users.is_blocked(&member.user.id, from).await {
                others.push(member);
            }
        }
        others
    }

    /// Those of these users whose presence a user may see.
    pub(super) async fn visible(&self, user: &UserId, mut contacts: Vec<UserId>) -> Vec<UserId> {
        let all = contacts.iter().cloned();
        let hidden = self.users.blockers_among(user, all).await;
        contacts.retain(|contact| !hidden.contains(contact));
        contacts
    }

    async fn name_if_online(&self, user: &User) -> Option<Arc<str>> {
        if user.is_announced() {
            return Some(user.name());
        }
        let cluster = self.cluster().filter(|cluster| cluster.redis().is_up())?;
        let online = cluster.online(std::slice::from_ref(&user.id)).await;
        online.into_iter().next().map(|(_, online)| online.name)
    }

    /// Whether connections of a user that speak this dialect are sent the presence of another one.
    async fn is_shown(
        &self,
        renderer: &PresenceRenderer,
        other: &UserId,
        user: &User,
        members: &Members,
    ) -> bool {
        let speaks = |member: &Arc<Member>| member.connection.dialect() == renderer.dialect;
        if !members.iter().any(speaks) {
            return false;
        }
        match renderer.audience {
            Audience::Peers => {
                self.is_for_everyone()
                    || self.everyone.since(other).is_some()
                    || user.peers().contains(other)
            }
            Audience::ChatPartners => self.chat_partners(&user.id).await.contains(other),
        }
    }

    /// Whether a connection is to be told of a change that it was kept from.
    fn tells(&self, member: &Member, renderer: &PresenceRenderer, change: &PresenceChange) -> bool {
        let everyone = renderer.audience == Audience::Peers && self.is_for_everyone();
        let epoch = change.presence_epoch;
        self.users
            .tell_online(member, &change.user, epoch, everyone)
    }
}
