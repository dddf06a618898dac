//! What other nodes ask of this one for a backend.

use super::Backend;
use crate::cluster::{Answer, BackendMessage};

impl Backend {
    /// Does what a backend has all nodes do; the answer.
    pub(crate) async fn received(&self, message: BackendMessage) -> Answer {
        match message {
            BackendMessage::Publish(publication) => {
                // Its node has counted it, too: over all nodes a token may publish no more than its rate.
                self.limit(&publication.token)
                    .allows_cost(publication.targets.len());
                Answer::Reached(self.publish_here(&publication).await)
            }
            BackendMessage::CountConnections(users) => Answer::Counts(self.count_here(&users)),
            BackendMessage::ListConnections { user, after, limit } => {
                let listed = self.list_here(user, after, limit).await;
                Answer::Connections(listed)
            }
            BackendMessage::Stats => Answer::Stats(self.stats_here()),
            BackendMessage::Watch { limit } => Answer::Watched(self.watch_here(limit).await),
            BackendMessage::FindAdminSession(hash) => Answer::AdminSession(self.admins.find(&hash)),
            BackendMessage::CloseConnection(id) => {
                let closed = self.close_here(id).await;
                Answer::Connections(closed.into_iter().collect())
            }
        }
    }
}
