//! How members are told what happens in a session, wherever they are connected. Each change has a
//! number, its revision: who joined by one has been answered all that happened up to it, and is told
//! only of what came later.

use std::sync::Arc;

use serde::Serialize;

use super::Session;
use crate::cluster::{Cluster, SessionMembers, SessionMessage};
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To};
use crate::model::UserId;
use crate::payload::{EncodedEvent, FrameSizes};

/// Most things of which it is remembered when they were told last.
const MOST_REMEMBERED: usize = 4096;

/// Something that members are told.
#[derive(Debug, Clone, Copy)]
pub struct News<'a> {
    /// The change that it tells of; nothing when nothing is changed, or it is not known.
    pub revision: Option<u64>,
    /// What it is the newest state of: an older one that comes later is not told any more.
    pub newest: Option<&'a str>,
}

impl News<'_> {
    /// Nothing is changed by it.
    pub const SIGNAL: News<'static> = News {
        revision: None,
        newest: None,
    };

    /// It tells of this change.
    pub fn of(revision: u64) -> Self {
        Self {
            revision: Some(revision),
            newest: None,
        }
    }
}

impl Session<'_> {
    /// Tells the members, wherever they are, by an event that becomes frames of these sizes.
    pub async fn tell<T: Serialize + Sync>(
        &mut self,
        to: To<'_>,
        news: News<'_>,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> Lagging {
        self.remember(news);
        let lagging = self.here.room.send_sized(to, event, payload, frames).await;
        self.tell_elsewhere(SessionMembers::All, news, event, payload);
        lagging
    }

    /// Tells one member, wherever it is.
    pub fn tell_member<T: Serialize>(
        &self,
        user: &UserId,
        news: News<'_>,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> Lagging {
        let to = SessionMembers::Member(user.clone());
        self.tell_elsewhere(to, news, event, payload);
        match self.member(user) {
            None => Lagging::default(),
            Some(member) => {
                member.connection.send_sized(event, payload, frames);
                Lagging::one(&member.connection)
            }
        }
    }

    fn tell_elsewhere<T: Serialize>(
        &self,
        to: SessionMembers,
        news: News<'_>,
        event: &str,
        payload: &T,
    ) {
        let Some(cluster) = &self.sessions.cluster else {
            return;
        };
        if let Some(event) = EncodedEvent::new(event, payload) {
            let message = SessionMessage::Event {
                revision: news.revision,
                newest: news.newest.map(str::to_owned),
                to,
                event,
            };
            self.send(cluster, &message);
        }
    }

    pub(super) fn send(&self, cluster: &Cluster, message: &SessionMessage) {
        let _ = cluster.bus().publish(&self.id, message);
    }

    /// Another server tells members. Those here are told whom it is news for.
    pub fn heard(&mut self, to: &SessionMembers, news: News<'_>, event: &EncodedEvent) {
        if !self.remember(news) {
            return;
        }
        let is_news = |joined_by: u64| news.revision.is_none_or(|revision| revision > joined_by);
        for member in &self.here.members {
            let is_meant = match to {
                SessionMembers::All => true,
                SessionMembers::Member(user) => member.user == *user,
            };
            if is_meant && is_news(member.joined_by) {
                member.connection.send_encoded(event);
            }
        }
    }

    /// A member is on a connection of another server now, by this change. It is taken out here,
    /// unless it came back later.
    pub fn moved(&mut self, user: &UserId, revision: u64) {
        let before = self
            .member(user)
            .filter(|member| member.joined_by < revision);
        let connection = before.map(|member| member.connection.clone());
        if let Some(connection) = connection {
            self.remove(&connection);
        }
    }

    /// Notes what was told. `false`: something newer was told before.
    fn remember(&mut self, news: News<'_>) -> bool {
        let (Some(revision), Some(newest)) = (news.revision, news.newest) else {
            return true;
        };
        let told = &mut self.here.told;
        if told.get(newest).is_some_and(|told| *told > revision) {
            return false;
        }
        if told.len() >= MOST_REMEMBERED {
            told.clear();
        }
        told.insert(newest.to_owned(), revision);
        true
    }

    /// The members that are connected here.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        let members = self.here.members.iter();
        members.map(|member| member.connection.clone()).collect()
    }
}
