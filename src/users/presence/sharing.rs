//! Users who begin to share a chat while they are online, or cease to share any: they are told of each other then, as
//! they would be of who comes or goes.

use std::collections::HashSet;
use std::sync::Arc;

use super::audience::send;
use super::{Audience, Presence, PresenceRenderer, to_ms};
use crate::cluster::PresenceChange;
use crate::model::UserId;
use crate::users::Member;

impl Presence {
    /// These users share a chat with all others of it from now on. Connections here are told who is online.
    pub(crate) async fn began_to_share(&self, new: &[UserId], all: &[UserId]) {
        for renderer in self.of_chats() {
            let members = self.speakers(renderer, all);
            let receivers = members.iter().map(|member| {
                let user = &member.user.id;
                let contacts = if new.contains(user) { all } else { new };
                let others = contacts.iter().filter(|other| *other != user);
                (&**member, others.cloned().collect())
            });
            let receivers: Vec<_> = receivers.collect();
            self.tell_who_is_online(renderer, &receivers).await;
        }
    }

    /// A user shares a chat less with these others. Those that share none any more, and were told that the other is
    /// online, are told that they went.
    pub(crate) async fn ceased_to_share(&self, user: &UserId, others: &[UserId]) {
        for renderer in self.of_chats() {
            let own = self.speakers(renderer, std::slice::from_ref(user));
            let theirs = self.speakers(renderer, others);
            let was_told = |member: &Arc<Member>, other| self.users.was_told(member, other);
            let is_any_told = theirs.iter().any(|member| was_told(member, user))
                || own
                    .iter()
                    .any(|member| others.iter().any(|other| was_told(member, other)));
            if !is_any_told {
                continue;
            }
            let partners = match self.conversation_store.partners_of(user).await {
                Ok(partners) => partners.into_iter().collect::<HashSet<_>>(),
                Err(error) => {
                    // They are told when the other is gone.
                    tracing::warn!(%error, "who shares a chat with a user could not be read");
                    return;
                }
            };
            let strangers = others.iter().filter(|other| !partners.contains(*other));
            for other in strangers {
                self.end(renderer, other, own.clone());
            }
            let strangers = theirs.into_iter();
            let strangers = strangers.filter(|member| !partners.contains(&member.user.id));
            self.end(renderer, user, strangers.collect());
        }
    }

    /// Those of these connections that were told that a user is online are told that they went.
    fn end(&self, renderer: &PresenceRenderer, user: &UserId, mut members: Vec<Arc<Member>>) {
        members.retain(|member| self.users.untell(member, user));
        let known = self.users.get(user.as_str());
        let change = PresenceChange {
            user: user.clone(),
            name: known.map_or_else(|| user.as_name(), |user| user.name()),
            online: false,
            presence_epoch: rand::random(),
            at: to_ms(jiff::Timestamp::now()),
        };
        send(renderer, &change, &members);
    }

    fn of_chats(&self) -> impl Iterator<Item = &PresenceRenderer> {
        let renderers = self.renderers.iter();
        renderers.filter(|renderer| renderer.audience == Audience::ChatPartners)
    }

    /// The connections of these users that speak the dialect of a renderer.
    fn speakers(&self, renderer: &PresenceRenderer, users: &[UserId]) -> Vec<Arc<Member>> {
        let mut members = self.members_of(users);
        members.retain(|member| member.connection.dialect() == renderer.dialect);
        members
    }
}
