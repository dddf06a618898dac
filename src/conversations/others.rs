//! Notices what others have done in the same database: other nodes, whose messages may be lost or late,
//! and applications, which send none. It must not know how a change is stored or worded.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Conversations;
use crate::model::UserId;
use crate::model::conversation::{ConversationDialect, Extra};
use crate::stores::conversations::{ParticipantsChanged, Position, SharedLog, StoreError};

/// How often it is looked: more than once in the 5 s within which changes of applications are promised
/// to be noticed.
const INTERVAL: Duration = Duration::from_secs(4);
/// How many conversations are compared at once.
const BATCH: usize = 1_000;
/// Changes of applications are looked for again after this many times as long as it took: it is a part of
/// the time only, however many users are connected.
const PAUSE: u32 = 10;

/// How far this node has looked.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    /// Behind which changes of participants. `None`: none has to be looked for, since nobody was here.
    position: Mutex<Option<Position>>,
    /// When changes of applications are looked for again.
    applications_at: Mutex<Option<Instant>>,
}

impl Conversations {
    /// Notices what others have changed, for ever.
    pub(crate) async fn watch_others(self: Arc<Self>) {
        if self.stores().shared_log.is_none() {
            return;
        }
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.notice_others().await;
        }
    }

    /// Notices what others have changed that concerns somebody here.
    pub(crate) async fn notice_others(self: &Arc<Self>) {
        let Some(log) = &self.stores().shared_log else {
            return;
        };
        let noticed = async {
            self.notice_applications(log.as_ref()).await?;
            self.notice_participants(log.as_ref()).await?;
            self.notice_changes(log.as_ref()).await
        };
        if let Err(error) = noticed.await {
            tracing::debug!(%error, "what others have changed was not read");
        }
    }

    /// In the conversations that somebody is subscribed to here.
    async fn notice_changes(self: &Arc<Self>, log: &dyn SharedLog) -> Result<(), StoreError> {
        for batch in self.all_local().chunks(BATCH) {
            for (id, number) in log.last(batch).await? {
                self.change_noticed(&id, number).await;
            }
        }
        Ok(())
    }

    /// The participants of conversations of users who are connected here.
    async fn notice_participants(self: &Arc<Self>, log: &dyn SharedLog) -> Result<(), StoreError> {
        let mut position = self.noticed.position.lock().await;
        loop {
            let (end, changed) = log.participants_changed(*position).await?;
            let is_end = changed.is_empty();
            for one in changed {
                if self.concerns(&one) {
                    self.observe(&one.conversation, one.number, Extra::default())
                        .await;
                }
            }
            *position = Some(end);
            if is_end {
                return Ok(());
            }
        }
    }

    /// Whether a change of participants concerns somebody here who was not notified.
    fn concerns(&self, changed: &ParticipantsChanged) -> bool {
        let mut users = changed.users.iter();
        let is_known = self.subscriptions.last_published(&changed.conversation);
        is_known.is_none_or(|number| number < changed.number)
            && users.any(|user| self.users.connection_count(user.as_str()) > 0)
    }

    /// Logs and publishes what applications have changed of the participants of conversations that
    /// somebody is subscribed to here, or that are those of a user who is notified of them.
    async fn notice_applications(self: &Arc<Self>, log: &dyn SharedLog) -> Result<(), StoreError> {
        let mut next = self.noticed.applications_at.lock().await;
        let began = Instant::now();
        if next.is_some_and(|next| began < next) {
            return Ok(());
        }
        let users: Vec<_> = self.notified_users().into_iter().collect();
        let changes = log.log_applications(&users, &self.all_local()).await;
        *next = Some(began + began.elapsed() * PAUSE);
        for (id, change) in changes? {
            let guard = self.lock(&id).await;
            self.publish_participants(guard, None, Some(change)).await;
        }
        Ok(())
    }

    /// The users here who are notified of changes of participants in all of their conversations.
    fn notified_users(&self) -> HashSet<UserId> {
        let members = self.users.all_members().into_iter();
        let notified = members.filter(|member| {
            let dialect = ConversationDialect::of(member.connection.dialect());
            dialect.is_some_and(|dialect| dialect != ConversationDialect::Conversation)
        });
        notified.map(|member| member.user.id.clone()).collect()
    }
}
