//! Files that a user began on one node and goes on with on another: what a node knows of a file is noted in Redis, and
//! read where it is not known, or where chunks seem to be missing at its end.

use super::transfers::{Chunk, FileNames, Progress};
use super::{User, Users};
use crate::cluster::Cluster;

impl Users {
    /// Counts a chunk among those that a user has sent of a file, on whichever node. What names the file is asked for
    /// when it is new.
    pub(crate) async fn count_chunk(
        &self,
        sender: &User,
        chunk: &Chunk<'_>,
        names: impl Fn() -> FileNames,
    ) -> Progress {
        let cluster = self.cluster.as_deref();
        let Some(cluster) = cluster.filter(|cluster| cluster.redis().is_up() && chunk.total > 1)
        else {
            return sender.transfers().sent(chunk, names);
        };
        if !sender.transfers().knows(chunk) {
            learn(cluster, sender, chunk, &names).await;
        }
        let mut progress = sender.transfers().sent(chunk, &names);
        if !progress.is_complete && chunk.is_last() {
            learn(cluster, sender, chunk, &names).await;
            let forgotten = std::mem::take(&mut progress.forgotten);
            progress = sender.transfers().sent(chunk, &names);
            progress.forgotten.extend(forgotten);
        }
        if let Some(noted) = sender.transfers().written(chunk) {
            cluster.note_transfer(&sender.id, &chunk.key(), &noted);
        }
        progress
    }
}

/// Adds what another node knows of a file.
async fn learn(
    cluster: &Cluster,
    sender: &User,
    chunk: &Chunk<'_>,
    names: &impl Fn() -> FileNames,
) {
    if let Some(noted) = cluster.transfer(&sender.id, &chunk.key()).await {
        sender.transfers().learn(chunk, &noted, names);
    }
}
