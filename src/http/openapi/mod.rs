//! `/openapi.json`: every route with its parameters, bodies and answers. What is said of a route is in the file of its
//! subject; a test compares it with the table of routes. Answers are the types that are written.

mod admin;
mod conversations;
mod described;
mod messages;
mod others;
mod parameters;
mod webhooks;

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::error::BareBody;
use super::refuse::{FailedBody, RefusalBody};
use super::routes::SOCKET_IO;
use crate::schema::{Field, generator, schema_of};
use described::{Answer, Body, By, Form, JSON, NDJSON, Operation};

/// A refusal.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum Error<'a> {
    Refused(RefusalBody<'a>),
    Failed(FailedBody<'a>),
    Bare(BareBody),
}

/// What may be refused of any request.
const ALWAYS: [u16; 5] = [400, 403, 404, 429, 500];
/// Of one that needs a token.
const WITHOUT_TOKEN: [u16; 2] = [401, 503];
/// Of one with a body.
const OF_BODY: [u16; 5] = [408, 413, 415, 422, 503];

fn operations() -> impl Iterator<Item = &'static Operation> {
    let tables = [
        conversations::OPERATIONS,
        messages::OPERATIONS,
        admin::OPERATIONS,
        others::OPERATIONS,
    ];
    tables.into_iter().flatten()
}

/// The document.
pub(super) fn document() -> Value {
    let mut generator = generator();
    let mut paths = Map::new();
    for operation in operations() {
        let path = paths.entry(path(operation.template));
        let path = path.or_insert_with(|| json!({}));
        path[operation.method.to_ascii_lowercase()] = described(operation, &mut generator);
    }
    let error = schema_of::<Error>(&mut generator);
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Requests to sealed-relay",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "webhooks": webhooks::all(),
        "components": {
            "schemas": schemas,
            "responses": {
                "Refused": {
                    "description": "Refused, or failed",
                    "content": { JSON: { "schema": error } },
                },
            },
            "securitySchemes": {
                "user": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "administrator": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of `admin_tokens` with the scope, or `admin_token`",
                },
                "metrics": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`metrics_token`",
                },
            },
        },
    })
}

/// The path as clients write it.
fn path(template: &str) -> &str {
    match template {
        SOCKET_IO => "/socket.io/",
        template => template,
    }
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in operation.answers {
        responses.insert(answer.status.to_string(), answered(answer, generator));
    }
    for status in refusals(operation) {
        let refused = json!({ "$ref": "#/components/responses/Refused" });
        responses.entry(status.to_string()).or_insert(refused);
    }
    let mut described = json!({
        "operationId": operation_id(operation),
        "summary": operation.about,
        "security": security(operation.by),
        "responses": responses,
    });
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(body) = body(operation.body) {
        described["requestBody"] = body;
    }
    described
}

fn answered(answer: &Answer, generator: &mut SchemaGenerator) -> Value {
    let description = match answer.status {
        101 => "Switching to a WebSocket",
        201 => "Made",
        304 => "As it is known already",
        503 => "Not now",
        _ => "Done",
    };
    let schemas: Vec<_> = answer.schemas.iter().map(|one| one(generator)).collect();
    let schema = match &schemas[..] {
        [] if answer.media_type == JSON => return json!({ "description": description }),
        [] => json!({ "type": "string" }),
        [schema] => schema.clone().to_value(),
        schemas => json!({ "anyOf": schemas }),
    };
    json!({
        "description": description,
        "content": { answer.media_type: { "schema": schema } },
    })
}

fn refusals(operation: &Operation) -> impl Iterator<Item = u16> {
    let needs_token = !matches!(operation.by, By::Anybody);
    let has_body = !matches!(operation.body, Body::None);
    let without_token = WITHOUT_TOKEN.into_iter().filter(move |_| needs_token);
    let of_body = OF_BODY.into_iter().filter(move |_| has_body);
    // What is not known is refused by its name.
    let is_strict = matches!(operation.by, By::Admin(_));
    let of_admin = [422].into_iter().filter(move |_| is_strict);
    let own = operation.refusals.iter().copied().chain(of_admin);
    ALWAYS
        .into_iter()
        .chain(without_token)
        .chain(of_body)
        .chain(own)
}

/// A name that stays what it is while the route does.
fn operation_id(operation: &Operation) -> String {
    let words = operation.template.split(['/', '-', '.', '{', '}']);
    let words = words.filter(|word| !matches!(*word, "" | "api"));
    let method = operation.method.to_ascii_lowercase();
    words.fold(method, |id, word| format!("{id}_{word}"))
}

fn security(by: By) -> Value {
    match by {
        By::Anybody => json!([]),
        By::User => json!([{ "user": [] }]),
        By::UserOrAdmin(scope) => {
            json!([{ "user": [] }, { "administrator": [scope.as_str()] }])
        }
        By::Admin(scope) => json!([{ "administrator": [scope.as_str()] }]),
        By::Scraper => json!([{}, { "metrics": [] }, { "administrator": ["metrics"] }]),
    }
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let in_path = operation.template.split('{').skip(1);
    let in_path = in_path.filter_map(|rest| rest.split('}').next());
    let in_path = in_path.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let in_query = operation
        .query
        .iter()
        .map(|field| parameter("query", field));
    let in_head = operation
        .headers
        .iter()
        .map(|field| parameter("header", field));
    in_path.chain(in_query).chain(in_head).collect()
}

fn parameter(place: &str, field: &Field) -> Value {
    json!({
        "name": field.name,
        "in": place,
        "required": field.is_needed,
        "schema": field.schema(),
    })
}

fn body(body: Body) -> Option<Value> {
    let (is_required, media_type, forms) = match body {
        Body::None => return None,
        Body::Packets => {
            let content = json!({ "text/plain": { "schema": { "type": "string" } } });
            return Some(json!({ "required": true, "content": content }));
        }
        Body::Json(forms) => (true, JSON, forms),
        Body::Optional(forms) => (false, JSON, forms),
        Body::Lines(forms) => (true, NDJSON, forms),
    };
    let schemas: Vec<_> = forms.iter().map(Form::schema).collect();
    let schema = match &schemas[..] {
        [schema] => schema.clone(),
        schemas => json!({ "anyOf": schemas }),
    };
    Some(json!({ "required": is_required, "content": { media_type: { "schema": schema } } }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::routes;

    #[test]
    fn every_method_of_every_route_is_described_and_no_other() {
        let described = operations().map(|one| (one.template, one.method));
        let described: BTreeSet<_> = described.collect();
        assert_eq!(described.len(), operations().count());
        // One that only says what a GET says is not described by itself.
        let served = routes::served().filter(|(_, method)| *method != "HEAD");
        assert_eq!(described, served.collect());
    }

    #[test]
    fn it_is_the_same_each_time_and_its_operations_have_names_of_their_own() {
        assert_eq!(document().to_string(), document().to_string());
        let names: BTreeSet<_> = operations().map(operation_id).collect();
        assert_eq!(names.len(), operations().count());
    }

    #[test]
    fn scopes_are_said_as_security() {
        let document = document();
        let operation = &document["paths"]["/api/admin/publish"]["post"];
        assert_eq!(
            operation["security"],
            json!([{ "administrator": ["publish"] }])
        );
    }
}
