//! Connections that declared no dialect, were told in the words of one who is online, and turned out to speak another.
//! They are told who went all the same: in the words of the dialect that they speak by then, or, where it has none for
//! that, in those in which they were told.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::audience::send;
use super::{Presence, PresenceRenderer};
use crate::cluster::PresenceChange;
use crate::model::Dialect;
use crate::users::Member;

impl Presence {
    /// Those of these connections, each once, that turned after everyone was told, `since` then, that a user is
    /// online, and those that were `told` by themselves.
    pub(super) fn with_turned(
        &self,
        mut told: Vec<Arc<Member>>,
        since: Option<Instant>,
    ) -> Vec<Arc<Member>> {
        let Some(since) = since else {
            return told;
        };
        let mut ids: HashSet<_> = told.iter().map(|member| member.connection.id).collect();
        let turned = self.users.all_members().into_iter();
        let turned = turned.filter(|member| turned_after(member, since));
        told.extend(turned.filter(|member| ids.insert(member.connection.id)));
        told
    }

    /// Sends a change to those of these connections whose dialect has no words for it.
    pub(super) fn send_to_wordless(&self, change: &PresenceChange, told: &[Arc<Member>]) {
        for renderer in &self.renderers {
            let first = |member: &&Arc<Member>| {
                let connection = &member.connection;
                connection.first_dialect() == renderer.dialect
                    && self.renderer_of(connection.dialect()).is_none()
            };
            let members: Vec<_> = told.iter().filter(first).cloned().collect();
            send(renderer, change, &members);
        }
    }

    fn renderer_of(&self, dialect: Dialect) -> Option<&PresenceRenderer> {
        self.renderers.iter().find(|one| one.dialect == dialect)
    }
}

/// Whether a connection was there then, and spoke what it speaks only later.
pub(super) fn turned_after(member: &Member, since: Instant) -> bool {
    let turned = member.connection.turned_at();
    member.registered <= since && turned.is_some_and(|turned| turned >= since)
}
