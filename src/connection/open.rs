//! The open connections by the library's id, which is what requests name them by.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ahash::RandomState;
use dashmap::DashMap;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use socketioxide::socket::Sid;

use super::ends::{End, Ends};
use super::unfinished::Unfinished;
use super::{Close, Connection, ConnectionId};
use crate::model::{DisconnectReason, TokenFacts};

/// Whether such a token of this user was taken back.
pub(crate) type IsRevoked<'a> = &'a (dyn Fn(&str, &TokenFacts) -> bool + Sync);

/// The life of an open connection, without the type of its handler.
pub(super) trait AnyLife: std::fmt::Debug + Send + Sync {
    /// What others may hold of it.
    fn connection(&self) -> &Arc<Connection>;
    /// The client received CONNECT.
    fn begin(self: Arc<Self>) -> BoxFuture<'static, ()>;
    /// Later connections wait for what it has handed over and is not handled yet.
    fn leave_received(self: Arc<Self>) -> BoxFuture<'static, ()>;
    /// What is kept of the token of its member.
    fn token(&self) -> Option<TokenFacts>;
    /// Ends it if the token of its member was taken back, which is to be found out so; whether it does.
    fn end_if(&self, is_revoked: IsRevoked<'_>) -> bool;
    /// Does what is due at this time, in seconds since the epoch; after how many looks it is to be checked again.
    fn check(self: Arc<Self>, now: u64) -> u64;
    /// Other users send nothing more to it; done when its client has received what was sent.
    fn drain(self: Arc<Self>) -> BoxFuture<'static, ()>;
}

/// How far all connections together are behind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Congestion {
    /// Bytes that wait for clients.
    pub(crate) backlog: usize,
    /// Connections for which too many bytes wait.
    pub(crate) slow: usize,
    /// Connections that are not read, since too much of them is not handled.
    pub(crate) paused: usize,
}

/// All open connections.
#[derive(Debug, Default)]
pub(crate) struct OpenConnections {
    open: DashMap<Sid, Arc<dyn AnyLife>, RandomState>,
    /// When each is to be checked next: with which look.
    checks: Mutex<Vec<(Weak<dyn AnyLife>, u64)>>,
    /// Those that ended of late.
    ends: Ends,
    /// What they, and those that ended, have handed over that is not handled yet.
    pub(super) unfinished: Unfinished,
}

impl OpenConnections {
    /// Adds a connection that is admitted.
    pub(super) fn add(&self, life: Arc<dyn AnyLife>) {
        self.checks.lock().push((Arc::downgrade(&life), 0));
        life.connection().note_open();
        self.open.insert(life.connection().socket_id(), life);
    }

    /// Removes a connection that has ended.
    pub(super) fn remove(&self, sid: Sid) {
        self.open.remove(&sid);
    }

    /// The life of the connection with this id.
    pub(super) fn life(&self, sid: Sid) -> Option<Arc<dyn AnyLife>> {
        self.open.get(&sid).map(|life| life.value().clone())
    }

    /// All connections at this moment.
    pub(super) fn all(&self) -> Vec<Arc<dyn AnyLife>> {
        let all = self.open.iter().map(|life| life.value().clone());
        all.filter(|life| !life.connection().is_closed()).collect()
    }

    /// Checks those that are to be checked with this look, and for which something may be due at this time, in seconds since
    /// the epoch.
    pub(super) fn check(&self, look: u64, now: u64) {
        let due: Vec<_> = {
            let mut checks = self.checks.lock();
            checks.extract_if(.., |(_, next)| *next <= look).collect()
        };
        let open = due.iter().filter_map(|(life, _)| {
            let checked = life.upgrade()?;
            let is_open = !checked.connection().is_closed();
            is_open.then(|| (life.clone(), look + checked.check(now)))
        });
        let again: Vec<_> = open.collect();
        self.checks.lock().extend(again);
    }

    /// All connections at this moment, each with what is kept of the token of its user.
    pub(crate) fn with_tokens(&self) -> Vec<(Arc<Connection>, Option<TokenFacts>)> {
        let all = self.all().into_iter();
        all.map(|life| (life.connection().clone(), life.token()))
            .collect()
    }

    /// Ends those whose tokens were taken back; how many there were. All are looked at, so it takes a moment.
    pub(crate) fn end_revoked(&self, is_revoked: IsRevoked<'_>) -> u64 {
        let all = self.all().into_iter();
        all.filter(|life| life.end_if(is_revoked)).count() as u64
    }

    /// A connection has ended for this reason.
    pub(super) fn note_end(&self, id: ConnectionId, reason: DisconnectReason) {
        self.ends.note(id, reason);
    }

    /// Those that ended of late, as far as somebody has asked for them before.
    pub(crate) fn ends(&self) -> Vec<End> {
        self.ends.of_late()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// How far connections are behind, looked at one after the other: nothing waits for it but connections that begin or
    /// end.
    pub(crate) fn congestion(&self) -> Congestion {
        let mut found = Congestion::default();
        for life in &self.open {
            let flow = life.connection().flow();
            found.backlog += flow.backlog();
            found.slow += usize::from(flow.is_over_budget());
            found.paused += usize::from(flow.reading_paused());
        }
        found
    }

    /// Ends all connections, so that their clients reconnect to other nodes: a future for each. Other
    /// users send nothing more to it, and its client has the time `flush` to receive what was sent.
    pub(crate) fn drain(
        &self,
        flush: Duration,
        why: DisconnectReason,
    ) -> Vec<impl Future<Output = ()> + Send + use<>> {
        let drain = move |life: Arc<dyn AnyLife>| async move {
            let _ = tokio::time::timeout(flush, life.clone().drain()).await;
            life.connection().close(Close::Reconnect, why);
        };
        self.all().into_iter().map(drain).collect()
    }

    /// Removes what is handled. To be called at intervals.
    pub(super) fn sweep(&self) {
        self.unfinished.sweep();
    }
}
