//! JSON Schemas of what the relay is sent and sends, from the types that are written and the fields that are read.
//! It must not know a route or an event.

mod fields;
mod value;
mod values;

pub(crate) use fields::{Field, Form, fields, needed, object, optional};
pub(crate) use value::described;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// What makes the schema of a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The schema of what is written of a type: a reference where it has a name.
pub(crate) fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What makes the schemas of a document, in whose components those with a name are.
pub(crate) fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator()
}

/// Anything at all.
pub(crate) fn anything(_: &mut SchemaGenerator) -> Schema {
    Schema::default()
}
