//! Conversations, participants and users as JSON, as REST answers them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::conversation::{
    ClientId, ContentKey, Conversation, Extra, GivenKey, History, Invitation, Participant,
    ParticipantStatus, Role, UserRecord,
};
use crate::model::{ClientUserId, clock};
use crate::payload::OwnedValue;

/// A conversation, with what it is to the caller where that is known.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationJson<'a> {
    id: ClientId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    created_by: ClientUserId<'a>,
    /// ISO 8601, as the next one.
    created_at: String,
    last_message_at: String,
    /// What those see who are added, unless it is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'static str>,
    /// In seconds; 0 is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_retention: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread_count: Option<u64>,
    /// The caller is only invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_by: Option<ClientUserId<'a>>,
    #[serde(flatten)]
    feed: Option<InFeed<'a>>,
    /// What the request said beside.
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

/// The further fields that clients of `feed` read.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConversationInFeed")]
pub(super) struct InFeed<'a> {
    /// The names of its participants.
    participants: Vec<Arc<str>>,
    /// Milliseconds since the epoch.
    created_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_key_number: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_content_key: Option<&'a OwnedValue>,
    /// All that the caller was given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<KeyJson<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct KeyJson<'a> {
    content_key_number: i64,
    encrypted_content_key: &'a OwnedValue,
    /// Milliseconds since the epoch.
    created_at: u64,
}

impl<'a> From<&'a GivenKey> for KeyJson<'a> {
    fn from(given: &'a GivenKey) -> Self {
        Self {
            content_key_number: given.key.number,
            encrypted_content_key: &given.key.encrypted,
            created_at: given.at,
        }
    }
}

impl<'a> InFeed<'a> {
    fn new(
        created_at: u64,
        participants: Vec<Arc<str>>,
        key: Option<&'a ContentKey>,
        keys: &'a [GivenKey],
    ) -> Self {
        Self {
            keys: keys.iter().map(Into::into).collect(),
            participants,
            created_at,
            content_key_number: key.map(|key| key.number),
            encrypted_content_key: key.map(|key| &key.encrypted),
        }
    }
}

impl<'a> ConversationJson<'a> {
    /// A conversation.
    pub(super) fn new(conversation: &'a Conversation) -> Self {
        Self {
            id: conversation.id.as_client(conversation.id_type),
            title: conversation.description.title.as_deref(),
            avatar_url: conversation.description.avatar_url.as_deref(),
            created_by: conversation.created_by.as_client(),
            created_at: clock::iso_ms(conversation.created_at),
            last_message_at: clock::iso_ms(conversation.last_message_at),
            history: match conversation.history {
                History::All => None,
                history @ History::Joined => Some(history.as_str()),
            },
            message_retention: conversation.message_retention.map(|kept| kept.as_secs()),
            role: None,
            unread_count: None,
            status: None,
            invited_by: None,
            feed: None,
            extra: None,
        }
    }

    /// A conversation that the caller is invited to by one who has this name. They are told nothing else of it: who
    /// invited them stands for who made it and takes part in it, and the time of that for all others.
    pub(super) fn invitation(invitation: &'a Invitation, by: Arc<str>) -> Self {
        let at = || clock::iso_ms(invitation.at);
        let key = invitation.key.as_ref();
        Self {
            id: invitation.conversation.as_client(invitation.id_type),
            title: None,
            avatar_url: None,
            created_by: invitation.by.as_client(),
            created_at: at(),
            last_message_at: at(),
            history: None,
            message_retention: None,
            role: Some(invitation.role.as_str()),
            unread_count: Some(0),
            status: Some(ParticipantStatus::Invited.as_str()),
            invited_by: Some(invitation.by.as_client()),
            feed: Some(InFeed::new(invitation.at, vec![by], key, &[])),
            extra: None,
        }
    }

    /// With the id in the JSON type that the caller wrote.
    pub(super) fn with_id(self, id: ClientId<'a>) -> Self {
        Self { id, ..self }
    }

    /// With what the request said beside, which is not kept.
    pub(super) fn saying(self, extra: &'a Extra) -> Self {
        Self {
            extra: Some(extra),
            ..self
        }
    }

    /// With the role of the caller, and the number of messages they did not read.
    pub(super) fn of_caller(self, role: Role, unread: u64) -> Self {
        Self {
            role: Some(role.as_str()),
            unread_count: Some(unread),
            ..self
        }
    }

    /// With the fields that clients of `feed` read: the names of its participants, the caller's key, and all keys that
    /// they were given.
    pub(super) fn in_feed(
        self,
        conversation: &Conversation,
        participants: Vec<Arc<str>>,
        key: Option<&'a ContentKey>,
        keys: &'a [GivenKey],
    ) -> Self {
        Self {
            feed: Some(InFeed::new(
                conversation.created_at,
                participants,
                key,
                keys,
            )),
            ..self
        }
    }
}

/// A participant, or a former one.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Participant")]
#[serde(rename_all = "camelCase")]
pub(super) struct ParticipantJson<'a> {
    user_id: ClientUserId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    role: &'static str,
    status: &'static str,
    /// ISO 8601.
    joined_at: String,
    /// Nobody is known by this name yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pending: bool,
}

impl<'a> From<&'a Participant> for ParticipantJson<'a> {
    fn from(participant: &'a Participant) -> Self {
        Self {
            user_id: participant.user.as_client(),
            name: None,
            avatar_url: None,
            role: participant.role.as_str(),
            status: participant.status.shown().as_str(),
            joined_at: clock::iso_ms(participant.joined_at),
            pending: participant.pending
                && (participant.looks_active() || participant.is_invited()),
        }
    }
}

impl<'a> ParticipantJson<'a> {
    /// With the name and picture of the user; the id stands for an unknown name.
    pub(super) fn with_user(self, user: Option<&'a UserRecord>) -> Self {
        Self {
            name: Some(user.map_or(self.user_id.as_str(), |user| &*user.name)),
            avatar_url: user.and_then(|user| user.avatar_url.as_deref()),
            ..self
        }
    }
}

/// A user, for administrators.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AdministeredUser")]
#[serde(rename_all = "camelCase")]
pub(super) struct UserJson<'a> {
    id: ClientUserId<'a>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    status: &'static str,
    /// ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<String>,
}

impl<'a> From<&'a UserRecord> for UserJson<'a> {
    fn from(user: &'a UserRecord) -> Self {
        Self {
            id: user.id.as_client(),
            name: &user.name,
            avatar_url: user.avatar_url.as_deref(),
            status: user.status.as_str(),
            last_seen_at: user.last_seen_at.map(clock::iso_ms),
        }
    }
}
