//! What is said of the requests that endpoints of the backend get: one for each type of fact, by the table of these.

use serde_json::{Map, Value, json};

use super::described::JSON;
use crate::model::FactType;
use crate::schema::{Field, Form, needed, object};
use crate::webhooks::{TEST, described};

/// All of them, by their types.
pub(super) fn all() -> Map<String, Value> {
    let types = FactType::ALL.into_iter().map(|kind| {
        let described::Described { about, data } = described::of(kind);
        (kind.as_str(), about, data)
    });
    let test: (_, _, &[Field]) = (TEST, "An administrator tries the endpoint", &[]);
    let types = types.chain([test]);
    types
        .map(|(name, about, data)| (name.to_owned(), json!({ "post": one(name, about, data) })))
        .collect()
}

fn one(name: &str, about: &str, data: &[Field]) -> Value {
    const FIELDS: &[Field] = &[
        needed("id", Form::Text).about("The same in every attempt"),
        needed("type", Form::Text),
        needed("occurredAt", Form::Text),
        needed("node", Form::Text),
        needed("subject", Form::Text).about("Facts of one come in their order"),
        needed("data", Form::Object),
    ];
    let mut body = object(FIELDS, false);
    body["properties"]["type"] = json!({ "const": name });
    body["properties"]["data"] = object(data, false);
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let parameters = headers.map(|name| {
        json!({ "name": name, "in": "header", "required": true, "schema": { "type": "string" } })
    });
    json!({
        "operationId": format!("told_{}", name.replace('.', "_")),
        "summary": about,
        "description": "Signed as Standard Webhooks says, at least once",
        "security": [],
        "parameters": parameters,
        "requestBody": { "required": true, "content": { JSON: { "schema": body } } },
        "responses": {
            "2XX": { "description": "Taken" },
            "410": { "description": "Nothing more is to be told" },
            "default": { "description": "To be told again, after `Retry-After` if it is there" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_described_with_its_data() {
        let all = all();
        assert_eq!(all.len(), FactType::ALL.len() + 1);
        let body = &all["user.online"]["post"]["requestBody"]["content"][JSON]["schema"];
        assert_eq!(
            body["properties"]["type"],
            json!({ "const": "user.online" })
        );
        assert_eq!(body["properties"]["data"]["required"], json!(["userId"]));
    }
}
