//! The three forms of a message over REST: those of `conversation`, `chat` and `feed`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::dialects::conversation::{self, KEY_NUMBER};
use crate::dialects::fields::Fields;
use crate::dialects::{chat, feed};
use crate::model::conversation::{ClientId, Message, NewMessage, TypedId};
use crate::model::{Dialect, Identity, Refusal, UserId, Why};
use crate::payload::{Opaque, OwnedValue, Payload};
use crate::stores::conversations::StoreError;

/// The longest content of a message in the form of `chat`, in characters (protocol, REST).
const MAX_CHAT_CHARS: usize = 5000;

pub(super) const CONVERSATION_ID: &str = "conversationId";
pub(super) const CHAT_ID: &str = "chatId";
pub(super) const CONTENT: &str = "content";
const FEED_ID: &str = "conversation_id";
pub(super) const FEED_CONTENT: &str = "encrypted_msg_content";
pub(super) const FEED_KEY_NUMBER: &str = "content_key_number";

/// A form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Conversation,
    Chat,
    Feed,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SentInConversation")]
pub(super) struct InConversation<'a> {
    message: conversation::MessageJson<'a>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SentInChat")]
pub(super) struct InChat<'a> {
    message: &'static str,
    data: chat::MessageJson<'a>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SentInFeed")]
#[serde(rename_all = "camelCase")]
pub(super) struct InFeed<'a> {
    message: &'static str,
    message_data: feed::MessageJson<'a>,
}

impl Form {
    /// The form of a message, by the name of the conversation's id. Without one, by the rest or by
    /// what is served, so that the refusal is in the words of the client's dialect.
    pub(super) fn of(app: &App, payload: &Payload<'_>) -> Self {
        let has = |name| payload.get(name).is_some();
        let served = &app.config.now().dialects;
        if has(CONVERSATION_ID) {
            Self::Conversation
        } else if has(CHAT_ID) {
            Self::Chat
        } else if has(FEED_ID) || has(FEED_CONTENT) || has(FEED_KEY_NUMBER) {
            Self::Feed
        } else if served.contains(&Dialect::Conversation) {
            Self::Conversation
        } else if served.contains(&Dialect::Chat) {
            Self::Chat
        } else {
            Self::Feed
        }
    }

    pub(super) fn dialect(self) -> Dialect {
        match self {
            Self::Conversation => Dialect::Conversation,
            Self::Chat => Dialect::Chat,
            Self::Feed => Dialect::Feed,
        }
    }

    /// The field that names the conversation.
    pub(super) fn id_field(self) -> &'static str {
        match self {
            Self::Conversation => CONVERSATION_ID,
            Self::Chat => CHAT_ID,
            Self::Feed => FEED_ID,
        }
    }

    /// The message that a user sends, to the conversation that it names if not to another.
    pub(super) fn read(
        self,
        app: &App,
        sender: &UserId,
        to: Option<TypedId>,
        payload: &Payload<'_>,
    ) -> Result<(TypedId, NewMessage), Refusal> {
        let fields = Fields::new(payload, &app.config.now());
        let message = match self {
            Self::Conversation => in_conversation(&fields, to)?,
            Self::Chat => in_chat(&fields)?,
            Self::Feed => in_feed(&fields)?,
        };
        let further = fields.further(message.content)?;
        let conversation = message.conversation;
        let new = NewMessage {
            conversation: conversation.id.clone(),
            sender: sender.clone(),
            content: message.content.map(OwnedValue::from),
            media: further.media,
            key_number: message.key_number,
            temp_id: conversation::temp_id(&fields)?,
            extra: further.extra,
        };
        Ok((conversation, new))
    }

    /// Why a message is not stored.
    pub(super) fn refusal(self, error: StoreError) -> Refusal {
        let text = match self {
            Self::Conversation => "Not a participant of this conversation",
            Self::Chat => "You are not a participant of this chat",
            Self::Feed => "Access denied to this conversation",
        };
        let refusal = Refusal::from(error);
        match refusal.why() {
            Why::NotParticipant => refusal.worded(text),
            _ => refusal,
        }
    }

    /// The answer with a message that was stored.
    pub(super) fn sent(self, id: ClientId<'_>, message: &Message, sender: &Identity) -> Response {
        match self {
            Self::Conversation => {
                let message = conversation::MessageJson::new(id, message, sender.into());
                Json(InConversation { message }).into_response()
            }
            Self::Chat => Json(InChat {
                message: "Message sent",
                data: chat::MessageJson::new(
                    id,
                    message,
                    chat::PersonJson::new(
                        &message.sender,
                        Some(&sender.name),
                        sender.avatar_url.as_deref(),
                    ),
                ),
            })
            .into_response(),
            Self::Feed => Json(InFeed {
                message: "Message sent successfully",
                message_data: feed::MessageJson::new(id, message, &sender.name),
            })
            .into_response(),
        }
    }
}

/// What each form has of its own.
struct MessageFields<'p, 'a> {
    conversation: TypedId,
    content: Option<&'p Opaque<'a>>,
    key_number: Option<i64>,
}

type Read<'p, 'a> = Result<MessageFields<'p, 'a>, Refusal>;

fn in_conversation<'p, 'a>(fields: &Fields<'p, 'a>, to: Option<TypedId>) -> Read<'p, 'a> {
    Ok(MessageFields {
        conversation: to.map_or_else(|| fields.conversation(CONVERSATION_ID), Ok)?,
        content: fields.content_or_attached(CONTENT)?,
        key_number: fields.key_number(KEY_NUMBER)?,
    })
}

fn in_chat<'p, 'a>(fields: &Fields<'p, 'a>) -> Read<'p, 'a> {
    if fields.optional(CHAT_ID).is_none() {
        return Err(Refusal::invalid(CHAT_ID).worded("chatId is required"));
    }
    let chat = fields.conversation(CHAT_ID)?;
    let content = fields.optional(CONTENT);
    if content.is_none() && !fields.has_attached(CONTENT) {
        let error = "Either content or media must be provided";
        return Err(Refusal::invalid(CONTENT).worded(error));
    }
    if content.is_some_and(|content| content.characters() > MAX_CHAT_CHARS) {
        let error = "Content must not exceed 5000 characters";
        return Err(Refusal::invalid(CONTENT).worded(error));
    }
    Ok(MessageFields {
        conversation: chat,
        content: content.map(|_| fields.content(CONTENT)).transpose()?,
        key_number: fields.key_number(KEY_NUMBER)?,
    })
}

fn in_feed<'p, 'a>(fields: &Fields<'p, 'a>) -> Read<'p, 'a> {
    let required = |name| Refusal::invalid(name).worded("All fields are required");
    for name in [FEED_ID, FEED_KEY_NUMBER, FEED_CONTENT] {
        let may_be_empty = name == FEED_CONTENT && fields.has_attached(FEED_CONTENT);
        if fields.optional(name).is_none() && !may_be_empty {
            return Err(required(name));
        }
    }
    let number = fields.key_number(FEED_KEY_NUMBER);
    Ok(MessageFields {
        conversation: fields.conversation(FEED_ID)?,
        content: fields.content_or_attached(FEED_CONTENT)?,
        key_number: number.map_err(|_| required(FEED_KEY_NUMBER))?,
    })
}
