//! Who is online as far as the audit says, so that after a kill it is known who was.
//!
//! Owns a reader of the audit that keeps them in `webhooks.db`, always as of the record that it has read. It must not
//! know who is connected.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::sleep;
use uuid::Uuid;

use super::fact::Fact;
use super::source::Source;
use super::store::Store;
use crate::audit::Audit;
use crate::model::{FactType, FactTypes};

/// Facts that are noted at once.
const AT_ONCE: usize = 1_024;
/// The pause after something could not be read or written.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is looked whether everything of the last process was read.
const LEFTOVER: Duration = Duration::from_millis(100);

/// What is needed for it.
pub(super) struct Setup {
    pub(super) audit: Audit,
    pub(super) node: Arc<str>,
    pub(super) store: Store,
    /// When the process began.
    pub(super) now: Uuid,
    /// Receives who was online when the last process ended without saying that they are not.
    pub(super) left: oneshot::Sender<Vec<String>>,
}

/// A user came online, or went offline.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) user: String,
    pub(super) record: Uuid,
    pub(super) is_online: bool,
}

impl Change {
    fn of(fact: &Fact) -> Option<Self> {
        Some(Self {
            user: fact.subject.strip_prefix("user:")?.to_owned(),
            record: fact.id.record,
            is_online: fact.kind == FactType::UserOnline,
        })
    }
}

/// Follows who is online, until `stop` says so.
pub(super) async fn follow(setup: Setup, mut stop: watch::Receiver<bool>) {
    tokio::select! {
        () = follow_on(setup) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn follow_on(setup: Setup) {
    let Setup {
        audit,
        node,
        store,
        now,
        left,
    } = setup;
    let progress = loop {
        match store.load_online(now).await {
            Ok(progress) => break progress,
            Err(error) => {
                tracing::warn!(%error, "it cannot be read who was online; trying again");
                sleep(RETRY).await;
            }
        }
    };
    let wanted = FactTypes::of(&[FactType::UserOnline, FactType::UserOffline]);
    let mut source = Source::new(audit.clone(), node, wanted, progress);
    let (mut changes, mut left) = (Vec::new(), Some(left));
    loop {
        let was_leftover_stored = audit.has_stored_leftover();
        let read = read(&mut source, &mut changes).await;
        let is_noted = read && note(&store, &source, &mut changes).await;
        if !is_noted {
            sleep(RETRY).await;
            continue;
        }
        if source.has_more() {
            continue;
        }
        match left.take() {
            Some(wanting) if was_leftover_stored => tell(&store, now, wanting).await,
            Some(wanting) => {
                left = Some(wanting);
                tokio::select! {
                    () = source.wait() => {}
                    () = sleep(LEFTOVER) => {}
                }
            }
            None => source.wait().await,
        }
    }
}

/// Reads a page. Returns whether it could be read.
async fn read(source: &mut Source, changes: &mut Vec<Change>) -> bool {
    let mut take = |fact: Fact| {
        changes.extend(Change::of(&fact));
        changes.len() < AT_ONCE
    };
    match source.read(&mut take).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "the audit cannot be read for who is online; trying again");
            false
        }
    }
}

async fn note(store: &Store, source: &Source, changes: &mut Vec<Change>) -> bool {
    let noted: Arc<[Change]> = std::mem::take(changes).into();
    match store.take_online(source.read_to(), &noted).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "it cannot be noted who is online; trying again");
            changes.extend(noted.iter().cloned());
            false
        }
    }
}

async fn tell(store: &Store, now: Uuid, wanting: oneshot::Sender<Vec<String>>) {
    match store.online_before(now).await {
        // Whoever wanted to know may have gone.
        Ok(users) => drop(wanting.send(users)),
        Err(error) => tracing::error!(%error, "it cannot be read who was online"),
    }
}
