//! Taking tokens back, and taking that back: it is stored first, then holds here, then on the other nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use uuid::Uuid;

use super::Revocations;
use crate::audit::{AdminAction, AuditText, Event, Record, Source};
use crate::cluster::{AllNodes, AllNodesMessage, Answer, RevocationMessage};
use crate::model::clock::{Clock as _, SystemClock};
use crate::model::{Refusal, Revocation, RevocationKind, TokenFacts, Why};
use crate::stores::conversations::StoreError;

/// Which tokens an administrator takes back.
#[derive(Debug, Clone)]
pub(crate) struct NewRevocation {
    /// By what.
    pub(crate) kind: RevocationKind,
    /// The id of the token, the user or the session.
    pub(crate) subject: Arc<str>,
    /// Of a user's: those that were made until this time, in milliseconds since the epoch; until now, if it is not said.
    pub(crate) before: Option<u64>,
    /// Until when, if it is said.
    pub(crate) expires_at: Option<u64>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Made {
    /// As it holds now.
    pub(crate) revocation: Revocation,
    /// How many connections were closed.
    pub(crate) disconnected: u64,
    /// Whether all nodes have answered.
    pub(crate) complete: bool,
}

/// The place of a revocation that is being made.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Revocations {
    /// Takes tokens back.
    ///
    /// # Errors
    /// There are too many revocations, or it could not be stored.
    pub(crate) async fn revoke(
        &self,
        source: &Arc<Source>,
        new: NewRevocation,
    ) -> Result<Made, Refusal> {
        let _place = self.take_place(&new)?;
        let now = SystemClock.now_ms();
        let ttl = u64::try_from(self.config.now().revocation_ttl.as_millis()).unwrap_or(u64::MAX);
        let is_of_user = new.kind == RevocationKind::User;
        let revocation = Revocation {
            id: Uuid::now_v7(),
            kind: new.kind,
            subject: new.subject,
            before: is_of_user.then(|| new.before.unwrap_or(now)),
            created_at: now,
            expires_at: new.expires_at.unwrap_or_else(|| now.saturating_add(ttl)),
        };
        let revocation = self.store(revocation).await?;
        let here = self.apply(&revocation).await;
        let told = RevocationMessage::Made(revocation.clone());
        let (elsewhere, complete) = self.tell(told).await;
        let disconnected = here + elsewhere;
        self.record(
            source,
            AdminAction::TokensRevoked,
            Some(&revocation),
            Some(disconnected),
        );
        Ok(Made {
            revocation,
            disconnected,
            complete,
        })
    }

    /// Has it survive the end of this process: in the store, or in the data folder until the store takes it.
    async fn store(&self, new: Revocation) -> Result<Revocation, Refusal> {
        let error = match self.store.revoke(&new).await {
            Ok(stored) => return Ok(stored),
            Err(error @ StoreError::Failed(_)) => error,
            Err(error) => return Err(error.into()),
        };
        tracing::debug!(%error, "a revocation waits for the store");
        let new = self.tokens.widened(new);
        let added = self.unstored.add(&new).await;
        added.map_err(Refusal::failed)?;
        Ok(new)
    }

    fn take_place(&self, new: &NewRevocation) -> Result<Place<'_>, Refusal> {
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst);
        let place = Place(&self.under_way);
        let is_full = self.tokens.len() + under_way >= self.config.now().max_revocations;
        match is_full && !self.tokens.is_known(new.kind, &new.subject) {
            true => Err(Refusal::new(Why::Busy)),
            false => Ok(place),
        }
    }

    /// Takes a revocation back, so that the tokens are good again; and whether all nodes have answered.
    ///
    /// # Errors
    /// There is no such, or that could not be stored.
    pub(crate) async fn take_back(
        &self,
        source: &Arc<Source>,
        id: Uuid,
    ) -> Result<(Revocation, bool), Refusal> {
        let unstored = self.unstored.remove(vec![id]).await;
        let taken = match unstored.map_err(Refusal::failed)?.pop() {
            Some(unstored) => Some(unstored),
            None => self.store.take_back(id).await?,
        };
        let taken = taken.ok_or_else(|| Refusal::new(Why::RevocationNotFound))?;
        self.tokens.forget(&taken);
        let told = RevocationMessage::TakenBack(taken.clone());
        let (_, complete) = self.tell(told).await;
        self.record(source, AdminAction::RevocationTakenBack, Some(&taken), None);
        Ok((taken, complete))
    }

    /// A part of those that hold, and whether there are more.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) async fn list(
        &self,
        source: &Arc<Source>,
        kind: Option<RevocationKind>,
        (after, limit): (Option<Uuid>, usize),
    ) -> Result<(Vec<Revocation>, bool), Refusal> {
        // One more says that there are more.
        let mut listed = self.store.list(kind, after, limit + 1).await?;
        let is_more = listed.len() > limit;
        listed.truncate(limit);
        let count = listed.len() as u64;
        self.record(source, AdminAction::RevocationsRead, None, Some(count));
        Ok((listed, is_more))
    }

    /// From now on it holds here; how many connections were closed.
    pub(super) async fn apply(&self, revocation: &Revocation) -> u64 {
        self.tokens.learn(revocation);
        let revocation = revocation.clone();
        self.end_such(move |user, token| revocation.covers(user, token))
            .await
    }

    /// Ends connections with such tokens here; how many there were. All are looked at for that, beside other work.
    pub(super) async fn end_such(
        &self,
        are_such: impl Fn(&str, &TokenFacts) -> bool + Send + Sync + 'static,
    ) -> u64 {
        let open = self.connections.clone();
        let ended = tokio::task::spawn_blocking(move || open.end_revoked(&are_such));
        ended.await.unwrap_or_else(|error| {
            tracing::error!(%error, "connections could not be looked at");
            0
        })
    }

    /// Tells the other nodes; how many connections they closed, and whether all have answered.
    async fn tell(&self, message: RevocationMessage) -> (u64, bool) {
        let Some(cluster) = &self.cluster else {
            return (0, true);
        };
        let message = AllNodesMessage::Revocation(message);
        let (answers, is_complete) = cluster.ask_all(&message).await;
        let closed = answers.iter().map(Answer::count);
        (closed.sum(), is_complete)
    }

    /// Tells the other nodes, and waits for nobody.
    pub(super) fn publish(&self, message: RevocationMessage) {
        if let Some(cluster) = &self.cluster {
            let message = AllNodesMessage::Revocation(message);
            let _ = cluster.bus().publish(&AllNodes, &message);
        }
    }

    fn record(
        &self,
        source: &Arc<Source>,
        action: AdminAction,
        about: Option<&Revocation>,
        count: Option<u64>,
    ) {
        let user = about.filter(|about| about.kind == RevocationKind::User);
        let event = Event::Admin {
            action,
            recipient: user.map(|about| AuditText::new(&about.subject)),
            conversation_id: None,
            count,
        };
        self.audit.record(Record::new(source, None, event));
    }
}
