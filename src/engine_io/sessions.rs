//! All sessions whose clients poll, or have begun by it, by the ids that their requests have. It must not know what becomes of one.

use std::sync::Arc;

use super::node_name::without_name;
use super::revision::Revision;
use super::session::{Polling, Session};
use super::settings::Settings;
use super::stream::SessionStream;

/// The sessions of this node.
#[derive(Debug)]
pub(crate) struct Sessions {
    settings: Settings,
    polling: Arc<Polling>,
}

impl Sessions {
    /// There is none.
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            polling: Arc::default(),
        }
    }

    /// The settings of all.
    pub(crate) fn settings(&self) -> Settings {
        self.settings
    }

    /// A new session whose client polls, and what the library is to read and write of it.
    pub(crate) fn begin(&self, revision: Revision, as_text: bool) -> (Arc<Session>, SessionStream) {
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
        let session = Session::new(revision, as_text, self.settings, self.polling.clone());
        (session.clone(), SessionStream::new(session))
    }

    /// The session that a request names. `None`: there is none, or it did not begin by polling.
    pub(crate) fn get(&self, sid: &str) -> Option<Arc<Session>> {
        let sid = without_name(sid).parse().ok()?;
        self.polling
            .get(&sid)
            .map(|session| session.value().clone())
    }
}
