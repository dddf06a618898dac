//! What the audit says of who comes online and goes offline, where a backend wants to know. It must not decide when that is.

use std::sync::Arc;

use super::Presence;
use crate::audit::{Encoded, Event, Record, Source};
use crate::cluster::PresenceChange;
use crate::model::{FactType, UserId};

impl Presence {
    /// Records a change over all nodes, before anybody is sent it.
    pub(crate) fn record(&self, change: &PresenceChange) {
        let event = match change.online {
            true => Event::UserOnline,
            false => Event::UserOffline {
                last_ms: Some(change.at),
            },
        };
        self.record_of(&change.user, change.name.clone(), event);
    }

    /// Records that a user is offline who was online when an earlier process of this server was killed, unless they are
    /// back.
    pub(crate) async fn record_left(&self, id: &UserId) {
        let user = self.users.get_or_create(id);
        let _publishing = user.publishing.lock().await;
        if !user.is_connected() {
            let event = Event::UserOffline { last_ms: None };
            self.record_of(id, user.name(), event);
        }
    }

    fn record_of(&self, user: &UserId, name: Arc<str>, event: Event) {
        let config = self.config();
        // Who goes offline by a kill is known by this.
        let wants_online =
            matches!(event, Event::UserOnline) && config.webhooks_want(FactType::UserOnline);
        if !wants_online && !config.webhooks_want(FactType::UserOffline) {
            return;
        }
        let source = Arc::new(Source {
            user: Some(user.shared().clone()),
            username: Some(name),
            session_id: None,
            ip: None,
            user_agent: None,
            node: config.node_name.as_str().into(),
            encoded: Encoded::default(),
        });
        self.audit.record(Record::new(&source, None, event));
    }
}
