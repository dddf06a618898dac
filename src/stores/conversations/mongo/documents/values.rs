//! Values of clients in documents. They come back byte for byte.

use bytes::Bytes;
use mongodb::bson::{Binary, Bson, doc, spec::BinarySubtype};
use serde_json::value::RawValue;

use crate::model::conversation::Extra;
use crate::payload::OwnedValue;

/// A value as a field: a string where it is a JSON string in its usual form, so that it can be read
/// in the database; otherwise `{json, attachments?}`, which preserves its text.
pub(crate) fn bson_of(value: &OwnedValue) -> Bson {
    let (json, attachments) = value.to_parts();
    if attachments.is_empty() {
        if let Some(text) = plain(&json) {
            return text.into();
        }
        return doc! { "json": json.into_owned() }.into();
    }
    let attachments = attachments.into_iter().map(|bytes| Binary {
        subtype: BinarySubtype::Generic,
        bytes: bytes.into(),
    });
    doc! { "json": json.into_owned(), "attachments": attachments.collect::<Vec<_>>() }.into()
}

/// The text of a JSON string, if serializing it gives the same JSON again.
fn plain(json: &str) -> Option<String> {
    let text: String = serde_json::from_str(json).ok()?;
    let again = serde_json::to_string(&text).ok()?;
    (again == json).then_some(text)
}

/// `None`: the field does not hold a value.
pub(super) fn read_optional(value: Option<&Bson>) -> Option<Option<OwnedValue>> {
    value.map_or(Some(None), |value| read_value(value).map(Some))
}

/// `None`: the field does not hold a value.
pub(super) fn read_value(value: &Bson) -> Option<OwnedValue> {
    if let Bson::String(text) = value {
        let json = serde_json::to_string(text).ok()?;
        return RawValue::from_string(json).ok().map(OwnedValue::from);
    }
    let (json, attachments) = parts_of(value)?;
    OwnedValue::from_parts(json.to_owned(), attachments)
}

/// The fields of a message that the relay does not know. `None`: the field does not hold any.
pub(super) fn read_extra(value: Option<&Bson>) -> Option<Extra> {
    value.map_or(Some(Extra::default()), |value| {
        let (json, attachments) = parts_of(value)?;
        Some(Extra::of_parts(json, attachments))
    })
}

fn parts_of(value: &Bson) -> Option<(&str, Vec<Bytes>)> {
    let document = value.as_document()?;
    let json = document.get_str("json").ok()?;
    let attachments = match document.get_array("attachments") {
        Ok(attachments) => attachments.iter().map(bytes_of).collect::<Option<_>>()?,
        Err(_) => Vec::new(),
    };
    Some((json, attachments))
}

fn bytes_of(value: &Bson) -> Option<Bytes> {
    match value {
        Bson::Binary(binary) => Some(Bytes::from(binary.bytes.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Bson {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        bson_of(&OwnedValue::from(raw))
    }

    #[test]
    fn a_string_is_a_string_in_the_database_if_it_comes_back_unchanged() {
        for (json, text) in [
            ("\"\"", ""),
            ("\"a b\"", "a b"),
            (r#""\"\\\n\u0000""#, "\"\\\n\0"),
            ("\"ü💥\u{2028}\"", "ü💥\u{2028}"),
        ] {
            assert_eq!(of(json), Bson::from(text));
        }
        for json in [
            r#""\/""#,
            r#""\u0041""#,
            r#""\ud800""#,
            "1.0",
            "null",
            "{ \"a\":1}",
        ] {
            assert_eq!(of(json), Bson::from(doc! { "json": json }));
        }
        for json in ["\"x\"", r#""\u0041""#, r#"{"json":"x"}"#] {
            let again = read_value(&of(json)).unwrap();
            assert_eq!(again.to_parts(), (json.into(), Vec::new()));
        }
        assert!(read_value(&Bson::from(1)).is_none());
    }
}
