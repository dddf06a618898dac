//! Facts that were given up, of all nodes: remembered, listed, and made to be told again by the node that is asked.

use mongodb::bson::{Document, doc};

use super::facts::{begun, id_of, insert, keys};
use super::{Cursors, TIMEOUT, all, binary};
use crate::stores::drivers::mongo::within;
use crate::webhooks::fact::FactId;
use crate::webhooks::progress::{Dead, DeadFact, MOST_DEAD, ProgressError, Selection, id_at};

/// How many are looked at in one command.
const AT_ONCE: usize = 1_000;

impl Cursors {
    /// How many there are of an endpoint.
    pub(super) async fn count_dead(&self, endpoint: &str) -> Result<u64, ProgressError> {
        let count = self.dead.count_documents(doc! { "endpoint": endpoint });
        Ok(within(TIMEOUT, count).await?)
    }

    /// Remembers some more, and forgets the earliest if there are too many.
    pub(super) async fn add_dead(
        &self,
        endpoint: &str,
        dead: &[Dead],
    ) -> Result<(), ProgressError> {
        let documents = dead.iter().map(|one| {
            let mut document = begun(endpoint, &self.node, one.id);
            document.insert("type", one.kind.as_str());
            document.insert("subject", &*one.subject);
            if let Some(outcome) = one.outcome {
                document.insert("outcome", outcome);
            }
            document
        });
        insert(&self.dead, documents.collect()).await?;
        let of_endpoint = doc! { "endpoint": endpoint };
        let last = self.dead.find(of_endpoint);
        let last = last.sort(doc! { "record": -1 }).skip(MOST_DEAD).limit(1);
        if let Some(last) = all(last).await?.first() {
            let old = doc! {
                "endpoint": endpoint, "record": { "$lte": binary(id_of(last)?.record) }
            };
            within(TIMEOUT, self.dead.delete_many(old)).await?;
        }
        Ok(())
    }

    /// Up to `limit` dead facts of an endpoint behind one, the earliest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub(in crate::webhooks) async fn dead(
        &self,
        endpoint: &str,
        after: Option<FactId>,
        limit: usize,
    ) -> Result<Vec<DeadFact>, ProgressError> {
        let mut filter = doc! { "endpoint": endpoint };
        if let Some(FactId { record, part }) = after {
            let record = binary(record);
            let same = doc! { "record": record.clone(), "part": { "$gt": i32::from(part) } };
            filter.insert("$or", vec![doc! { "record": { "$gt": record } }, same]);
        }
        let found = self.dead.find(filter);
        let found = found.sort(doc! { "record": 1, "part": 1 });
        let found = all(found.limit(limit as i64)).await?;
        found.iter().map(dead_fact).collect()
    }

    /// Makes dead facts wait again, as of `now` in milliseconds since 1970; which they are, and how many are still dead.
    ///
    /// # Errors
    /// Some of them may wait and still be dead.
    pub(in crate::webhooks) async fn revive(
        &self,
        endpoint: &str,
        selection: &Selection,
        now: u64,
    ) -> Result<(Vec<FactId>, u64), ProgressError> {
        let filter = match selection {
            Selection::Ids(ids) => doc! { "_id": { "$in": keys(endpoint, ids) } },
            Selection::Times { from, to } => {
                let mut within = doc! { "$gte": binary(id_at(from.unwrap_or(0))) };
                within.extend(to.map(|to| ("$lt".to_owned(), binary(id_at(to)))));
                doc! { "endpoint": endpoint, "record": within }
            }
        };
        let found = all(self.dead.find(filter)).await?;
        let ids: Vec<_> = found.iter().map(id_of).collect::<Result<_, _>>()?;
        for some in ids.chunks(AT_ONCE) {
            let these = doc! { "_id": { "$in": keys(endpoint, some) } };
            let waits = doc! { "told": false, "replayed": now as i64, "node": &*self.node };
            let documents = some.iter().map(|id| {
                let mut document = begun(endpoint, &self.node, *id);
                document.extend(waits.clone());
                document
            });
            insert(&self.facts, documents.collect()).await?;
            let update = self
                .facts
                .update_many(these.clone(), doc! { "$set": waits.clone() });
            within(TIMEOUT, update).await?;
            within(TIMEOUT, self.dead.delete_many(these)).await?;
        }
        Ok((ids, self.count_dead(endpoint).await?))
    }
}

fn dead_fact(document: &Document) -> Result<DeadFact, ProgressError> {
    let text = |name: &str| document.get_str(name).map(str::to_owned);
    let needed = |name: &str| text(name).map_err(|_| ProgressError::Damaged);
    Ok(DeadFact {
        id: id_of(document)?,
        kind: needed("type")?,
        subject: needed("subject")?,
        outcome: text("outcome").ok(),
    })
}
