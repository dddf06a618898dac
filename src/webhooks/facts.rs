//! Which facts follow from a record of the audit: a closed table. A record of another type, or of a later version, has
//! none.

use serde::Deserialize;
use serde_json::Value;

use super::fact::{Data, Draft, Fact, FactId};
use crate::audit::{EventType, StoredRecord};
use crate::model::{FactType, FactTypes};

/// The details that facts are made of.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    recipient: Option<String>,
    recipients: Vec<String>,
    conversation_id: Option<String>,
    message_id: Option<String>,
    message_type: Option<String>,
    room_name: Option<String>,
    seq: Option<Value>,
    bytes: Option<u64>,
    urgent: Option<bool>,
    count: Option<u64>,
    first_at: Option<String>,
    last_at: Option<String>,
    reason: Option<String>,
    code: Option<String>,
}

/// The types of facts that a record of this type may give.
fn types(event: EventType) -> &'static [FactType] {
    use EventType as E;
    use FactType as F;
    match event {
        E::UserOnline => &[F::UserOnline],
        E::UserOffline => &[F::UserOffline],
        E::MessageUndelivered => &[F::MessageUndelivered],
        E::MessageSent => &[F::MessageSent],
        E::MessageUpdated => &[F::MessageUpdated],
        E::MessageDeleted => &[F::MessageDeleted],
        E::MessageRead => &[F::MessageRead],
        E::ConversationCreated => &[F::ConversationCreated],
        E::ParticipantAdded => &[F::ParticipantAdded],
        E::ParticipantRemoved => &[F::ParticipantRemoved],
        E::SessionReserved => &[F::SessionReserved],
        E::SessionJoined => &[F::SessionJoined],
        E::SessionLeft => &[F::SessionLeft],
        E::Admin => &[F::UserChanged, F::UserSuspended, F::TokenRevoked],
        E::SocketConnect => &[F::ConnectionOpened],
        E::SocketDisconnect => &[F::ConnectionClosed],
        E::SlowConsumer => &[F::ConnectionSlow],
        E::AuthFailed => &[F::AuthFailed],
        E::RoomJoin
        | E::RoomLeave
        | E::FileUpload
        | E::FileDownload
        | E::KeyExchangeRelay
        | E::Reaction
        | E::UserBlocked
        | E::UserUnblocked
        | E::Refused
        | E::RateLimited
        | E::Error => &[],
    }
}

/// Whether records of this type may give facts that are wanted.
pub(super) fn may_be_of(event: EventType, wanted: FactTypes) -> bool {
    types(event).iter().any(|one| wanted.has(*one))
}

/// The facts of a record, as far as they are wanted. What stands for many that were only counted is none.
///
/// # Errors
/// The record is damaged.
pub(super) fn of(record: &StoredRecord, wanted: FactTypes) -> serde_json::Result<Vec<Fact>> {
    let event = EventType::parse(&record.event_type);
    let types = event.map(types).unwrap_or_default();
    if !event.is_some_and(|event| may_be_of(event, wanted)) {
        return Ok(Vec::new());
    }
    let details: Details = serde_json::from_str(record.details.get())?;
    if details.first_at.is_some() {
        return Ok(Vec::new());
    }
    let view = View {
        record,
        details: &details,
    };
    let drafts = types.iter().flat_map(|kind| view.drafts(*kind));
    let wanted = drafts.filter(|draft| wanted.has(draft.kind));
    wanted
        .map(|draft| draft.finish(&record.created_at, &record.node))
        .collect()
}

/// A record, read for its facts.
struct View<'a> {
    record: &'a StoredRecord,
    details: &'a Details,
}

impl<'a> View<'a> {
    fn drafts(&self, kind: FactType) -> Vec<Draft<'a>> {
        if kind == FactType::MessageUndelivered {
            return self.undelivered();
        }
        let Some((subject, data)) = self.only(kind) else {
            return Vec::new();
        };
        let id = FactId {
            record: self.record.id,
            part: 0,
        };
        vec![Draft {
            id,
            kind,
            subject,
            data,
        }]
    }

    /// One for each of the users who were not there.
    fn undelivered(&self) -> Vec<Draft<'a>> {
        let (details, recipients) = (self.details, &self.details.recipients);
        let draft = |(index, recipient): (usize, &'a String)| Draft {
            id: FactId {
                record: self.record.id,
                part: if recipients.len() == 1 {
                    0
                } else {
                    index as u16 + 1
                },
            },
            kind: FactType::MessageUndelivered,
            subject: format!("user:{recipient}"),
            data: Data {
                user_id: Some(recipient),
                sender_id: self.user(),
                message_id: details.message_id.as_deref(),
                conversation_id: details.conversation_id.as_deref(),
                dialect: self.record.dialect.as_deref(),
                message_type: details.message_type.as_deref(),
                bytes: details.bytes,
                urgent: details.urgent,
                count: Some(1),
                ..Data::default()
            },
        };
        details
            .recipients
            .iter()
            .take(usize::from(u16::MAX))
            .enumerate()
            .map(draft)
            .collect()
    }

    /// The subject and the data of a type of which a record has one at most. `None`: it has none.
    fn only(&self, kind: FactType) -> Option<(String, Data<'a>)> {
        use FactType as F;
        match kind {
            F::UserOnline | F::UserOffline => self.of_presence(),
            F::MessageSent | F::MessageUpdated | F::MessageDeleted | F::MessageRead => {
                Some(self.of_message(kind))
            }
            F::ConversationCreated | F::ParticipantAdded | F::ParticipantRemoved => {
                self.of_conversation()
            }
            F::SessionReserved | F::SessionJoined | F::SessionLeft => self.of_session(),
            F::UserChanged => self.of_user("user changed"),
            F::UserSuspended => self.of_user("user suspended"),
            F::TokenRevoked => self.of_user("tokens revoked"),
            F::ConnectionOpened | F::ConnectionClosed | F::ConnectionSlow => self.of_connection(),
            F::AuthFailed => Some(self.of_failure()),
            // It has several.
            F::MessageUndelivered => None,
        }
    }

    fn user(&self) -> Option<&'a str> {
        self.record.user.as_deref()
    }

    /// Who did it: the user, or a guest by their connection.
    fn doer(&self) -> String {
        match (self.user(), &self.record.session_id) {
            (Some(user), _) => format!("user:{user}"),
            (None, Some(connection)) => format!("connection:{connection}"),
            (None, None) => format!("node:{}", self.record.node),
        }
    }

    fn of_presence(&self) -> Option<(String, Data<'a>)> {
        let user = self.user()?;
        let data = Data {
            user_id: Some(user),
            last_seen: self.details.last_at.as_deref(),
            ..Data::default()
        };
        Some((format!("user:{user}"), data))
    }

    fn of_message(&self, kind: FactType) -> (String, Data<'a>) {
        let details = self.details;
        let is_sent = kind == FactType::MessageSent;
        let subject = match &details.conversation_id {
            Some(id) => format!("conversation:{id}"),
            None => self.doer(),
        };
        let data = Data {
            sender_id: self.user().filter(|_| is_sent),
            user_id: self.user().filter(|_| !is_sent),
            recipient_id: details.recipient.as_deref(),
            conversation_id: details.conversation_id.as_deref(),
            message_id: details.message_id.as_deref(),
            message_type: details.message_type.as_deref(),
            seq: details.seq.as_ref(),
            bytes: details.bytes,
            count: details.count,
            ..Data::default()
        };
        (subject, data)
    }

    fn of_conversation(&self) -> Option<(String, Data<'a>)> {
        let id = self.details.conversation_id.as_deref()?;
        let data = Data {
            conversation_id: Some(id),
            user_id: self.details.recipient.as_deref(),
            by: self.user(),
            ..Data::default()
        };
        Some((format!("conversation:{id}"), data))
    }

    fn of_session(&self) -> Option<(String, Data<'a>)> {
        let id = self.details.room_name.as_deref()?;
        let data = Data {
            session_id: Some(id),
            user_id: self.user(),
            ..Data::default()
        };
        Some((format!("session:{id}"), data))
    }

    /// What an administrator did to a user, by its fixed word.
    fn of_user(&self, reason: &str) -> Option<(String, Data<'a>)> {
        if self.details.reason.as_deref() != Some(reason) {
            return None;
        }
        let user = self.details.recipient.as_deref()?;
        let data = Data {
            user_id: Some(user),
            by: self.record.username.as_deref(),
            ..Data::default()
        };
        Some((format!("user:{user}"), data))
    }

    fn of_connection(&self) -> Option<(String, Data<'a>)> {
        let data = Data {
            user_id: self.user(),
            connection_id: Some(self.record.session_id.as_deref()?),
            dialect: self.record.dialect.as_deref(),
            reason: self.details.reason.as_deref(),
            ..Data::default()
        };
        Some((self.doer(), data))
    }

    fn of_failure(&self) -> (String, Data<'a>) {
        let details = self.details;
        let address = self.record.ip_address.as_deref();
        let data = Data {
            reason: details.reason.as_deref().or(details.code.as_deref()),
            ip_address: address,
            user_id: self.user(),
            ..Data::default()
        };
        (format!("address:{}", address.unwrap_or("unknown")), data)
    }
}

#[cfg(test)]
mod tests;
