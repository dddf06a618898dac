//! Writes what serde describes as JSON, at a fraction of what serde_json takes for it, with a placeholder where there are
//! bytes. What is written is what serde_json writes.

use bytes::Bytes;
use serde::ser::{self, Error as _, Serialize, Serializer};
use serde_json::{Error, Result};

use super::verbatim::RAW;
use crate::json::{push_name, push_number, push_text};

/// What events carry.
pub(crate) trait Encode {
    /// Appends it as JSON, with a placeholder for each attachment in it. Returns these. `None`: it cannot be written.
    fn encode(&self, text: &mut Vec<u8>) -> Option<Vec<Bytes>>;
}

impl<T: Serialize + ?Sized> Encode for T {
    fn encode(&self, text: &mut Vec<u8>) -> Option<Vec<Bytes>> {
        encoded(text, |encoder| self.serialize(encoder))
    }
}

/// What is written by this, and its attachments.
pub(super) fn encoded(
    text: &mut Vec<u8>,
    write: impl FnOnce(&mut Encoder<'_>) -> Result<()>,
) -> Option<Vec<Bytes>> {
    let mut attachments = Vec::new();
    let mut encoder = Encoder {
        text,
        attachments: &mut attachments,
        is_raw: false,
    };
    write(&mut encoder).ok()?;
    Some(attachments)
}

pub(super) struct Encoder<'t> {
    text: &'t mut Vec<u8>,
    attachments: &'t mut Vec<Bytes>,
    /// A text that comes now is JSON already.
    is_raw: bool,
}

impl<'t> Encoder<'t> {
    fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    /// What is rare is written by serde_json itself.
    fn rare<T: Serialize>(&mut self, value: T) -> Result<()> {
        serde_json::to_writer(&mut *self.text, &value)
    }

    /// Begins an object.
    pub(super) fn object(&mut self) -> Members<'_, 't> {
        self.begin("{", "}")
    }

    fn begin<'e>(&'e mut self, open: &str, close: &'static str) -> Members<'e, 't> {
        self.push(open);
        Members {
            encoder: self,
            close,
            is_first: true,
        }
    }

    /// An object whose only member has this name. It is open until the value of that has been written.
    fn open_variant(&mut self, name: &str) {
        self.push("{");
        push_text(self.text, name);
        self.push(":");
    }
}

/// Methods that write a number.
macro_rules! numbers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<()> {
            match i64::try_from(value) {
                Ok(value) => push_number(self.text, value),
                Err(_) => self.rare(value)?,
            }
            Ok(())
        })*
    };
}

/// Methods that write what is rare.
macro_rules! rare {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<()> {
            self.rare(value)
        })*
    };
}

impl<'e, 't> Serializer for &'e mut Encoder<'t> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'e, 't>;
    type SerializeTuple = Members<'e, 't>;
    type SerializeTupleStruct = Members<'e, 't>;
    type SerializeTupleVariant = Members<'e, 't>;
    type SerializeMap = Members<'e, 't>;
    type SerializeStruct = Members<'e, 't>;
    type SerializeStructVariant = Members<'e, 't>;

    numbers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64
    );
    rare!(
        serialize_i128: i128, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char
    );

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.push(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        match self.is_raw {
            true => self.push(value),
            false => push_text(self.text, value),
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        self.push(r#"{"_placeholder":true,"num":"#);
        push_number(
            self.text,
            i64::try_from(self.attachments.len()).unwrap_or(i64::MAX),
        );
        self.push("}");
        self.attachments.push(Bytes::copy_from_slice(value));
        Ok(())
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.push("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.open_variant(variant);
        value.serialize(&mut *self)?;
        self.push("}");
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Members<'e, 't>> {
        Ok(self.begin("[", "]"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<Members<'e, 't>> {
        Ok(self.begin("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Members<'e, 't>> {
        Ok(self.begin("[", "]"))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Members<'e, 't>> {
        Ok(self.begin("{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Members<'e, 't>> {
        match name {
            RAW => Ok(self.begin("", "")),
            _ => Ok(self.begin("{", "}")),
        }
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'e, 't>> {
        self.open_variant(variant);
        Ok(self.begin("[", "]}"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Members<'e, 't>> {
        self.open_variant(variant);
        Ok(self.begin("{", "}}"))
    }
}

/// The items of a list or the members of an object, one after the other.
pub(super) struct Members<'e, 't> {
    encoder: &'e mut Encoder<'t>,
    close: &'static str,
    is_first: bool,
}

impl Members<'_, '_> {
    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.encoder.push(",");
        }
    }

    fn item<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<()> {
        self.separate();
        item.serialize(&mut *self.encoder)
    }

    /// The name of the next member.
    pub(super) fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.separate();
        let begin = self.encoder.text.len();
        key.serialize(&mut *self.encoder)?;
        match self.encoder.text.get(begin) {
            Some(b'"') => {}
            Some(b'{' | b'[') | None => return Err(Error::custom("no key")),
            Some(_) => {
                self.encoder.text.insert(begin, b'"');
                self.encoder.push("\"");
            }
        }
        Ok(())
    }

    /// The value of the member that was named.
    pub(super) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.encoder.push(":");
        value.serialize(&mut *self.encoder)
    }

    /// Members that are JSON already: names, values and the commas between them.
    pub(super) fn verbatim(&mut self, members: &str) {
        self.separate();
        self.encoder.push(members);
    }

    /// A member whose name needs no escapes.
    pub(super) fn member<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        if self.close.is_empty() {
            self.encoder.is_raw = true;
            let written = value.serialize(&mut *self.encoder);
            self.encoder.is_raw = false;
            return written;
        }
        // The names of our own types.
        push_name(self.encoder.text, std::mem::take(&mut self.is_first), name);
        value.serialize(&mut *self.encoder)
    }

    /// The end.
    pub(super) fn end(self) {
        self.encoder.push(self.close);
    }
}

/// The traits of what has items, or named members.
macro_rules! parts {
    ($($of:ident: $method:ident($($name:ident: $type:ty)?) = $own:ident;)*) => {
        $(impl ser::$of for Members<'_, '_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<()> {
                self.$own($($name,)? value)
            }

            fn end(self) -> Result<()> {
                Members::end(self);
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeSeq: serialize_element() = item;
    SerializeTuple: serialize_element() = item;
    SerializeTupleStruct: serialize_field() = item;
    SerializeTupleVariant: serialize_field() = item;
    SerializeStruct: serialize_field(name: &'static str) = member;
    SerializeStructVariant: serialize_field(name: &'static str) = member;
}

impl ser::SerializeMap for Members<'_, '_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.value(value)
    }

    fn end(self) -> Result<()> {
        Members::end(self);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
