//! The schemas of ids, codes and opaque values.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::described;
use crate::model::conversation::{
    ChangeNumber, ClientId, ConversationId, Emoji, Extra, MessageId, ReactionId, TempId,
};
use crate::model::session::Kind;
use crate::model::{ClientUserId, ErrorCode, UserId};
use crate::payload::{Opaque, OwnedValue};

described!(UserId, { "type": "string", "description": "The id of a user" });
described!(ClientUserId<'_>, {
    "type": ["string", "integer"],
    "description": "The id of a user, in the JSON type of the last token"
});
described!(ConversationId, { "type": "string", "description": "The id of a conversation" });
described!(ClientId<'_>, {
    "type": ["string", "integer"],
    "description": "The id of a conversation, in the JSON type in which it was written"
});
described!(MessageId, { "type": "string", "format": "uuid" });
described!(ReactionId, { "type": "string", "format": "uuid" });
described!(ChangeNumber, { "type": "integer", "minimum": 0 });
described!(TempId, { "type": ["string", "number"] });
described!(Emoji, { "type": "string" });
described!(Kind, { "type": ["string", "number"] });
described!(Extra, {
    "type": "object",
    "additionalProperties": true
});
described!(Opaque<'_>, { "description": "Any JSON, as it was sent; over sockets binary, too" });
described!(OwnedValue, { "description": "Any JSON, as it was sent; over sockets binary, too" });

impl JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes: Vec<_> = Self::ALL.iter().map(|code| code.as_str()).collect();
        json_schema!({ "type": "string", "enum": codes })
    }
}
