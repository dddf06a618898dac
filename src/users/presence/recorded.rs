//! What the audit says of who comes online and goes offline, where a backend wants to know. It must not decide when that is.

use std::sync::Arc;

use super::Presence;
use crate::audit::{Encoded, Event, Record, Source};
use crate::cluster::PresenceChange;
use crate::model::FactType;

impl Presence {
    /// Records a change over all nodes, before anybody is sent it.
    pub(super) fn record(&self, change: &PresenceChange) {
        let fact = match change.online {
            true => FactType::UserOnline,
            false => FactType::UserOffline,
        };
        let config = self.config();
        if !config.webhooks_want(fact) {
            return;
        }
        let source = Arc::new(Source {
            user: Some(change.user.shared().clone()),
            username: Some(change.name.clone()),
            session_id: None,
            ip: None,
            user_agent: None,
            node: config.node_name.as_str().into(),
            encoded: Encoded::default(),
        });
        let event = match change.online {
            true => Event::UserOnline,
            false => Event::UserOffline { last_ms: change.at },
        };
        self.audit.record(Record::new(&source, None, event));
    }
}
