//! Changes of a conversation as JSON. Those that a socket is sent have the names of their events, and
//! messages the form of `conversation`.

use schemars::JsonSchema;
use serde::Serialize;

use super::senders::Senders;
use crate::dialects::conversation::MessageJson;
use crate::model::clock;
use crate::model::conversation::{
    Change, ChangeNumber, Changed, ChangedBy, ClientId, Message, MessageId, Reaction, ReactionId,
    Role,
};
use crate::model::{ClientUserId, UserId};

/// A change.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeJson<'a> {
    conversation_id: ClientId<'a>,
    number: ChangeNumber,
    /// ISO 8601.
    at: String,
    by: Author<'a>,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum Author<'a> {
    #[serde(rename_all = "camelCase")]
    User {
        user_id: ClientUserId<'a>,
    },
    Admin,
    Application,
}

#[derive(Serialize, JsonSchema)]
#[serde(tag = "type")]
pub(super) enum What<'a> {
    #[serde(rename = "conversation:created")]
    Created {
        participants: Vec<ParticipantJson<'a>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        invited: Vec<ParticipantJson<'a>>,
    },
    #[serde(rename = "message:new")]
    Sent { message: MessageJson<'a> },
    #[serde(rename = "message:updated")]
    Edited { message: MessageJson<'a> },
    #[serde(rename = "message:deleted")]
    Deleted { message: MessageJson<'a> },
    #[serde(rename = "reaction:added")]
    Reacted { reaction: ReactionJson<'a> },
    #[serde(rename = "reaction:removed")]
    Unreacted { reaction: ReactionJson<'a> },
    #[serde(rename = "participant:added")]
    #[serde(rename_all = "camelCase")]
    Added {
        participant: ParticipantJson<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        in_place_of: Option<ClientUserId<'a>>,
    },
    #[serde(rename = "participant:updated")]
    Updated { participant: ParticipantJson<'a> },
    #[serde(rename = "participant:invited")]
    #[serde(rename_all = "camelCase")]
    Invited {
        participant: ParticipantJson<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        in_place_of: Option<ClientUserId<'a>>,
    },
    #[serde(rename = "participant:uninvited")]
    Uninvited { participant: ParticipantJson<'a> },
    #[serde(rename = "conversation:key-rotated")]
    #[serde(rename_all = "camelCase")]
    KeyRotated { content_key_number: i64 },
    #[serde(rename = "conversation:updated")]
    #[serde(rename_all = "camelCase")]
    Described {
        title: Option<&'a str>,
        avatar_url: Option<&'a str>,
    },
    #[serde(rename = "participant:left")]
    Left { participant: ParticipantJson<'a> },
    #[serde(rename = "participant:removed")]
    Removed { participant: ParticipantJson<'a> },
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReactionJson<'a> {
    id: ReactionId,
    message_id: MessageId,
    user_id: ClientUserId<'a>,
    emoji: &'a str,
    /// ISO 8601.
    created_at: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChangedParticipant")]
#[serde(rename_all = "camelCase")]
pub(super) struct ParticipantJson<'a> {
    user_id: ClientUserId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_key_number: Option<i64>,
}

impl<'a> ChangeJson<'a> {
    /// A change of a conversation that clients see under this id. `None`: there is nothing that a client could be told of it.
    pub(super) fn new(id: ClientId<'a>, change: &'a Change, senders: &'a Senders) -> Option<Self> {
        Some(Self {
            conversation_id: id,
            number: change.number,
            at: clock::iso_ms(change.at),
            by: (&change.by).into(),
            what: What::new(id, &change.what, senders)?,
        })
    }
}

impl<'a> What<'a> {
    fn new(id: ClientId<'a>, changed: &'a Changed, senders: &'a Senders) -> Option<Self> {
        let message = |message: &'a Message| MessageJson::new(id, message, senders.of(message));
        Some(match changed {
            Changed::Created {
                participants,
                invited,
                ..
            } => {
                let all = participants.iter();
                let (invited, participants) = all.partition(|(user, _)| invited.contains(user));
                Self::Created {
                    participants: ParticipantJson::all(participants),
                    invited: ParticipantJson::all(invited),
                }
            }
            Changed::Sent(sent) => Self::Sent {
                message: message(sent),
            },
            Changed::Edited(edited) => Self::Edited {
                message: message(edited),
            },
            Changed::Deleted(deleted) => Self::Deleted {
                message: message(deleted),
            },
            Changed::Reacted(reaction) => Self::Reacted {
                reaction: reaction.into(),
            },
            Changed::Unreacted(reaction) => Self::Unreacted {
                reaction: reaction.into(),
            },
            Changed::Added {
                user,
                role,
                key_number,
                in_place_of,
                is_ignored: _,
            } => Self::Added {
                participant: ParticipantJson::active(user, *role, *key_number),
                in_place_of: in_place_of.as_ref().map(UserId::as_client),
            },
            Changed::Invited {
                user,
                role,
                key_number,
                in_place_of,
            } => Self::Invited {
                participant: ParticipantJson::active(user, *role, *key_number),
                in_place_of: in_place_of.as_ref().map(UserId::as_client),
            },
            Changed::Uninvited(user) => Self::Uninvited {
                participant: user.into(),
            },
            Changed::Updated {
                user,
                role,
                key_number,
            } => Self::Updated {
                participant: ParticipantJson::active(user, *role, *key_number),
            },
            Changed::KeyRotated { key_number } => Self::KeyRotated {
                content_key_number: *key_number,
            },
            Changed::Described(description) => Self::Described {
                title: description.title.as_deref(),
                avatar_url: description.avatar_url.as_deref(),
            },
            Changed::Left(user) => Self::Left {
                participant: user.into(),
            },
            Changed::Removed(user) | Changed::Dismissed(user) => Self::Removed {
                participant: user.into(),
            },
            Changed::Forgotten => return None,
        })
    }
}

impl<'a> From<&'a ChangedBy> for Author<'a> {
    fn from(by: &'a ChangedBy) -> Self {
        match by {
            ChangedBy::User(user) => Self::User {
                user_id: user.as_client(),
            },
            ChangedBy::Admin => Self::Admin,
            ChangedBy::Application => Self::Application,
        }
    }
}

impl<'a> From<&'a Reaction> for ReactionJson<'a> {
    fn from(reaction: &'a Reaction) -> Self {
        Self {
            id: reaction.id,
            message_id: reaction.message,
            user_id: reaction.user.as_client(),
            emoji: reaction.emoji.as_str(),
            created_at: clock::iso_ms(reaction.created_at),
        }
    }
}

impl<'a> ParticipantJson<'a> {
    fn all(users: Vec<&'a (UserId, Role)>) -> Vec<Self> {
        let users = users.into_iter();
        users
            .map(|(user, role)| Self::active(user, *role, None))
            .collect()
    }

    fn active(user: &'a UserId, role: Role, content_key_number: Option<i64>) -> Self {
        Self {
            user_id: user.as_client(),
            role: Some(role.as_str()),
            content_key_number,
        }
    }
}

impl<'a> From<&'a UserId> for ParticipantJson<'a> {
    fn from(user: &'a UserId) -> Self {
        Self {
            user_id: user.as_client(),
            role: None,
            content_key_number: None,
        }
    }
}
