//! What is said of the routes of conversations and chats.

use super::described::{By, Form as Body, Operation, closed, created, ok, open, operation};
use super::parameters::{AFTER, CURSOR, LIMIT, LIMIT_TO_1000, OFFSET};
use crate::http::changes::ChangesAnswer;
use crate::http::chats::{ChatList, OneChat};
use crate::http::conversation_answer::ConversationAnswer;
use crate::http::conversations::{ListAnswer, OneConversation};
use crate::http::feed_participants::{Changed, Left};
use crate::http::participants::{self, ParticipantAnswer};
use crate::http::read_marks::Success;
use crate::http::receipts::ReceiptsAnswer;
use crate::model::Scope;
use crate::schema::{Field, Form, needed, optional, schema_of};

const USERS: By = By::User;
const BOTH: By = By::UserOrAdmin(Scope::Provision);

const CONVERSATIONS: &str = "/api/conversations";
const CONVERSATION: &str = "/api/conversations/{id}";
const PARTICIPANTS: &str = "/api/conversations/{id}/participants";
const PARTICIPANT: &str = "/api/conversations/{id}/participants/{user}";
const READ: &str = "/api/conversations/{id}/read";

const ROLE: Form = Form::Word(&["member", "admin"]);
pub(super) const HISTORY: Field =
    optional("history", Form::Word(&["all", "joined"])).about("What those see who are added later");
const KEY_NUMBER: Field = needed("content_key_number", Form::Integer);
const KEY: Field = needed("encrypted_content_key", Form::Any);
const BROADCAST: Field = optional(
    "system_broadcast",
    Form::Of(&[
        needed("encrypted_msg_content", Form::Any),
        optional("content_key_number", Form::Integer),
    ]),
)
.about("A message that is sent with it");

const MADE: &[Body] = &[
    open(
        "in the form of conversation or chat",
        &[
            optional("participantIds", Form::Ids),
            optional("participants", Form::Ids).about("The same"),
            optional("participantId", Form::Id).about("The same for one"),
            optional("id", Form::Id),
            optional("title", Form::Removable),
            optional("avatarUrl", Form::Removable),
            HISTORY,
        ],
    ),
    open(
        "in the form of feed",
        &[
            needed(
                "conversation_entries",
                Form::ListOf(&[
                    optional("id", Form::Id),
                    optional("username", Form::Text),
                    KEY,
                    optional("content_key_number", Form::Integer),
                ]),
            ),
            optional("title", Form::Removable),
            optional("avatarUrl", Form::Removable),
            HISTORY,
        ],
    ),
];

/// What is marked as read in a conversation.
const MARKED: &[Body] = &[open(
    "",
    &[
        optional("messageIds", Form::Texts),
        optional("messageId", Form::Text),
    ],
)];
const MARK: &str = "Marks these messages as read, or all";

/// The routes of conversations.
pub(super) const OPERATIONS: &[Operation] = &[
    operation(
        "POST",
        CONVERSATIONS,
        USERS,
        "Makes a conversation",
        &[
            created(&[schema_of::<ConversationAnswer>]),
            ok(&[schema_of::<ConversationAnswer>]),
        ],
    )
    .body(MADE)
    .refuses(&[409]),
    operation(
        "GET",
        CONVERSATIONS,
        USERS,
        "Lists one's conversations, the newest message first",
        &[ok(&[schema_of::<ListAnswer>])],
    )
    .query(&[LIMIT, CURSOR]),
    operation(
        "GET",
        CONVERSATION,
        BOTH,
        "Shows a conversation with its participants",
        &[ok(&[schema_of::<ConversationAnswer>])],
    ),
    operation(
        "PATCH",
        CONVERSATION,
        BOTH,
        "Changes the title, the picture, or what newcomers see",
        &[ok(&[schema_of::<OneConversation>])],
    )
    .body(&[open(
        "",
        &[
            optional("title", Form::Removable),
            optional("avatarUrl", Form::Removable),
            HISTORY,
        ],
    )]),
    operation(
        "DELETE",
        CONVERSATION,
        USERS,
        "Leaves a conversation",
        &[ok(&[schema_of::<Left>])],
    )
    .optional_body(&[open("", &[BROADCAST])]),
    operation(
        "GET",
        "/api/conversations/{id}/changes",
        USERS,
        "What happened in a conversation since",
        &[ok(&[schema_of::<ChangesAnswer>])],
    )
    .query(&[AFTER, LIMIT_TO_1000])
    .refuses(&[410]),
    operation(
        "GET",
        PARTICIPANTS,
        BOTH,
        "Lists present and former participants",
        &[ok(&[schema_of::<participants::ListAnswer>])],
    )
    .query(&[LIMIT, CURSOR]),
    operation(
        "POST",
        PARTICIPANTS,
        BOTH,
        "Adds participants, or gives them keys",
        &[
            created(&[schema_of::<ParticipantAnswer>]),
            ok(&[schema_of::<ParticipantAnswer>, schema_of::<Changed>]),
        ],
    )
    .body(&[
        open("one", &[needed("userId", Form::Id), optional("role", ROLE)]),
        open(
            "in the form of feed, with the keys that there are",
            &[
                needed("share_history", Form::Flag),
                needed(
                    "entries",
                    Form::ListOf(&[
                        needed("username", Form::Text),
                        needed("keys", Form::ListOf(&[KEY_NUMBER, KEY])),
                    ]),
                ),
                BROADCAST,
            ],
        ),
        open(
            "in the form of feed, with a new key",
            &[
                KEY_NUMBER,
                optional("share_history", Form::Flag),
                needed(
                    "entries",
                    Form::ListOf(&[needed("username", Form::Text), KEY]),
                ),
                BROADCAST,
            ],
        ),
    ])
    .refuses(&[409]),
    operation(
        "PATCH",
        PARTICIPANT,
        BOTH,
        "Gives a participant another role",
        &[ok(&[schema_of::<ParticipantAnswer>])],
    )
    .body(&[closed("", &[needed("role", ROLE)])])
    .refuses(&[409]),
    operation(
        "DELETE",
        PARTICIPANT,
        BOTH,
        "Removes a participant, leaves, or ends an invitation",
        &[ok(&[schema_of::<ParticipantAnswer>])],
    ),
    operation("POST", READ, USERS, MARK, &[ok(&[schema_of::<Success>])]).optional_body(MARKED),
    operation("PUT", READ, USERS, MARK, &[ok(&[schema_of::<Success>])]).optional_body(MARKED),
    operation("PATCH", READ, USERS, MARK, &[ok(&[schema_of::<Success>])]).optional_body(MARKED),
    operation(
        "GET",
        "/api/conversations/{id}/receipts",
        USERS,
        "Receipts that concern oneself, since",
        &[ok(&[schema_of::<ReceiptsAnswer>])],
    )
    .query(&[AFTER, LIMIT_TO_1000])
    .refuses(&[410]),
    operation(
        "GET",
        "/api/changes",
        USERS,
        "What happened since in all of one's conversations",
        &[ok(&[schema_of::<ChangesAnswer>])],
    )
    .query(&[AFTER, LIMIT_TO_1000])
    .refuses(&[410]),
    operation(
        "POST",
        "/api/changes",
        USERS,
        "The same for a cursor that is too long for a query",
        &[ok(&[schema_of::<ChangesAnswer>])],
    )
    .body(&[closed(
        "",
        &[
            optional("after", Form::Text),
            optional("limit", Form::Count),
        ],
    )])
    .refuses(&[410]),
    operation(
        "POST",
        "/api/chats",
        USERS,
        "Makes a chat",
        &[
            created(&[schema_of::<OneChat>]),
            ok(&[schema_of::<OneChat>]),
        ],
    )
    .body(MADE)
    .refuses(&[409]),
    operation(
        "GET",
        "/api/chats",
        USERS,
        "Lists one's chats, the newest message first",
        &[ok(&[schema_of::<ChatList>])],
    )
    .query(&[LIMIT, OFFSET]),
    operation(
        "GET",
        "/api/chats/{id}",
        USERS,
        "Shows a chat",
        &[ok(&[schema_of::<OneChat>])],
    ),
];
