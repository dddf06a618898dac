//! Which records are removed at which time, as conditions on documents.

use mongodb::bson::{Document, doc};

use crate::audit::event_type::{Apart, EventType, Removal};
use crate::model::DisconnectReason;

/// The details by which some records of a type are told apart from its others.
const FIRST_AT: &str = "firstAt";
const REASON: &str = "reason";

/// Which records are removed at this time, in parts that the index on types and times has in order.
pub(super) fn removed_at(when: Removal) -> Vec<Document> {
    let (mut parts, mut whole) = (Vec::new(), Vec::new());
    for event_type in EventType::ALL {
        let is_usual = event_type.removal() == when;
        match event_type.apart() {
            None if is_usual => whole.push(event_type.as_str()),
            Some((apart, other)) if is_usual || other == when => {
                let mut part = doc! { "eventType": event_type.as_str() };
                part.extend(condition(apart, other == when));
                parts.push(part);
            }
            _ => {}
        }
    }
    if !whole.is_empty() {
        parts.push(doc! { "eventType": { "$in": whole } });
    }
    parts
}

/// The records of a type that are apart from its others, or these.
fn condition(apart: Apart, is_apart: bool) -> Document {
    match apart {
        Apart::Repeated => doc! { format!("details.{FIRST_AT}"): { "$exists": is_apart } },
        Apart::ByUser => doc! { "user": { "$exists": is_apart } },
        Apart::Expulsion => {
            let reasons = DisconnectReason::EXPULSIONS.map(DisconnectReason::as_str);
            let operator = if is_apart { "$in" } else { "$nin" };
            doc! { format!("details.{REASON}"): { operator: reasons.to_vec() } }
        }
    }
}
