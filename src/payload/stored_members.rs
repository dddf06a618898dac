//! The members of an object that a store, or another node, has kept as the parts of an [`OwnedValue`].

use bytes::Bytes;
use serde_json::value::RawValue;

use super::OwnedValue;
use super::attachments::Attachments;
use super::members::members;
use super::readable::{DEEPEST, PROTOTYPE, is_readable};

/// The members, in order, without those that clients could not read. What is no object has none.
pub(crate) fn stored_members(text: &str, attachments: Vec<Bytes>) -> Vec<(Box<str>, OwnedValue)> {
    let object = serde_json::from_str::<&RawValue>(text);
    let members = object.and_then(|object| members(object.get(), &mut { usize::MAX }));
    let members = members.unwrap_or_default();
    let mut attachments = Attachments::new(&attachments);
    let mut read = Vec::with_capacity(members.len());
    for (name, raw) in members {
        if name == PROTOTYPE || !is_readable(raw.get(), DEEPEST) {
            continue;
        }
        if let Ok(value) = attachments.resolve(raw.into()) {
            read.push((name.into(), OwnedValue::from(&value)));
        }
    }
    read
}
