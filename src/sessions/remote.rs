//! What other nodes send to the members of a session.

use super::{News, Sessions};
use crate::cluster::SessionMessage;
use crate::model::session::SessionId;

impl Sessions {
    /// A message of another node to the members of a session.
    pub async fn receive(&self, id: &SessionId, message: SessionMessage) {
        let Some(mut session) = self.if_here(id).await else {
            return;
        };
        match message {
            SessionMessage::Event {
                revision,
                newest,
                to,
                event,
            } => {
                let newest = newest.as_deref();
                session.heard(&to, News { revision, newest }, &event);
            }
            SessionMessage::MemberMoved { user, revision } => session.moved(&user, revision),
        }
    }
}
