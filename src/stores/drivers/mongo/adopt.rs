//! Collections that an earlier version made, without a prefix: they are renamed when nothing of another program
//! is in them, and left alone otherwise. It must not write a document.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::{Collection, Database};

use super::error::{CollectionFault, MongoError};
use super::shape::{Shape, name};
use super::{Mongo, within};

/// Timeout of one step: all documents are looked at, once.
const TIMEOUT: Duration = Duration::from_secs(600);

/// How often, and how long after each other, it is looked whether another node has renamed a collection: nothing tells of it.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Whose a collection without a prefix is.
enum Owner {
    Relay,
    /// An earlier version of the relay, and an application, too.
    Both,
    Others,
}

/// Renames those of these collections that an earlier version made without the prefix. The last one is renamed
/// last; what was not finished is gone on with at the next start.
///
/// # Errors
/// An application uses one of them, too, or MongoDB fails. Nothing is renamed in the first case.
pub(crate) async fn adopt(mongo: &Mongo, shapes: &[Shape]) -> Result<(), MongoError> {
    let (database, prefix) = (mongo.primary_database(), &mongo.prefix);
    if prefix.is_empty() {
        return Ok(());
    }
    let names = within(TIMEOUT, database.list_collection_names()).await?;
    let is_there = |name: &str| names.iter().any(|one| one == name);
    let mut ours = Vec::new();
    for shape in shapes {
        if !is_there(shape.name) || is_there(&prefix.before(shape.name)) {
            continue;
        }
        match owner(&database.collection(shape.name), shape).await? {
            Owner::Relay => ours.push(shape),
            Owner::Others => {}
            Owner::Both => {
                return Err(MongoError::from(CollectionFault::Shared {
                    collection: shape.name.to_owned(),
                    index: shape.index(),
                }));
            }
        }
    }
    for shape in &ours {
        rename(&database, shape.name, &prefix.before(shape.name)).await?;
    }
    if !ours.is_empty() {
        let collections: Vec<_> = ours.iter().map(|shape| shape.name).collect();
        tracing::warn!(
            collections = collections.join(" "),
            prefix = prefix.as_str(),
            "the collections of an earlier version were renamed: they have a prefix now, and an application that \
             uses them must use it, too"
        );
    }
    Ok(())
}

async fn owner(collection: &Collection<Document>, shape: &Shape) -> Result<Owner, MongoError> {
    let indexes = within(TIMEOUT, collection.list_index_names()).await?;
    let known: Vec<String> = shape.indexes.iter().map(name).collect();
    if !known.is_empty() && !indexes.contains(&shape.index()) {
        return Ok(Owner::Others);
    }
    let is_any = async |filter: Document| {
        let found = collection.find_one(filter).projection(doc! { "_id": 1 });
        within(TIMEOUT, found).await.map(|found| found.is_some())
    };
    let (fitting, foreign) = (
        is_any(shape.has.clone()).await?,
        is_any(shape.foreign()).await?,
    );
    Ok(match (fitting, foreign) {
        (true, true) => Owner::Both,
        (false, true) => Owner::Others,
        (true, false) if has_more_fields(collection, shape).await? => Owner::Both,
        (true, false) => Owner::Relay,
        (false, false) => {
            let is_known = |index: &String| index == "_id_" || known.contains(index);
            match !known.is_empty() && indexes.iter().all(is_known) {
                true => Owner::Relay,
                false => Owner::Others,
            }
        }
    })
}

/// Whether a document has a field that the relay does not know.
async fn has_more_fields(
    collection: &Collection<Document>,
    shape: &Shape,
) -> Result<bool, MongoError> {
    if shape.fields.is_empty() {
        return Ok(false);
    }
    let reading = async {
        let mut found = collection.find(doc! {}).await?;
        while found.advance().await? {
            let fields = found.current().iter_elements();
            let mut names = fields.filter_map(|field| Some(field.ok()?.key().as_str()));
            if names.any(|name| !shape.fields.contains(&name)) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    within(TIMEOUT, reading).await
}

async fn rename(database: &Database, from: &str, to: &str) -> Result<(), MongoError> {
    let full = |name: &str| format!("{}.{name}", database.name());
    let admin = database.client().database("admin");
    let command = admin.run_command(doc! { "renameCollection": full(from), "to": full(to) });
    let Err(error) = within(TIMEOUT, command).await else {
        return Ok(());
    };
    let is_done = is_renamed(database, from, to).await?;
    match is_done {
        true => Ok(()),
        false if error.is_away() => Err(error),
        false => Err(MongoError::from(CollectionFault::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
            source: error,
        })),
    }
}

/// Whether another node has been faster, which it may be in the middle of.
async fn is_renamed(database: &Database, from: &str, to: &str) -> Result<bool, MongoError> {
    for _ in 0..LOOKS {
        let names = within(TIMEOUT, database.list_collection_names()).await?;
        let is_there = |name: &str| names.iter().any(|one| one == name);
        if is_there(to) && !is_there(from) {
            return Ok(true);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Ok(false)
}
