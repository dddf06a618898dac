//! Who is online as far as the audit says, so that after a kill it is known who was.
//!
//! Owns a reader of the audit that keeps them in `webhooks.db`, always as of the record that it has read. It must not
//! know who is connected.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};
use tokio::time::sleep;
use uuid::Uuid;

use super::fact::Fact;
use super::progress::{OnlineChange, ProgressError};
use super::source::{Reads, Source};
use super::sqlite::ProgressFile;
use super::store::blocking;
use crate::audit::{Audit, ReadError};
use crate::metrics::stores::Work;
use crate::model::{FactType, FactTypes};

/// Facts that are noted at once.
const AT_ONCE: usize = 1_024;
/// The pause after something could not be read or written.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is noted how far was read, when nothing has changed.
const NOTE: Duration = Duration::from_secs(5);
/// How often it is looked whether everything of the last process was read.
const LEFTOVER: Duration = Duration::from_millis(100);

/// What is needed for it.
pub(super) struct Setup {
    pub(super) audit: Audit,
    pub(super) node: Arc<str>,
    pub(super) file: Arc<ProgressFile>,
    /// When the process began.
    pub(super) now: Uuid,
    /// Receives who was online when the last process ended without saying that they are not.
    pub(super) left: oneshot::Sender<Vec<String>>,
}

fn change_of(fact: &Fact) -> Option<OnlineChange> {
    Some(OnlineChange {
        user: fact.subject.strip_prefix("user:")?.to_owned(),
        record: fact.id.record,
        is_online: fact.kind == FactType::UserOnline,
    })
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
        file,
        now,
        left,
    } = setup;
    let mut is_failing = false;
    let progress = loop {
        match blocking(&file, Work::ReadWebhooks, move |file| file.load_online(now)).await {
            Ok(progress) => break progress,
            Err(error) => pause(&mut is_failing, &error.into()).await,
        }
    };
    let wanted = FactTypes::of(&[FactType::UserOnline, FactType::UserOffline]);
    let mut reading = Reading {
        source: Source::new(audit.clone(), node, wanted, progress, Reads::Own),
        file,
        changes: Vec::new(),
        noted_at: None,
    };
    let mut left = Some(left);
    loop {
        let was_leftover_stored = audit.has_stored_leftover();
        match reading.go_on().await {
            Ok(()) => is_failing = false,
            Err(error) => {
                pause(&mut is_failing, &error).await;
                continue;
            }
        }
        if reading.source.has_more() {
            continue;
        }
        match left.take() {
            Some(wanting) if was_leftover_stored => tell(&reading.file, now, wanting).await,
            Some(wanting) => {
                left = Some(wanting);
                tokio::select! {
                    () = reading.source.wait() => {}
                    () = sleep(LEFTOVER) => {}
                }
            }
            None => reading.source.wait().await,
        }
    }
}

async fn pause(is_failing: &mut bool, error: &FollowError) {
    if !std::mem::replace(is_failing, true) {
        tracing::warn!(%error, "it cannot be followed who is online; trying again");
    }
    sleep(RETRY).await;
}

/// Why it cannot be followed who is online.
#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error("the audit cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error(transparent)]
    Progress(#[from] ProgressError),
}

/// What is read, and noted.
struct Reading {
    source: Source,
    file: Arc<ProgressFile>,
    changes: Vec<OnlineChange>,
    noted_at: Option<Instant>,
}

impl Reading {
    /// Reads a page and notes what it says.
    async fn go_on(&mut self) -> Result<(), FollowError> {
        let changes = &mut self.changes;
        let mut take = |fact: Fact| {
            changes.extend(change_of(&fact));
            changes.len() < AT_ONCE
        };
        self.source.read(&mut take).await?;
        let is_due = self.noted_at.is_none_or(|at| at.elapsed() >= NOTE);
        if self.changes.is_empty() && !is_due {
            return Ok(());
        }
        let (position, noted) = (self.source.read_to(), self.changes.clone());
        let take = move |file: &ProgressFile| file.take_online(position, &noted);
        blocking(&self.file, Work::WriteWebhooks, take).await?;
        self.changes.clear();
        self.noted_at = Some(Instant::now());
        Ok(())
    }
}

async fn tell(file: &Arc<ProgressFile>, now: Uuid, wanting: oneshot::Sender<Vec<String>>) {
    let read = move |file: &ProgressFile| file.online_before(now);
    match blocking(file, Work::ReadWebhooks, read).await {
        // Whoever wanted to know may have gone.
        Ok(users) => drop(wanting.send(users)),
        Err(error) => tracing::error!(%error, "it cannot be read who was online"),
    }
}
