//! What is said of the routes of blocked users, of sessions, of operators, and of the descriptions themselves.

use super::described::{By, Operation, closed, created, of_type, ok, operation, with_status};
use super::parameters::{CURSOR, LIMIT, LIMIT_TO_1000};
use crate::http::blocked::{BlockAnswer, ListAnswer};
use crate::http::health::{Health, Ready};
use crate::http::routes::SOCKET_IO;
use crate::http::sessions::{ListPart, Listed, Reserved};
use crate::schema::{Field, Form, anything, needed, optional, schema_of};

const USERS: By = By::User;
const ANYBODY: By = By::Anybody;
const BLOCKED: &str = "/api/users/me/blocked";
const BLOCKED_USER: &str = "/api/users/me/blocked/{id}";

/// The parameters of a connection of a client.
const HANDSHAKE: &[Field] = &[
    needed("EIO", Form::Word(&["3", "4"])),
    needed("transport", Form::Word(&["polling", "websocket"])),
    optional("sid", Form::Text),
    optional("dialect", Form::Text),
    optional("token", Form::Text).about("Of `chat` only"),
];

/// The routes that are neither of conversations nor of administrators.
pub(super) const OPERATIONS: &[Operation] = &[
    operation(
        "GET",
        BLOCKED,
        USERS,
        "Lists the users that one has blocked",
        &[ok(&[schema_of::<ListAnswer>])],
    )
    .query(&[LIMIT_TO_1000, CURSOR]),
    operation(
        "GET",
        BLOCKED_USER,
        USERS,
        "Whether one has blocked a user",
        &[ok(&[schema_of::<BlockAnswer>])],
    ),
    operation(
        "PUT",
        BLOCKED_USER,
        USERS,
        "Blocks a user",
        &[
            created(&[schema_of::<BlockAnswer>]),
            ok(&[schema_of::<BlockAnswer>]),
        ],
    )
    .refuses(&[409, 422]),
    operation(
        "DELETE",
        BLOCKED_USER,
        USERS,
        "Does not block a user any more",
        &[ok(&[schema_of::<BlockAnswer>])],
    ),
    operation(
        "POST",
        "/api/reserve-session",
        ANYBODY,
        "Reserves a session",
        &[ok(&[schema_of::<Reserved>])],
    )
    .body(&[closed(
        "",
        &[
            needed("sessionId", Form::Id),
            needed("authKey", Form::Id),
            optional("chatMode", Form::Word(&["group", "private", "password"])),
        ],
    )])
    .refuses(&[409]),
    operation(
        "GET",
        "/sessions",
        By::Admin(crate::model::Scope::Connections),
        "Counts of all sessions; without a token where `debug` is set",
        &[ok(&[schema_of::<Vec<Listed>>, schema_of::<ListPart>])],
    )
    .query(&[LIMIT, CURSOR]),
    operation(
        "GET",
        "/health",
        ANYBODY,
        "Whether the process is alive",
        &[ok(&[schema_of::<Health>])],
    ),
    operation(
        "GET",
        "/ready",
        ANYBODY,
        "Whether it should receive clients",
        &[
            ok(&[schema_of::<Ready>]),
            with_status(503, &[schema_of::<Ready>]),
        ],
    )
    .query(&[optional("verbose", Form::Text).about("With its parts, on the internal listener")]),
    operation(
        "GET",
        "/metrics",
        By::Scraper,
        "Metrics of Prometheus",
        &[of_type("text/plain")],
    ),
    operation(
        "GET",
        SOCKET_IO,
        ANYBODY,
        "Opens a connection of Engine.IO, or polls; its events are in /asyncapi.json",
        &[with_status(101, &[]), of_type("text/plain")],
    )
    .query(HANDSHAKE),
    operation(
        "POST",
        SOCKET_IO,
        ANYBODY,
        "Sends packets of Engine.IO",
        &[of_type("text/html")],
    )
    .query(HANDSHAKE)
    .packets(),
    operation(
        "GET",
        "/socket.io/{name}",
        ANYBODY,
        "The published client for browsers, such as socket.io.min.js",
        &[of_type("text/javascript"), with_status(304, &[])],
    )
    .headers(&[optional("If-None-Match", Form::Text)]),
    operation(
        "GET",
        "/openapi.json",
        ANYBODY,
        "This document",
        &[ok(&[anything])],
    ),
    operation(
        "GET",
        "/asyncapi.json",
        ANYBODY,
        "The events of the dialects that are served",
        &[ok(&[anything])],
    ),
    operation(
        "GET",
        "/docs",
        ANYBODY,
        "Both documents as a page",
        &[of_type("text/html")],
    ),
    operation(
        "GET",
        "/docs/page.js",
        ANYBODY,
        "The program of that page",
        &[of_type("text/javascript")],
    ),
    operation(
        "GET",
        "/docs/page.css",
        ANYBODY,
        "The style of that page",
        &[of_type("text/css")],
    ),
];
