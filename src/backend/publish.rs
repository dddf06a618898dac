//! Publishing an event to clients of all nodes, and what is recorded of it.

use std::sync::Arc;

use uuid::Uuid;

use super::published::{Published, TargetReached};
use super::repeated::{Begun, RequestKey};
use super::{Backend, Target};
use crate::audit::{AuditText, Event, Record, Source};
use crate::cluster::{Answer, BackendMessage, Publication, Reached};
use crate::metrics::publish::{self, PublishOutcome};
use crate::metrics::refusals::{self, Limit};
use crate::model::{Refusal, Why};
use crate::traces::{Attribute, Name, Parent, Span};

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
        let Some(span) = Span::begin(Name::Publish, Parent::Current) else {
            return self.publish_once(source, token, key, request).await;
        };
        span.note(Attribute::Bytes(
            request.data.as_ref().map_or(0, String::len),
        ));
        let publishing = Box::pin(self.publish_once(source, token, key, request));
        let published = span.around(publishing).await;
        note_outcome(&span, &published);
        published
    }

    /// The same, for which there is no span.
    async fn publish_once(
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
        if !self.limit(token).allows_cost(targets.len()) {
            refusals::limited(Limit::Publish);
            return Err(Refusal::rate_limited());
        }
        let publication = Publication {
            token: token.to_owned(),
            targets: self.meant(&targets).await?,
            event,
            data,
        };
        let (reached, complete) = self.publish_everywhere(&publication).await;
        let id = self.note_published(source, &publication, reached.connections);
        // What could not be written has reached none.
        let counts = reached.targets.into_iter().chain(std::iter::repeat(0));
        let counted = targets.iter().zip(counts);
        let counted = counted.map(|(target, connections)| TargetReached {
            kind: target.kind().as_str().to_owned(),
            id: target.id(),
            connections,
        });
        Ok(Published {
            id,
            connections: reached.connections,
            targets: counted.collect(),
            complete,
        })
    }

    /// Whom it reached, and whether all nodes have said so.
    async fn publish_everywhere(&self, publication: &Publication) -> (Reached, bool) {
        let message = BackendMessage::Publish(publication.clone());
        // Both begin in the order of these calls.
        let (mut reached, (answers, is_complete)) =
            tokio::join!(self.publish_here(publication), self.ask(message));
        for answer in &answers {
            if let Answer::Reached(there) = answer {
                reached.add(there);
            }
        }
        (reached, is_complete)
    }

    /// Records and counts what has reached so many connections; the id of the record.
    fn note_published(
        &self,
        source: &Arc<Source>,
        publication: &Publication,
        connections: u64,
    ) -> Uuid {
        let event = Event::Published {
            event: AuditText::new(&publication.event),
            targets: publication.targets.len() as u64,
            connections,
            bytes: publication.data.as_ref().map_or(0, String::len) as u64,
        };
        let record = Record::new(source, None, event);
        let id = record.id();
        self.audit.record(record);
        publish::reached(connections);
        publish::answered(match connections {
            0 => PublishOutcome::Nobody,
            _ => PublishOutcome::Reached,
        });
        id
    }
}

/// Says in the span of a request what became of it.
fn note_outcome(span: &Span, published: &Result<(Arc<Published>, bool), Refusal>) {
    let outcome = match published {
        Ok((_, true)) => PublishOutcome::Duplicate,
        Ok((published, _)) if published.connections == 0 => PublishOutcome::Nobody,
        Ok(_) => PublishOutcome::Reached,
        Err(_) => PublishOutcome::Refused,
    };
    span.note(Attribute::Outcome(outcome.as_str()));
    if let Ok((published, false)) = published {
        span.note(Attribute::Receivers(published.connections));
    }
}
