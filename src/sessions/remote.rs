//! Messages of other nodes to the members of a session.

use super::local::LocalMember;
use super::session::Session;
use super::{SessionUpdate, Sessions};
use crate::cluster::{SessionMembers, SessionMessage};
use crate::model::UserId;
use crate::model::session::SessionId;
use crate::payload::EncodedEvent;

impl Sessions {
    /// Handles a message of another node. What became of a member that moved there from this one, whose typing
    /// is over.
    pub(crate) async fn receive(
        &self,
        id: &SessionId,
        message: SessionMessage,
    ) -> Option<(Session<'_>, LocalMember)> {
        let mut session = self.lock_local(id).await?;
        match message {
            SessionMessage::Event {
                revision,
                newest,
                to,
                event,
            } => {
                let newest = newest.as_deref();
                session.deliver(&to, SessionUpdate { revision, newest }, &event);
                None
            }
            SessionMessage::MemberMoved { user, revision } => {
                let moved = session.member_moved(&user, revision)?;
                Some((session, moved))
            }
        }
    }
}

impl Session<'_> {
    /// Sends an event to the members on this server that it is for. Who joined by a later change has
    /// been answered this one.
    fn deliver(&mut self, to: &SessionMembers, update: SessionUpdate<'_>, event: &EncodedEvent) {
        if !self.note_newest(update) {
            return;
        }
        let is_later = |joined_by: u64| update.revision.is_none_or(|revision| revision > joined_by);
        for member in &self.local.members {
            let is_addressed = match to {
                SessionMembers::All => true,
                SessionMembers::Member(user) => member.user == *user,
            };
            if is_addressed && is_later(member.joined_by) {
                member.connection.send_encoded(event);
            }
        }
    }

    /// A member is now on a connection of another node, by this change. It is removed on this server
    /// unless it came back later.
    fn member_moved(&mut self, user: &UserId, revision: u64) -> Option<LocalMember> {
        let before = self
            .member(user)
            .filter(|member| member.joined_by < revision);
        let connection = before?.connection.clone();
        self.remove(&connection)
    }
}
