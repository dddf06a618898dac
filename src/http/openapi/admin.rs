//! What is said of the routes of administrators.

use super::conversations::HISTORY;
use super::described::{
    By, Form as Object, Operation, closed, created, lines, ok, operation, with_status,
};
use super::parameters::{CURSOR, LIMIT_TO_1000};
use crate::http::admin::Disconnected;
use crate::http::admin::audit::Records;
use crate::http::admin::connections::Connections;
use crate::http::admin::import;
use crate::http::admin::presence::{self, Online, Users};
use crate::http::admin::publish;
use crate::http::admin::reload::{NotReloaded, Reloaded};
use crate::http::admin::revocations::{Revocations, Revoked, TakenBack};
use crate::http::admin::users::OneUser;
use crate::http::admin::webhooks::{DeadFacts, Replayed, Tested, Webhooks};
use crate::http::conversation_answer::ConversationAnswer;
use crate::http::conversations::OneConversation;
use crate::model::Scope;
use crate::schema::{Field, Form, needed, optional, schema_of};

const PROVISION: By = By::Admin(Scope::Provision);
const PRESENCE: By = By::Admin(Scope::Presence);
const CONNECTIONS: By = By::Admin(Scope::Connections);
const REVOKE: By = By::Admin(Scope::Revoke);

const WEBHOOKS: By = By::Admin(Scope::Webhooks);

const REVOKED_KIND: Form = Form::Word(&["user", "token", "session"]);
const REVOCATION: &[Field] = &[
    needed("kind", REVOKED_KIND),
    needed("id", Form::Id),
    optional("before", Form::Text).about("For a user: tokens issued before this time"),
    optional("expiresAt", Form::Text).about("When it is forgotten"),
];

const IMPORTED: &[Object] = &[
    closed(
        "User",
        &[
            needed("type", Form::Word(&["user"])),
            needed("id", Form::Id),
            optional("name", Form::Text),
            optional("avatarUrl", Form::Removable),
            optional("status", Form::Word(&["active", "suspended"])),
        ],
    ),
    closed(
        "Conversation",
        &[
            needed("type", Form::Word(&["conversation"])),
            needed("id", Form::Id),
            optional("title", Form::Text),
            optional("createdBy", Form::Id),
            optional("createdAt", Form::Text).about("ISO 8601, not in the future"),
        ],
    ),
    closed(
        "Participant",
        &[
            needed("type", Form::Word(&["participant"])),
            needed("conversationId", Form::Id),
            needed("userId", Form::Id),
            optional("role", Form::Word(&["admin", "member"])),
            optional("status", Form::Word(&["active", "left", "removed"])),
            optional("joinedAt", Form::Text).about("ISO 8601, not in the future"),
        ],
    ),
];

/// The routes of administrators.
pub(super) const OPERATIONS: &[Operation] = &[
    operation(
        "PUT",
        "/api/admin/users/{id}",
        PROVISION,
        "Makes a user known, or changes them",
        &[ok(&[schema_of::<OneUser>])],
    )
    .body(&[closed(
        "",
        &[
            optional("name", Form::Text),
            optional("avatarUrl", Form::Removable),
            optional("status", Form::Word(&["active", "suspended"])),
        ],
    )]),
    operation(
        "POST",
        "/api/admin/users/{id}/disconnect",
        CONNECTIONS,
        "Closes the connections of a user",
        &[ok(&[schema_of::<Disconnected>])],
    ),
    operation(
        "GET",
        "/api/admin/users/{id}/presence",
        PRESENCE,
        "Whether a user is online",
        &[ok(&[schema_of::<presence::OneUser>])],
    ),
    operation(
        "POST",
        "/api/admin/presence",
        PRESENCE,
        "The same of up to 1000 users",
        &[ok(&[schema_of::<Users>])],
    )
    .body(&[closed("", &[needed("userIds", Form::Texts)])]),
    operation(
        "POST",
        "/api/admin/conversations",
        PROVISION,
        "Makes a conversation",
        &[
            created(&[schema_of::<ConversationAnswer>]),
            ok(&[schema_of::<ConversationAnswer>]),
        ],
    )
    .body(&[closed(
        "",
        &[
            needed("participantIds", Form::Ids),
            optional("id", Form::Id),
            optional("title", Form::Removable),
            optional("avatarUrl", Form::Removable),
            optional("createdBy", Form::Id),
            optional("admins", Form::Ids),
            HISTORY,
        ],
    )])
    .refuses(&[409]),
    operation(
        "PATCH",
        "/api/admin/conversations/{id}",
        PROVISION,
        "How long the messages of a conversation are kept",
        &[ok(&[schema_of::<OneConversation>])],
    )
    .body(&[closed(
        "",
        &[needed("messageRetention", Form::Number)
            .about("Seconds, or text such as `90d`; 0 is for ever, `null` as for others")],
    )]),
    operation(
        "GET",
        "/api/admin/conversations/{id}/presence",
        PRESENCE,
        "Which participants are online",
        &[ok(&[schema_of::<Online>])],
    ),
    operation(
        "GET",
        "/api/admin/connections",
        CONNECTIONS,
        "Lists connections of clients",
        &[ok(&[schema_of::<Connections>])],
    )
    .query(&[optional("user", Form::Text), LIMIT_TO_1000, CURSOR]),
    operation(
        "DELETE",
        "/api/admin/connections/{id}",
        CONNECTIONS,
        "Closes a connection",
        &[ok(&[schema_of::<Disconnected>])],
    ),
    operation(
        "POST",
        "/api/admin/publish",
        By::Admin(Scope::Publish),
        "Sends an event of the application's own to clients",
        &[ok(&[schema_of::<publish::Answer>])],
    )
    .headers(&[optional("Idempotency-Key", Form::Text)
        .about("The same request under the same key is done once")])
    .body(&[closed(
        "",
        &[
            needed(
                "targets",
                Form::Of(&[
                    optional("users", Form::Texts),
                    optional("conversations", Form::Texts),
                    optional("sessions", Form::Texts),
                    optional("connections", Form::Texts),
                ]),
            ),
            needed("event", Form::Text),
            optional("data", Form::Any),
            optional("store", Form::Flag).about("`true` is refused"),
        ],
    )])
    .refuses(&[409]),
    operation(
        "POST",
        "/api/admin/import",
        PROVISION,
        "Brings in users, conversations and participants, a line each; the answer is lines while it goes on",
        &[lines(&[
            schema_of::<import::NotStored>,
            schema_of::<import::Progress>,
            schema_of::<import::Ended>,
        ])],
    )
    .query(&[optional("dryRun", Form::Flag).about("Only tries it: nothing is changed")])
    .lines(IMPORTED),
    operation(
        "POST",
        "/api/admin/revocations",
        REVOKE,
        "Takes tokens back",
        &[ok(&[schema_of::<Revoked>])],
    )
    .body(&[closed("", REVOCATION)]),
    operation(
        "GET",
        "/api/admin/revocations",
        REVOKE,
        "Lists what was taken back",
        &[ok(&[schema_of::<Revocations>])],
    )
    .query(&[optional("kind", REVOKED_KIND), LIMIT_TO_1000, CURSOR]),
    operation(
        "DELETE",
        "/api/admin/revocations/{id}",
        REVOKE,
        "Lets tokens be used again",
        &[ok(&[schema_of::<TakenBack>])],
    ),
    operation(
        "GET",
        "/api/admin/webhooks",
        WEBHOOKS,
        "The endpoints that are told what happens",
        &[ok(&[schema_of::<Webhooks>])],
    ),
    operation(
        "GET",
        "/api/admin/webhooks/{name}/dead",
        WEBHOOKS,
        "What an endpoint has not taken in time",
        &[ok(&[schema_of::<DeadFacts>])],
    )
    .query(&[LIMIT_TO_1000, CURSOR]),
    operation(
        "POST",
        "/api/admin/webhooks/{name}/replay",
        WEBHOOKS,
        "Has it told again: some by their ids, those of a time, or all",
        &[ok(&[schema_of::<Replayed>])],
    )
    .optional_body(&[closed(
        "",
        &[
            optional("ids", Form::Texts),
            optional("from", Form::Text).about("From when on it happened"),
            optional("to", Form::Text).about("Before when it happened"),
        ],
    )]),
    operation(
        "POST",
        "/api/admin/webhooks/{name}/test",
        WEBHOOKS,
        "Sends one request to an endpoint, and says what became of it",
        &[ok(&[schema_of::<Tested>])],
    )
    .optional_body(&[closed("", &[])]),
    operation(
        "GET",
        "/api/admin/audit",
        By::Admin(Scope::Audit),
        "Reads the audit, newest first",
        &[ok(&[schema_of::<Records>])],
    )
    .query(&[
        optional("user", Form::Text),
        optional("event", Form::Text),
        optional("from", Form::Text),
        optional("to", Form::Text),
        LIMIT_TO_1000,
        CURSOR,
    ]),
    operation(
        "POST",
        "/api/admin/reload",
        By::Admin(Scope::All),
        "Reads the settings anew: all that can change without a restart do, or none",
        &[
            ok(&[schema_of::<Reloaded>]),
            with_status(422, &[schema_of::<NotReloaded>]),
        ],
    ),
];
