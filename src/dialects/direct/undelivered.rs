//! What was sent to a user without a connection: counted, and recorded where a backend wants to know, so that it can wake
//! their device. The record must not say anything of who has blocked the sender.

use crate::audit::{AuditText, Event as Audited, Label, MessageSent, Undelivered};
use crate::dialects::Request;
use crate::metrics::traffic;
use crate::model::{Dialect, FactType, UserId};
use crate::users::Member;

/// What is known of it beside its recipient.
#[derive(Default)]
pub(super) struct About {
    pub(super) message_id: Option<AuditText>,
    pub(super) message_type: Option<Label>,
    /// The first of many parts, and not waited for.
    pub(super) is_file: bool,
}

impl About {
    /// What is known of a message.
    pub(super) fn of_message(message: &MessageSent) -> Self {
        Self {
            message_id: message.message_id.clone(),
            message_type: message.message_type.clone(),
            is_file: false,
        }
    }
}

/// Notes that nobody was there to receive an event.
pub(super) async fn note(request: &Request<'_>, member: &Member, recipient: &UserId, about: About) {
    traffic::undelivered(Dialect::Direct);
    let app = request.app;
    if !app.config.now().webhooks_want(FactType::MessageUndelivered) {
        return;
    }
    let (sender, recipients) = (&member.user.id, [recipient.clone()]);
    if !app
        .users
        .blockers_among(sender, recipients)
        .await
        .is_empty()
    {
        return;
    }
    let undelivered = Undelivered {
        recipients: vec![recipient.shared().into()],
        message_id: about.message_id,
        conversation_id: None,
        message_type: about.message_type,
        bytes: request.event.size() as u64,
        urgent: !about.is_file,
    };
    let record = Audited::MessageUndelivered(undelivered);
    request.record_as(Some(Dialect::Direct), record);
}
