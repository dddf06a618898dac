//! What is said of the routes of messages.

use super::described::{By, Form as Body, Operation, created, ok, open, operation};
use super::parameters::{AFTER, LIMIT, OFFSET};
use crate::dialects::{chat, conversation, feed};
use crate::http::history::{InChat, PageOf, SliceOf};
use crate::http::message_form;
use crate::http::messages::{Edited, EditedInChat, Removed, Replaced};
use crate::http::read_marks::Success;
use crate::http::recent::RecentAnswer;
use crate::schema::{Field, Form, needed, optional, schema_of};

const USERS: By = By::User;

const MESSAGES: &str = "/api/messages";
const MESSAGE: &str = "/api/messages/{id}";
const IN_CONVERSATION: &str = "/api/conversations/{id}/messages";
const READ: &str = "/api/messages/{id}/read";

const MEDIA: Field = optional("media", Form::Any);
const TEMP_ID: Field = optional("tempId", Form::OwnId).about("The sender's own name for it");
const KEY_NUMBER: Field = optional("keyNumber", Form::Integer);
const FEED_CONTENT: Field = needed("encrypted_msg_content", Form::Any);
const BEFORE: Field = optional("before", Form::Uuid).about("The id of a message");

const SENT: Body = open(
    "in the form of conversation",
    &[
        needed("conversationId", Form::Id),
        optional("content", Form::Any),
        MEDIA,
        KEY_NUMBER,
        TEMP_ID,
    ],
);
const SENT_THERE: Body = open(
    "",
    &[optional("content", Form::Any), MEDIA, KEY_NUMBER, TEMP_ID],
);
const SENT_IN_CHAT: Body = open(
    "in the form of chat",
    &[
        needed("chatId", Form::Id),
        optional("content", Form::Any),
        MEDIA,
        KEY_NUMBER,
        TEMP_ID,
    ],
);
const SENT_IN_FEED: Body = open(
    "in the form of feed",
    &[
        needed("conversation_id", Form::Id),
        needed("content_key_number", Form::Integer),
        FEED_CONTENT,
        MEDIA,
        TEMP_ID,
    ],
);

/// What is marked as read, of a conversation in any form.
const MARKED: &[Body] = &[MARKED_AS_READ];
const MARKED_AS_READ: Body = open(
    "where `id` is `read`",
    &[
        optional("conversationId", Form::Id),
        optional("chatId", Form::Id),
        optional("conversation_id", Form::Id),
        optional("messageIds", Form::Texts),
        optional("messageId", Form::Text),
    ],
);
const MARK: &str = "Marks messages as read: its `id` is `read`";
const MARK_ONE: &str = "Marks a message as read";

/// The routes of messages.
pub(super) const OPERATIONS: &[Operation] = &[
    operation(
        "POST",
        MESSAGES,
        USERS,
        "Sends a message",
        &[
            created(&[
                schema_of::<message_form::InConversation>,
                schema_of::<message_form::InChat>,
                schema_of::<message_form::InFeed>,
            ]),
            ok(&[
                schema_of::<message_form::InConversation>,
                schema_of::<message_form::InChat>,
                schema_of::<message_form::InFeed>,
            ]),
        ],
    )
    .body(&[SENT, SENT_IN_CHAT, SENT_IN_FEED]),
    operation(
        "GET",
        MESSAGES,
        USERS,
        "Reads the history of the conversation in `conversationId` or `chatId`",
        &[ok(&[
            schema_of::<PageOf<conversation::MessageJson>>,
            schema_of::<InChat<chat::MessageJson>>,
        ])],
    )
    .query(&[
        optional("conversationId", Form::Text),
        optional("chatId", Form::Text),
        LIMIT,
        BEFORE,
        AFTER,
        OFFSET,
    ])
    .refuses(&[410]),
    operation(
        "POST",
        IN_CONVERSATION,
        USERS,
        "Sends a message",
        &[
            created(&[schema_of::<message_form::InConversation>]),
            ok(&[schema_of::<message_form::InConversation>]),
        ],
    )
    .body(&[SENT_THERE]),
    operation(
        "GET",
        IN_CONVERSATION,
        USERS,
        "Reads the history of a conversation",
        &[ok(&[schema_of::<PageOf<conversation::MessageJson>>])],
    )
    .query(&[LIMIT, BEFORE, AFTER])
    .refuses(&[410]),
    operation(
        "GET",
        MESSAGE,
        USERS,
        "Reads the history of the conversation with this `id`, in the form of feed",
        &[ok(&[schema_of::<SliceOf<feed::MessageJson>>])],
    )
    .query(&[LIMIT, OFFSET]),
    operation(
        "PATCH",
        MESSAGE,
        USERS,
        "Edits a message of one's own, in the form of conversation or chat",
        &[ok(&[
            schema_of::<Edited>,
            schema_of::<EditedInChat>,
            schema_of::<Success>,
        ])],
    )
    .body(&[
        open(
            "",
            &[
                needed("content", Form::Any),
                optional("chatId", Form::Id),
                MEDIA,
                KEY_NUMBER,
            ],
        ),
        MARKED_AS_READ,
    ]),
    operation(
        "PUT",
        MESSAGE,
        USERS,
        "Edits a message of one's own, in the form of feed",
        &[ok(&[schema_of::<Replaced>, schema_of::<Success>])],
    )
    .body(&[
        open(
            "",
            &[FEED_CONTENT, optional("content_key_number", Form::Integer)],
        ),
        MARKED_AS_READ,
    ]),
    operation(
        "DELETE",
        MESSAGE,
        USERS,
        "Deletes a message for all, or for oneself",
        &[ok(&[schema_of::<Removed>])],
    )
    .query(&[optional("forAll", Form::Flag)]),
    operation("POST", MESSAGE, USERS, MARK, &[ok(&[schema_of::<Success>])]).body(MARKED),
    operation(
        "POST",
        READ,
        USERS,
        MARK_ONE,
        &[ok(&[schema_of::<Success>])],
    )
    .optional_body(&[open("", &[])]),
    operation("PUT", READ, USERS, MARK_ONE, &[ok(&[schema_of::<Success>])])
        .optional_body(&[open("", &[])]),
    operation(
        "PATCH",
        READ,
        USERS,
        MARK_ONE,
        &[ok(&[schema_of::<Success>])],
    )
    .optional_body(&[open("", &[])]),
    operation(
        "GET",
        "/api/messages/recent/all",
        USERS,
        "The newest messages of all of one's conversations",
        &[ok(&[schema_of::<RecentAnswer>])],
    )
    .query(&[LIMIT]),
];
