//! Every event of the three dialects, as it should be, and what each of its fields must not be.

use crate::conversation::Shape;
use crate::conversation::stage::ROOM;

/// An event as it should be.
pub(super) struct Form {
    pub shape: Shape,
    pub event: &'static str,
    pub fields: &'static [(&'static str, &'static str)],
    /// Which fields must not be what.
    pub wrong: &'static [(&'static str, &'static [&'static str])],
}

/// Stands for a string of so many characters, or, with a letter, a list of as many ids or items.
const LONG: &str = "<129>";
const LONGER: &str = "<10001>";
const MANY: &str = "<501 ids>";
const MUCH: &str = "<5000 items>";
pub(super) const MISSING: &str = "";

pub(super) const NO_CONVERSATION: &[&str] = &[
    MISSING,
    "null",
    "\"\"",
    "true",
    "false",
    "1.5",
    "1e300",
    "-0.5",
    "9223372036854775808",
    "12345678901234567890123",
    "{}",
    "[]",
    "{\"$gt\":\"\"}",
    "[\"room\"]",
    "\"\\ud800\"",
    "\"a\\nb\"",
    "\"a\\u0000b\"",
    "\"\\u001b[31m\"",
    "\"\\u009b\"",
    "\"\\u007f\"",
    LONG,
];
const NO_MADE_ID: &[&str] = &[
    MISSING,
    "null",
    "\"\"",
    "true",
    "1.5",
    "{}",
    "[]",
    "{\"$ne\":null}",
    "[\"<first>\"]",
    "\"\\ud800\"",
    LONG,
];
const NO_CONTENT: &[&str] = &[MISSING, "null", "\"\"", LONGER, MUCH];
/// An empty one depends on the message, so on whether one is told of it.
const NO_NEW_CONTENT: &[&str] = &[MISSING, "null", LONGER, MUCH];
const NO_TEMP_ID: &[&str] = &[
    "true",
    "{}",
    "[]",
    "{\"$gt\":\"\"}",
    "[\"a\"]",
    "\"\\ud800\"",
    "\"a\\nb\"",
    "\"a\\u0000b\"",
    LONG,
];
const NO_EMOJI: &[&str] = &[
    MISSING,
    "null",
    "\"\"",
    "true",
    "7",
    "{}",
    "[]",
    "[\"+\"]",
    "{\"$ne\":\"\"}",
    "\"12345678901\"",
    "\"a\\nb\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
];
/// Without the field, all are meant.
const NO_MESSAGE_IDS: &[&str] = &[
    "null",
    "\"\"",
    "\"<first>\"",
    "7",
    "true",
    "{}",
    "{\"0\":\"<first>\"}",
    "[]",
    "[7]",
    "[null]",
    "[\"<first>\",true]",
    "[[\"<first>\"]]",
    "[{\"$gt\":\"\"}]",
    MANY,
];

#[rustfmt::skip]
pub(super) const FORMS: &[Form] = &[
    Form {
        shape: Shape::Conversation,
        event: "conversation:join",
        fields: &[("conversationId", ROOM)],
        wrong: &[("conversationId", NO_CONVERSATION)],
    },
    Form {
        shape: Shape::Conversation,
        event: "message:send",
        fields: &[("conversationId", ROOM), ("content", "\"c\""), ("tempId", "\"new\"")],
        wrong: &[("conversationId", NO_CONVERSATION), ("content", NO_CONTENT), ("tempId", NO_TEMP_ID)],
    },
    Form {
        shape: Shape::Conversation,
        event: "message:update",
        fields: &[("conversationId", ROOM), ("messageId", "\"<own>\""), ("content", "\"c\"")],
        wrong: &[("conversationId", NO_CONVERSATION), ("messageId", NO_MADE_ID), ("content", NO_NEW_CONTENT)],
    },
    Form {
        shape: Shape::Conversation,
        event: "message:read",
        fields: &[("conversationId", ROOM), ("messageIds", "[\"<first>\"]")],
        wrong: &[("conversationId", NO_CONVERSATION), ("messageIds", NO_MESSAGE_IDS)],
    },
    Form {
        shape: Shape::Conversation,
        event: "typing:start",
        fields: &[("conversationId", ROOM)],
        wrong: &[("conversationId", NO_CONVERSATION)],
    },
    Form {
        shape: Shape::Conversation,
        event: "typing:stop",
        fields: &[("conversationId", ROOM)],
        wrong: &[("conversationId", NO_CONVERSATION)],
    },
    Form {
        shape: Shape::Conversation,
        event: "reaction:add",
        fields: &[("conversationId", ROOM), ("messageId", "\"<first>\""), ("emoji", "\"+\"")],
        wrong: &[("conversationId", NO_CONVERSATION), ("messageId", NO_MADE_ID), ("emoji", NO_EMOJI)],
    },
    Form {
        shape: Shape::Conversation,
        event: "reaction:remove",
        fields: &[("conversationId", ROOM), ("messageId", "\"<own>\""), ("reactionId", "\"<own reaction>\"")],
        wrong: &[("conversationId", NO_CONVERSATION), ("messageId", NO_MADE_ID), ("reactionId", NO_MADE_ID)],
    },
    Form {
        shape: Shape::Conversation,
        event: "message:delete",
        fields: &[("conversationId", ROOM), ("messageId", "\"<own>\"")],
        wrong: &[("conversationId", NO_CONVERSATION), ("messageId", NO_MADE_ID)],
    },
    Form {
        shape: Shape::Conversation,
        event: "presence:request",
        fields: &[("conversationId", ROOM)],
        wrong: &[("conversationId", NO_CONVERSATION)],
    },
    Form {
        shape: Shape::Conversation,
        event: "conversation:leave",
        fields: &[("conversationId", ROOM)],
        wrong: &[("conversationId", NO_CONVERSATION)],
    },
    Form {
        shape: Shape::Feed,
        event: "join-conversation",
        fields: &[("conversationId", ROOM)],
        wrong: &[("conversationId", NO_CONVERSATION)],
    },
    Form {
        shape: Shape::Feed,
        event: "leave-conversation",
        fields: &[("conversation_id", ROOM)],
        wrong: &[("conversation_id", NO_CONVERSATION)],
    },
    Form {
        shape: Shape::Chat,
        event: "user:typing",
        fields: &[("chatId", ROOM)],
        wrong: &[("chatId", NO_CONVERSATION)],
    },
    Form {
        shape: Shape::Chat,
        event: "user:stop-typing",
        fields: &[("chatId", ROOM)],
        wrong: &[("chatId", NO_CONVERSATION)],
    },
];

impl Form {
    /// The payload with one field changed.
    pub(super) fn with(&self, field: &str, value: &str) -> String {
        let text = |(name, right): &(&str, &str)| {
            let value = if *name == field { value } else { right };
            (!value.is_empty()).then(|| format!("\"{name}\":{value}"))
        };
        let fields: Vec<_> = self.fields.iter().filter_map(text).collect();
        format!("{{{}}}", fields.join(","))
    }

    pub(super) fn whole(&self) -> String {
        self.with(MISSING, MISSING)
    }

    /// Whether its argument may be an id alone.
    pub(super) fn may_be_bare(&self) -> bool {
        let names_more = self.fields.len() > 1 && self.event != "message:read";
        self.shape != Shape::Conversation || !names_more
    }
}

/// The value that stands for this one.
pub(super) fn spelt_out(value: &str) -> String {
    let inner = value
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'));
    match inner.map(|inner| inner.split_once(' ').unwrap_or((inner, ""))) {
        Some((count, "")) => format!("\"{}\"", "x".repeat(count.parse().unwrap())),
        Some((count, what)) => {
            let item = if what == "ids" {
                "\"01890000-0000-7000-8000-000000000000\""
            } else {
                "10"
            };
            format!("[{}]", vec![item; count.parse().unwrap()].join(","))
        }
        None => value.to_owned(),
    }
}
