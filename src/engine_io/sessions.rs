//! All sessions whose clients poll, by the ids that their requests have. It must not know what becomes of one.

use std::sync::{Arc, Weak};

use dashmap::DashMap;
use socketioxide::socket::Sid;

use super::open::without_name;
use super::stream::SessionStream;
use super::{Revision, Session, Settings};

/// The sessions of this node.
#[derive(Debug)]
pub(crate) struct Sessions {
    this: Weak<Self>,
    settings: Settings,
    polling: DashMap<Sid, Arc<Session>>,
}

impl Sessions {
    /// There is none.
    pub(crate) fn new(settings: Settings) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            settings,
            polling: DashMap::new(),
        })
    }

    /// The settings of all.
    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    /// A new session whose client polls, and what the library is to read and write of it.
    pub(crate) fn begin(
        &self,
        revision: Revision,
        as_text: bool,
    ) -> (Arc<Session>, SessionStream) {
        let (session, stream) = self.begin_apart(revision, as_text);
        self.polling.insert(session.id, session.clone());
        (session, stream)
    }

    /// The same of a session that no request can name.
    pub(crate) fn begin_apart(
        &self,
        revision: Revision,
        as_text: bool,
    ) -> (Arc<Session>, SessionStream) {
        let session = Session::new(revision, as_text, self.settings, self.this.clone());
        (session.clone(), SessionStream::new(session))
    }

    /// The session that a request names. `None`: there is none, or it is carried by a WebSocket.
    pub(crate) fn get(&self, sid: &str) -> Option<Arc<Session>> {
        let sid = without_name(sid).parse().ok()?;
        self.polling.get(&sid).map(|session| session.value().clone())
    }

    pub(super) fn remove(&self, sid: Sid) {
        self.polling.remove(&sid);
    }
}
