//! What ended connections handed over to one node that it has not handled yet, as other nodes know it, so that a later
//! connection does not overtake it. It must not know what it is.
//!
//! Redis has a set of marks for each of whom it is known of, for a minute: of a node that dies nothing is left to handle.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::message::{Message, SessionMessage, UserMessage};
use super::{Answer, Cluster};
use crate::model::UserId;
use crate::model::session::SessionId;

/// How long it is known.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How long is waited for connections that are not known to have ended, of which some are only busy.
const BUSY_FOR: Duration = Duration::from_secs(1);
/// How often other nodes, or Redis, are asked.
const POLL: Duration = Duration::from_millis(20);

/// Other nodes know what is not handled yet, until this is dropped.
#[derive(Debug)]
pub(crate) struct UnfinishedMark {
    cluster: Arc<Cluster>,
    /// Of whom, and what.
    marks: Vec<(String, String)>,
}

/// What one mark says, as it is written: where it is handled, and what it is about.
fn mark(by: &str, about: &str) -> String {
    format!("{by} {about}")
}

fn parse(mark: &str) -> Option<(&str, &str)> {
    mark.split_once(' ')
}

impl Cluster {
    /// Tells other nodes what of a connection is not handled yet: of whom, and what it is about.
    pub(crate) fn mark_unfinished(
        self: &Arc<Self>,
        connection: Uuid,
        unfinished: impl Iterator<Item = (String, String)>,
    ) -> UnfinishedMark {
        let by = format!("{}/{connection}", self.node_id);
        let marks = unfinished.map(|(whose, about)| (whose, mark(&by, &about)));
        let marked = UnfinishedMark {
            cluster: self.clone(),
            marks: marks.collect(),
        };
        for (whose, mark) in &marked.marks {
            marked.run("SADD", whose, mark);
            marked.run("EXPIRE", whose, &KNOWN_FOR.as_secs().to_string());
        }
        marked
    }

    /// What other nodes have not handled yet that ended connections handed over: what it is about. None when Redis does
    /// not answer.
    pub(crate) async fn unfinished_elsewhere(&self, whose: &str) -> Vec<String> {
        let mut command = redis::cmd("SMEMBERS");
        command.arg(self.unfinished_key(whose));
        let marks = self.redis.query::<Vec<String>>(&command).await;
        let own = self.node_id.to_string();
        let is_own = |by: &str| by.starts_with(&own);
        let marks = marks.unwrap_or_default();
        let others = marks.iter().filter_map(|mark| parse(mark));
        let others = others.filter(|(by, _)| !is_own(by));
        others.map(|(_, about)| about.to_owned()).collect()
    }

    /// Waits until other nodes have handled what is about this.
    pub(crate) async fn finished_elsewhere(&self, whose: &str, about: &str) {
        let deadline = Instant::now() + KNOWN_FOR;
        while Instant::now() < deadline
            && self
                .unfinished_elsewhere(whose)
                .await
                .iter()
                .any(|unfinished| unfinished == about)
        {
            sleep(POLL).await;
        }
    }

    /// Waits until no other node is in the middle of what connections of a user hand over, which may have ended without
    /// that being known there; but not for long.
    pub(crate) async fn quiet_elsewhere(&self, user: &UserId) {
        self.until_none(user, &UserMessage::CountBusy).await;
    }

    /// The same of the connections of a member of a session.
    pub(crate) async fn member_quiet_elsewhere(&self, session: &SessionId, user: &UserId) {
        let user = user.clone();
        let question = SessionMessage::CountBusy { user };
        self.until_none(session, &question).await;
    }

    async fn until_none<M: Message>(&self, to: &M::Topic, question: &M) {
        let deadline = Instant::now() + BUSY_FOR;
        let is_busy = |answers: Vec<Answer>| {
            let mut answers = answers.into_iter();
            answers.any(|answer| matches!(answer, Answer::Count(1..)))
        };
        while is_busy(self.ask(to, question).await) && Instant::now() < deadline {
            sleep(POLL).await;
        }
    }

    fn unfinished_key(&self, whose: &str) -> String {
        self.redis.key("unfinished", whose)
    }
}

impl UnfinishedMark {
    /// In the order of what this node publishes: what was published before is sent before.
    fn run(&self, name: &str, whose: &str, argument: &str) {
        let mut command = redis::cmd(name);
        command
            .arg(self.cluster.unfinished_key(whose))
            .arg(argument);
        self.cluster.bus.run_command(command);
    }
}

impl Drop for UnfinishedMark {
    fn drop(&mut self) {
        for (whose, mark) in &self.marks {
            self.run("SREM", whose, mark);
        }
    }
}
