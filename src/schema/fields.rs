//! The fields of what clients send, which is read field by field and has no type of its own.

use serde_json::{Map, Value, json};

/// What a field may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// An id: text of at most 128 bytes, or an integer.
    Id,
    /// An id that the sender has made: text or any number.
    OwnId,
    /// The id of a stored record.
    Uuid,
    Text,
    /// Text, or `null` to take it away.
    Removable,
    Flag,
    /// A whole number that is not negative.
    Whole,
    /// The same, or as text.
    Count,
    /// A number, also as text, or `null`.
    Number,
    /// Any integer.
    Integer,
    /// Any JSON, over sockets also binary.
    Any,
    /// An object of any kind.
    Object,
    /// A text or an object.
    TextOrObject,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of ids.
    Ids,
    /// A list of texts.
    Texts,
    /// An object with these fields.
    Of(&'static [Field]),
    /// A list of objects with these fields.
    ListOf(&'static [Field]),
}

/// A list of fields that is made when it is compiled.
macro_rules! fields {
    ($($field:expr),* $(,)?) => { const { &[$($field),*] } };
}

pub(crate) use fields;

/// A field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) is_needed: bool,
    pub(crate) about: &'static str,
}

/// A field that has to be there.
pub(crate) const fn needed(name: &'static str, form: Form) -> Field {
    Field {
        name,
        form,
        is_needed: true,
        about: "",
    }
}

/// A field that may be missing.
pub(crate) const fn optional(name: &'static str, form: Form) -> Field {
    Field {
        is_needed: false,
        ..needed(name, form)
    }
}

impl Field {
    /// With what it means.
    pub(crate) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// The schema of its value in an object, where `null` is as if it were missing.
    fn schema_in_object(&self) -> Value {
        let mut schema = self.schema();
        if self.is_needed {
            return schema;
        }
        if let Some(types) = schema.get_mut("type") {
            *types = match types.take() {
                Value::Array(types) if types.contains(&"null".into()) => Value::Array(types),
                Value::Array(types) => types.into_iter().chain(["null".into()]).collect(),
                one => json!([one, "null"]),
            };
        }
        if let Some(Value::Array(words)) = schema.get_mut("enum") {
            words.push(Value::Null);
        }
        schema
    }

    /// The schema of its value.
    pub(crate) fn schema(&self) -> Value {
        let mut schema = self.form.schema();
        if let Some(schema) = schema.as_object_mut().filter(|_| !self.about.is_empty()) {
            schema.insert("description".into(), self.about.into());
        }
        schema
    }
}

impl Form {
    fn schema(self) -> Value {
        const ID: [&str; 2] = ["string", "integer"];
        match self {
            Self::Id => json!({ "type": ID }),
            Self::OwnId => json!({ "type": ["string", "number"] }),
            Self::Number => json!({ "type": ["string", "number", "null"] }),
            Self::Uuid => json!({ "type": "string", "format": "uuid" }),
            Self::Text => json!({ "type": "string" }),
            Self::Removable => json!({ "type": ["string", "null"] }),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Whole => json!({ "type": "integer", "minimum": 0 }),
            Self::Count => json!({ "type": ["integer", "string"], "minimum": 0 }),
            Self::Integer => json!({ "type": "integer" }),
            Self::Any => json!({}),
            Self::Object => json!({ "type": "object" }),
            Self::TextOrObject => json!({ "type": ["string", "object"] }),
            Self::Word(words) => json!({ "type": "string", "enum": words }),
            Self::Ids => json!({ "type": "array", "items": { "type": ID } }),
            Self::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            Self::Of(fields) => object(fields, false),
            Self::ListOf(fields) => json!({ "type": "array", "items": object(fields, false) }),
        }
    }
}

/// The schema of an object with these fields, and with any others where those say something, too.
pub(crate) fn object(fields: &[Field], is_open: bool) -> Value {
    let properties = fields
        .iter()
        .map(|field| (field.name.into(), field.schema_in_object()));
    let properties: Map<String, Value> = properties.collect();
    let required = fields.iter().filter(|field| field.is_needed);
    let required: Vec<_> = required.map(|field| field.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if is_open {
        schema["additionalProperties"] = true.into();
    }
    schema
}
