//! What is said of a route in `/openapi.json`. It must not know a route.

use serde_json::{Value, json};

pub(super) use crate::http::admin::import::NDJSON;
use crate::model::Scope;
use crate::schema::{Field, SchemaOf, object};

/// A method of a route.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) template: &'static str,
    pub(super) by: By,
    /// What it does.
    pub(super) about: &'static str,
    pub(super) query: &'static [Field],
    pub(super) headers: &'static [Field],
    pub(super) body: Body,
    pub(super) answers: &'static [Answer],
    /// Statuses of refusals that other routes do not have.
    pub(super) refusals: &'static [u16],
}

/// Who may send a request.
#[derive(Clone, Copy)]
pub(super) enum By {
    Anybody,
    User,
    /// A user, or a token of administrators with this scope.
    UserOrAdmin(Scope),
    Admin(Scope),
    /// Whoever may read metrics.
    Scraper,
}

/// What a request has.
#[derive(Clone, Copy)]
pub(super) enum Body {
    None,
    /// One of these objects.
    Json(&'static [Form]),
    /// The same, or nothing.
    Optional(&'static [Form]),
    /// Lines, each one of these objects.
    Lines(&'static [Form]),
    /// Packets of Engine.IO.
    Packets,
}

/// An object, with the name of its form where there are several.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
    /// Other fields say something, too.
    pub(super) is_open: bool,
}

/// An answer that is no refusal.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) media_type: &'static str,
    /// One of these.
    pub(super) schemas: &'static [SchemaOf],
}

/// JSON, and lines of it.
pub(super) const JSON: &str = "application/json";

/// The answer 200.
pub(super) const fn ok(schemas: &'static [SchemaOf]) -> Answer {
    with_status(200, schemas)
}

/// The answer 201.
pub(super) const fn created(schemas: &'static [SchemaOf]) -> Answer {
    with_status(201, schemas)
}

/// An answer with this status.
pub(super) const fn with_status(status: u16, schemas: &'static [SchemaOf]) -> Answer {
    Answer {
        status,
        media_type: JSON,
        schemas,
    }
}

/// An answer of lines, each one of these.
pub(super) const fn lines(schemas: &'static [SchemaOf]) -> Answer {
    Answer {
        media_type: NDJSON,
        ..ok(schemas)
    }
}

/// An answer that is not JSON.
pub(super) const fn of_type(media_type: &'static str) -> Answer {
    Answer {
        status: 200,
        media_type,
        schemas: &[],
    }
}

/// An object with these fields, and with others that are passed on or kept.
pub(super) const fn open(name: &'static str, fields: &'static [Field]) -> Form {
    Form {
        name,
        fields,
        is_open: true,
    }
}

/// An object with these fields alone.
pub(super) const fn closed(name: &'static str, fields: &'static [Field]) -> Form {
    Form {
        name,
        fields,
        is_open: false,
    }
}

impl Form {
    pub(super) fn schema(&self) -> Value {
        let mut schema = object(self.fields, self.is_open);
        if let Some(schema) = schema.as_object_mut().filter(|_| !self.name.is_empty()) {
            schema.insert("title".into(), json!(self.name));
        }
        schema
    }
}

/// A method of a route.
pub(super) const fn operation(
    method: &'static str,
    template: &'static str,
    by: By,
    about: &'static str,
    answers: &'static [Answer],
) -> Operation {
    Operation {
        method,
        template,
        by,
        about,
        query: &[],
        headers: &[],
        body: Body::None,
        answers,
        refusals: &[],
    }
}

impl Operation {
    /// With these parameters in the query.
    pub(super) const fn query(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    /// With these headers.
    pub(super) const fn headers(self, headers: &'static [Field]) -> Self {
        Self { headers, ..self }
    }

    /// With one of these bodies.
    pub(super) const fn body(self, forms: &'static [Form]) -> Self {
        let body = Body::Json(forms);
        Self { body, ..self }
    }

    /// With one of these bodies, or none.
    pub(super) const fn optional_body(self, forms: &'static [Form]) -> Self {
        let body = Body::Optional(forms);
        Self { body, ..self }
    }

    /// With lines as its body, each one of these.
    pub(super) const fn lines(self, forms: &'static [Form]) -> Self {
        let body = Body::Lines(forms);
        Self { body, ..self }
    }

    /// With packets as its body.
    pub(super) const fn packets(self) -> Self {
        let body = Body::Packets;
        Self { body, ..self }
    }

    /// With statuses of refusals of its own.
    pub(super) const fn refuses(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }
}
