//! The users of an application, in its own collection in MongoDB, as far as their names go. Nothing is written there,
//! and nothing is known of what else is in it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::{Collection, IndexModel};

use super::drivers::mongo::{Mongo, MongoError, within};
use crate::config::Config;
use crate::model::{UserId, name};

/// How long a name may be looked for.
const LIMIT: Duration = Duration::from_secs(1);
/// The longest name, in bytes; the rest is cut off.
const MAX_NAME_BYTES: usize = 128;

/// The collection, and the fields of its documents.
#[derive(Debug)]
pub(crate) struct ApplicationUsers {
    users: Collection<Document>,
    id_field: String,
    name_field: String,
}

impl ApplicationUsers {
    /// The collection that the settings name. `None`: they name none.
    pub(crate) fn of(config: &Config, mongo: &Mongo) -> Option<Self> {
        let collection = config.users_collection.as_deref()?;
        Some(Self {
            users: mongo.foreign(collection),
            id_field: config.users_id_field.clone(),
            name_field: config.users_name_field.clone(),
        })
    }

    /// The name of a user. `None`: there is no such user, or they have none.
    ///
    /// # Errors
    /// The collection cannot be read, or not in time.
    pub(crate) async fn name_of(&self, user: &UserId) -> Result<Option<Arc<str>>, MongoError> {
        let filter = doc! { &self.id_field: { "$in": ids(user) } };
        let projection = doc! { &self.name_field: 1 };
        let find = self.users.find_one(filter).projection(projection);
        let found = within(LIMIT, find.max_time(LIMIT)).await?;
        Ok(found.and_then(|document| shown(at(&document, &self.name_field)?)))
    }

    /// What the collection lacks, with the setting that names it.
    ///
    /// # Errors
    /// The collection cannot be read, or not in time.
    pub(crate) async fn unmet_demand(&self) -> Result<Option<String>, MongoError> {
        let listed = within(LIMIT, self.users.list_indexes()).await?;
        let indexes: Vec<_> = within(LIMIT, listed.try_collect::<Vec<_>>()).await?;
        let is_indexed = indexes.iter().any(|index| covers(index, &self.id_field));
        Ok((!is_indexed).then(|| {
            format!(
                "{} has no index that begins with {} (users_id_field): each name is looked for in all of it",
                self.users.name(),
                self.id_field
            )
        }))
    }
}

/// Whether an index begins with this field; MongoDB has one of `_id` itself.
fn covers(index: &IndexModel, field: &str) -> bool {
    index.keys.keys().next().is_some_and(|first| first == field)
}

/// A user's id in each form in which a document may have it.
fn ids(user: &UserId) -> Vec<Bson> {
    let text = user.as_str();
    let number = text.parse::<i64>().ok();
    let number = number.filter(|number| number.to_string() == text);
    let object_id = ObjectId::parse_str(text).ok();
    let others = number.map(Bson::Int64).into_iter();
    let others = others.chain(object_id.map(Bson::ObjectId));
    std::iter::once(Bson::from(text)).chain(others).collect()
}

/// The value at a path, the names of which are separated by dots.
fn at<'a>(document: &'a Document, path: &str) -> Option<&'a Bson> {
    match path.split_once('.') {
        None => document.get(path),
        Some((first, rest)) => at(document.get_document(first).ok()?, rest),
    }
}

fn shown(value: &Bson) -> Option<Arc<str>> {
    let text = match value {
        Bson::String(text) => text.clone(),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) => number.to_string(),
        Bson::Double(number) => number.to_string(),
        _ => return None,
    };
    name::shown(&text[..text.floor_char_boundary(MAX_NAME_BYTES)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_looked_for_in_every_form_that_it_may_have() {
        let forms = |id: &str| ids(&UserId::parse(id).unwrap()).len();
        for (id, expected) in [
            ("ann", 1),
            ("42", 2),
            ("042", 1),
            ("-7", 2),
            ("65a1b2c3d4e5f60718293a4b", 2),
        ] {
            assert_eq!(forms(id), expected, "{id}");
        }
    }

    #[test]
    fn a_name_may_be_a_number_or_within_another_document() {
        let document = doc! { "name": 7, "profile": { "full": { "name": "Ann" } }, "none": true };
        let found = |path| at(&document, path).and_then(shown);
        assert_eq!(found("name").as_deref(), Some("7"));
        assert_eq!(found("profile.full.name").as_deref(), Some("Ann"));
        for path in ["none", "profile", "name.first", "profile.other", "missing"] {
            assert_eq!(found(path), None, "{path}");
        }
        let long = Bson::String("é".repeat(100));
        assert_eq!(shown(&long).unwrap().len(), MAX_NAME_BYTES);
    }
}
