//! What one of the relay's collections is like, and making it so: its indexes, after a look at whether its
//! documents are the relay's. It must not know which collections there are.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use super::error::{CollectionFault, MongoError};
use super::{Mongo, within};

/// Timeout of one command.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many documents are looked at, from the first and from the last one on.
const SAMPLE: i64 = 100;

/// A collection: what its documents have, and how it is indexed.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// Its name, without the prefix.
    pub(crate) name: &'static str,
    /// What all documents have that the relay can use.
    pub(crate) has: Document,
    /// All fields that documents have if only the relay uses them; none where no application may write.
    pub(crate) fields: &'static [&'static str],
    /// Its indexes. The first one is of what all documents have.
    pub(crate) indexes: Vec<IndexModel>,
}

impl Shape {
    /// The name of the index that is of what all documents have.
    pub(super) fn index(&self) -> String {
        let id = || "_id_".to_owned();
        self.indexes.first().map_or_else(id, name)
    }

    /// Finds documents of other programs.
    pub(super) fn foreign(&self) -> Document {
        doc! { "$nor": [self.has.clone()] }
    }
}

/// The name of an index: its own, or the one that the driver gives it.
pub(super) fn name(index: &IndexModel) -> String {
    let own = index.options.as_ref();
    let own = own.and_then(|options: &IndexOptions| options.name.clone());
    let keys = index.keys.iter();
    let keys = keys.map(|(field, order)| format!("{field}_{order}"));
    own.unwrap_or_else(|| keys.collect::<Vec<_>>().join("_"))
}

/// Makes the missing indexes of a collection, and so the collection.
///
/// # Errors
/// It has documents of other programs, or MongoDB does not make an index.
pub(crate) async fn prepare(mongo: &Mongo, shape: &Shape) -> Result<(), MongoError> {
    let collection = mongo.primary::<Document>(shape.name);
    for order in [1, -1] {
        if has_foreign(&collection, shape, order).await? {
            return Err(MongoError::from(CollectionFault::Foreign {
                collection: collection.name().to_owned(),
                index: shape.index(),
            }));
        }
    }
    if shape.indexes.is_empty() {
        return Ok(());
    }
    let made = within(TIMEOUT, collection.create_indexes(shape.indexes.clone()));
    match made.await {
        Ok(_) => Ok(()),
        Err(error) if is_lasting(&error) => {
            let index = match error.duplicate() {
                Some((_, index)) => index.to_owned(),
                None => conflicting(&collection, shape).await,
            };
            Err(MongoError::from(CollectionFault::Index {
                collection: collection.name().to_owned(),
                index,
                source: error,
            }))
        }
        Err(error) => Err(error),
    }
}

/// Whether one of the first documents, or of the last, is another program's: collections are too large to look at
/// all.
async fn has_foreign(
    collection: &Collection<Document>,
    shape: &Shape,
    order: i32,
) -> Result<bool, MongoError> {
    let found = collection.aggregate([
        doc! { "$sort": { "_id": order } },
        doc! { "$limit": SAMPLE },
        doc! { "$match": shape.foreign() },
        doc! { "$limit": 1 },
        doc! { "$project": { "_id": 1 } },
    ]);
    let found = async { found.await?.advance().await };
    within(TIMEOUT, found).await
}

/// Whether MongoDB will refuse it again: the key is there twice; the index is there with other options, or
/// another one by its name.
fn is_lasting(error: &MongoError) -> bool {
    const CONFLICTS: [i32; 2] = [85, 86];
    error.is_duplicate() || error.code().is_some_and(|code| CONFLICTS.contains(&code))
}

/// The index that is refused when each is made alone.
async fn conflicting(collection: &Collection<Document>, shape: &Shape) -> String {
    for index in &shape.indexes {
        let made = within(TIMEOUT, collection.create_index(index.clone())).await;
        if made.is_err_and(|error| is_lasting(&error)) {
            return name(index);
        }
    }
    shape.index()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_has_the_name_that_the_driver_gives_it() {
        let keys = doc! { "conversationId": 1, "at": -1 };
        let index = IndexModel::builder().keys(keys).build();
        assert_eq!(name(&index), "conversationId_1_at_-1");
    }
}
