//! Administrators who watch this node on connections of their own: how many, and the sessions by which they come back,
//! which other nodes ask for. Of a session nothing is kept that opens one. It must not know what such a connection is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::Backend;
use crate::cluster::{AdminSession, Answer, BackendMessage};
use crate::model::clock;

/// The SHA-256 of what opens a session.
pub(crate) type SessionHash = [u8; 32];

/// How many sessions are kept; of more, the one that ends first is given up.
const MAX_SESSIONS: usize = 1_024;

/// The administrators of this node.
#[derive(Debug, Default)]
pub(crate) struct Admins {
    connected: AtomicU64,
    sessions: Mutex<HashMap<SessionHash, AdminSession>>,
}

impl Admins {
    /// So many are connected.
    pub(crate) fn set_connected(&self, count: usize) {
        self.connected.store(count as u64, Ordering::Relaxed);
    }

    pub(super) fn connected(&self) -> u64 {
        self.connected.load(Ordering::Relaxed)
    }

    /// Keeps a session.
    pub(crate) fn keep(&self, hash: SessionHash, session: AdminSession) {
        let now = clock::now_seconds();
        let mut sessions = self.sessions.lock();
        sessions.retain(|_, session| session.expires > now);
        if sessions.len() >= MAX_SESSIONS {
            let first = sessions.iter().min_by_key(|(_, session)| session.expires);
            if let Some(first) = first.map(|(hash, _)| *hash) {
                sessions.remove(&first);
            }
        }
        sessions.insert(hash, session);
    }

    pub(super) fn find(&self, hash: &SessionHash) -> Option<AdminSession> {
        let found = self.sessions.lock().get(hash).cloned();
        found.filter(|session| session.expires > clock::now_seconds())
    }
}

impl Backend {
    /// The session with this hash, on whichever node it began.
    pub(crate) async fn admin_session(&self, hash: SessionHash) -> Option<AdminSession> {
        if let Some(session) = self.admins.find(&hash) {
            return Some(session);
        }
        let (answers, _) = self.ask(BackendMessage::FindAdminSession(hash)).await;
        let mut sessions = answers.into_iter().filter_map(|answer| match answer {
            Answer::AdminSession(session) => session,
            _ => None,
        });
        let session = sessions.next()?;
        // The node that it began on may be gone the next time.
        self.admins.keep(hash, session.clone());
        Some(session)
    }
}
