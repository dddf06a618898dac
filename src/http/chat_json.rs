//! Chats as JSON, in the form of `chat`: that of the server whose clients it has.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::dialects::chat::{LastMessageJson, PersonJson};
use crate::model::conversation::{
    ClientId, Conversation, Extra, Invitation, Message, Participant, ParticipantStatus, UserRecord,
};
use crate::model::{ClientUserId, UserId, clock};

/// A chat, with what it is to the caller.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatJson<'a> {
    id: ClientId<'a>,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    participants: Vec<MemberJson<'a>>,
    last_message: Option<LastMessageJson<'a>>,
    /// Of the caller alone.
    unread_count: HashMap<&'a str, u64>,
    /// ISO 8601, as the next one.
    created_at: String,
    updated_at: String,
    /// The caller is only invited.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_by: Option<ClientUserId<'a>>,
    /// What the request said beside.
    #[serde(flatten)]
    extra: Option<&'a Extra>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MemberJson<'a> {
    #[serde(flatten)]
    person: PersonJson<'a>,
    profile: ProfileJson,
}

/// What only the application knows; its clients take for granted that it is there.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProfileJson {
    position: &'static str,
    company: &'static str,
    category: &'static str,
}

impl<'a> From<PersonJson<'a>> for MemberJson<'a> {
    fn from(person: PersonJson<'a>) -> Self {
        let profile = ProfileJson {
            position: "",
            company: "",
            category: "Other",
        };
        Self { person, profile }
    }
}

impl<'a> ChatJson<'a> {
    /// A chat of the caller, with those in it, as far as they are known.
    pub(super) fn new(
        conversation: &'a Conversation,
        participants: &'a [Participant],
        known: &'a HashMap<UserId, UserRecord>,
        (caller, unread): (&'a UserId, u64),
    ) -> Self {
        let counted = participants
            .iter()
            .filter(|one| one.looks_active() || one.is_invited());
        let title = conversation.description.title.as_deref();
        let is_private = title.is_none() && counted.clone().count() <= 2;
        let members = counted.map(|one| {
            // Of who is invited, others know what they knew.
            let user = known.get(&one.user).filter(|_| !one.is_invited());
            let name = user.map(|user| &*user.name);
            let avatar_url = user.and_then(|user| user.avatar_url.as_deref());
            PersonJson::new(&one.user, name, avatar_url).into()
        });
        Self {
            id: conversation.id.as_client(conversation.id_type),
            kind: if is_private { "private" } else { "group" },
            title,
            avatar_url: conversation.description.avatar_url.as_deref(),
            participants: members.collect(),
            last_message: None,
            unread_count: [(caller.as_str(), unread)].into(),
            created_at: clock::iso_ms(conversation.created_at),
            updated_at: clock::iso_ms(conversation.last_message_at),
            status: None,
            invited_by: None,
            extra: None,
        }
    }

    /// A chat that the caller is invited to: they are told by whom, and nothing else of it.
    pub(super) fn invitation(
        invitation: &'a Invitation,
        known: &'a HashMap<UserId, UserRecord>,
        caller: &'a UserId,
    ) -> Self {
        let by = known.get(&invitation.by).map(|user| &*user.name);
        Self {
            id: invitation.conversation.as_client(invitation.id_type),
            kind: "private",
            title: None,
            avatar_url: None,
            participants: vec![PersonJson::new(&invitation.by, by, None).into()],
            last_message: None,
            unread_count: [(caller.as_str(), 0)].into(),
            created_at: clock::iso_ms(invitation.at),
            updated_at: clock::iso_ms(invitation.at),
            status: Some(ParticipantStatus::Invited.as_str()),
            invited_by: Some(invitation.by.as_client()),
            extra: None,
        }
    }

    /// With its newest message, if there is one.
    pub(super) fn with_last(self, last: Option<&'a Message>) -> Self {
        Self {
            last_message: last.map(Into::into),
            ..self
        }
    }

    /// With what the request said beside, which is not kept.
    pub(super) fn saying(self, extra: &'a Extra) -> Self {
        Self {
            extra: Some(extra),
            ..self
        }
    }
}
