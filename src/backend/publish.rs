//! Publishing an event to clients of all nodes, and what is answered and recorded of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::repeated::{Begun, RequestKey};
use super::{Backend, Target};
use crate::audit::{AuditText, Event, Record, Source};
use crate::cluster::{Answer, BackendMessage, Publication};
use crate::metrics::publish::{self, PublishOutcome};
use crate::metrics::refusals::{self, Limit};
use crate::model::{Refusal, Why};

/// What a backend asks to publish. `Debug` does not show what it says.
pub(crate) struct Request {
    /// For whom.
    pub(crate) targets: Vec<Target>,
    /// The name of the event.
    pub(crate) event: String,
    /// Its only argument, as JSON text; `None`: it has none.
    pub(crate) data: Option<String>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("targets", &self.targets.len())
            .finish_non_exhaustive()
    }
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Published {
    /// The id of its record.
    pub(crate) id: Uuid,
    /// How many connections were handed it, each counted once.
    pub(crate) connections: u64,
    /// The same for each target, in the order in which they were named.
    pub(crate) targets: Vec<TargetReached>,
    /// Whether all nodes have said so.
    pub(crate) complete: bool,
}

/// How many connections of a target were handed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TargetReached {
    /// What it is.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Its id.
    pub(crate) id: String,
    /// How many.
    pub(crate) connections: u64,
}

impl Backend {
    /// Publishes an event with the token of this name, unless that was done before under the same key. Whether it was.
    ///
    /// # Errors
    /// The key stands for another request, the token publishes too much, or the store fails.
    pub(crate) async fn publish(
        &self,
        source: &Arc<Source>,
        token: &str,
        key: Option<RequestKey>,
        request: Request,
    ) -> Result<(Arc<Published>, bool), Refusal> {
        let Some(key) = key else {
            let published = self.publish_new(source, token, request).await?;
            return Ok((Arc::new(published), false));
        };
        let begun = match self.repeated.begin(token, &key).await {
            Begun::First(begun) => begun,
            Begun::Again(published) => {
                publish::answered(PublishOutcome::Duplicate);
                return Ok((published, true));
            }
            Begun::Conflict => return Err(Refusal::new(Why::KeyReused)),
            Begun::Full => return Err(Refusal::busy()),
        };
        match self.publish_new(source, token, request).await {
            Ok(published) => Ok((begun.done(published).await, false)),
            Err(refusal) => {
                begun.release().await;
                Err(refusal)
            }
        }
    }

    async fn publish_new(
        &self,
        source: &Arc<Source>,
        token: &str,
        request: Request,
    ) -> Result<Published, Refusal> {
        let Request {
            targets,
            event,
            data,
        } = request;
        if !self.limit(token).allows_bytes(targets.len()) {
            refusals::limited(Limit::Publish);
            return Err(Refusal::rate_limited());
        }
        let publication = Publication {
            token: token.to_owned(),
            targets: self.meant(&targets).await?,
            event,
            data,
        };
        // Both in the order of these calls, here and on the way to the others.
        let message = BackendMessage::Publish(publication.clone());
        let (mut reached, (answers, complete)) =
            tokio::join!(self.publish_here(&publication), self.ask(message));
        for answer in &answers {
            if let Answer::Reached(there) = answer {
                reached.add(there);
            }
        }
        let record = Record::new(
            source,
            None,
            Event::Published {
                event: AuditText::new(&publication.event),
                targets: targets.len() as u64,
                connections: reached.connections,
                bytes: publication.data.as_ref().map_or(0, String::len) as u64,
            },
        );
        let id = record.id();
        self.audit.record(record);
        publish::reached(reached.connections);
        publish::answered(match reached.connections {
            0 => PublishOutcome::Nobody,
            _ => PublishOutcome::Reached,
        });
        let counts = reached.targets.into_iter().chain(std::iter::repeat(0));
        let counted = targets.iter().zip(counts);
        Ok(Published {
            id,
            connections: reached.connections,
            targets: counted
                .map(|(target, connections)| TargetReached {
                    kind: target.kind().as_str().to_owned(),
                    id: target.id(),
                    connections,
                })
                .collect(),
            complete,
        })
    }
}
